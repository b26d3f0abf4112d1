"""Alarms as Common Alerting Protocol 1.2 (OASIS, 2010): drafts of live alarms, exercises of drills, never an actual alert.

Alarms propose; people decide. Whoever publishes a draft does so in their own system, in their own name.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from xml.etree import ElementTree as Xml

from twin.errors import BadInput
from twin.live.observation import LIVE, Alarm, Observation

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
AREA_M = 100.0
VALID = timedelta(hours=1)
SEVERITY = {1: "Extreme", 2: "Severe", 3: "Moderate", 4: "Minor"}
MESSAGE = {"raised": "Alert", "acknowledged": "Ack", "escalated": "Update", "closed": "Cancel"}
MEASURES = {
    "density": ("density", "密度", "persons/m2"), "flow": ("flow", "流量", "persons/s"), "speed": ("speed", "速度", "m/s"),
    "people_count": ("people", "人数", ""), "occupancy": ("occupancy", "占有率", ""), "pressure": ("pressure", "压力", "1/s2"),
    "silence": ("silence", "失联", "s"), "request": ("request for help", "求助", ""), "other": ("alarm", "警报", "")}
"""Name in both languages and unit of what an alarm is about."""


def cap_alert(alarm: Observation, lonlat: tuple[float, float] | None, *, sender: str, raised: Observation | None = None,
              area: str = "the district") -> bytes:
    """An alarm as a CAP message. ``raised`` is the observation that raised it: later messages refer to it.

    Status is ``Draft`` for the live stream and ``Exercise`` for a drill; a simulation has no CAP message. ``sender``
    identifies the command centre, such as ``command@district.example``; it may hold no space, comma, < or &.
    """
    value = alarm.value
    if not isinstance(value, Alarm):
        raise BadInput(f"a {alarm.kind} is no alarm", where=alarm.id, mend="give an observation of kind alarm")
    if alarm.stream != LIVE and not alarm.stream.startswith("drill:"):
        raise BadInput(f"the stream {alarm.stream} is simulated and has no alerts", where=alarm.id, mend="use live or a drill")
    if not sender or any(letter in sender for letter in " ,<&"):
        raise BadInput(f"{sender!r} cannot be a CAP sender", mend="give one without spaces, commas, < and &")
    root = Xml.Element("alert", xmlns=NAMESPACE)
    _text(root, "identifier", _identifier(alarm))
    _text(root, "sender", sender)
    _text(root, "sent", _time(alarm.observed_at))
    _text(root, "status", "Draft" if alarm.stream == LIVE else "Exercise")
    _text(root, "msgType", MESSAGE[value.state] if raised is not None or value.state == "raised" else "Alert")
    _text(root, "source", alarm.source)
    _text(root, "scope", "Restricted")
    _text(root, "restriction", "For the command centre only: a person decides whether this is published.")
    if alarm.stream != LIVE:
        _text(root, "note", f"EXERCISE {alarm.stream}: not an actual event. 演练，非真实事件。")
    if raised is not None and raised.id != alarm.id:
        _text(root, "references", f"{sender},{_identifier(raised)},{_time(raised.observed_at)}")
    for language in ("zh-CN", "en-US"):
        _info(root, alarm, value, lonlat, language, area)
    return Xml.tostring(root, encoding="utf-8", xml_declaration=True)


def _info(root: Xml.Element, alarm: Observation, value: Alarm, lonlat: tuple[float, float] | None, language: str,
          area: str) -> None:
    en, zh, unit = MEASURES[value.measure]
    what = zh if language == "zh-CN" else en
    reading = f": {value.reading:g} {unit}".rstrip() if value.reading is not None else ""
    limit = "" if value.limit is None else f" ({'限值' if language == 'zh-CN' else 'limit'} {value.limit:g})"
    info = Xml.SubElement(root, "info")
    _text(info, "language", language)
    _text(info, "category", "Safety")
    _text(info, "event", what)
    _text(info, "urgency", "Immediate" if value.level <= 2 else "Expected")
    _text(info, "severity", SEVERITY[value.level])
    _text(info, "certainty", "Observed")
    _text(info, "onset", _time(alarm.observed_at))
    _text(info, "expires", _time(alarm.observed_at + VALID))
    _text(info, "headline", f"{what}{reading}{limit}"[:160])
    if value.why:
        _text(info, "description", value.why)
    place = Xml.SubElement(info, "area")
    _text(place, "areaDesc", value.about or alarm.grid or area)
    if lonlat is not None:
        lon, lat = lonlat
        _text(place, "circle", f"{lat:.6f},{lon:.6f} {max(alarm.accuracy_m or 0.0, AREA_M) / 1000:g}")


def _identifier(alarm: Observation) -> str:
    """An identifier without the letters that CAP forbids in one."""
    return "".join("_" if letter in " ,<&" else letter for letter in f"{alarm.stream}/{alarm.id}")


def _time(moment: datetime) -> str:
    """A time as CAP wants it: whole seconds, the offset as +00:00, never Z."""
    return moment.replace(microsecond=0).isoformat()


def _text(parent: Xml.Element, tag: str, text: str) -> None:
    Xml.SubElement(parent, tag).text = text
