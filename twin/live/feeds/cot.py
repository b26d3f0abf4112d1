"""Cursor on Target (MITRE, 2005): positions of units to and from TAK clients and servers. Needs the extra ``cot`` (pytak).

Out goes the live stream alone; what comes in is a report like any other and passes the same door. A unit is named by its
call-sign; nothing else of a contact is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import socket
from collections.abc import AsyncIterator, Iterable
from configparser import ConfigParser, SectionProxy
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml

import defusedxml.ElementTree  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from pyproj import Transformer

from twin.errors import BadInput, HutongError, Unavailable
from twin.live.feeds.files import Door
from twin.live.leaving import must_be_live, only_live
from twin.live.observation import LIVE
from twin.live.row import Row, moment
from twin.live.state import STALE_S
from twin.places import District
from twin.store import Log, query

UNIT = "a-f-G"
"""A friend on the ground, and no more than that: the twin has no military units."""
PREFIX = "hutong."
UNKNOWN_M = 9_999_999.0
MOST_EVENT = 64 * 1024
AGAIN_S = 1.0


def to_cot(row: Row, lonlat: tuple[float, float], now: datetime) -> bytes:
    """A live position as a CoT event. Its heading turns from ours (radians from east) to CoT's (degrees from north)."""
    must_be_live(row.stream, "Cursor on Target")
    if row.kind != "position":
        raise BadInput(f"a {row.kind} is no position", where=row.id, mend="send positions")
    value = json.loads(row.value)
    observed = moment(row.observed_at)
    event = Xml.Element("event", version="2.0", uid=PREFIX + row.object, type=UNIT, how="m-g",
                        time=_time(now), start=_time(observed), stale=_time(observed + timedelta(seconds=STALE_S["position"])))
    lon, lat = lonlat
    Xml.SubElement(event, "point", lat=f"{lat:.7f}", lon=f"{lon:.7f}", hae=f"{UNKNOWN_M}",
                   ce=f"{row.accuracy_m if row.accuracy_m is not None else UNKNOWN_M}", le=f"{UNKNOWN_M}")
    detail = Xml.SubElement(event, "detail")
    Xml.SubElement(detail, "contact", callsign=row.object)
    if "speed" in value:
        course = math.degrees(math.pi / 2 - value["heading"]) % 360 if "heading" in value else 0.0
        Xml.SubElement(detail, "track", speed=f"{value['speed']}", course=f"{course:.1f}")
    return Xml.tostring(event, encoding="utf-8", xml_declaration=True)


def from_cot(data: bytes) -> dict[str, Any]:
    """The report in a CoT event; raises :class:`BadInput` if it is none."""
    if len(data) > MOST_EVENT:
        raise BadInput("the event is too long", where="CoT", mend="send one event at a time")
    try:
        event = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
        point = event.find("point")
        if event.tag != "event" or point is None or not event.get("type", "").startswith("a-"):
            raise BadInput("this is no position", where="CoT", mend="send events of type a-...")
        contact, track = event.find("detail/contact"), event.find("detail/track")
        name = (contact.get("callsign") if contact is not None else None) or event.get("uid", "").removeprefix(PREFIX)
        value: dict[str, Any] = {}
        if track is not None and track.get("speed"):
            value["speed"] = float(track.get("speed"))
            if track.get("course"):
                value["heading"] = round((math.pi / 2 - math.radians(float(track.get("course")))) % math.tau, 4)
        report = {"kind": "position", "object": name, "observed_at": event.get("start") or event.get("time"),
                  "lon": float(point.get("lon")), "lat": float(point.get("lat")), "value": value}
        if float(point.get("ce", UNKNOWN_M)) < UNKNOWN_M:
            report["accuracy_m"] = float(point.get("ce"))
    except (DefusedXmlException, Xml.ParseError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise BadInput(f"this is no CoT event ({type(error).__name__})", where="CoT", mend="send CoT 2.0 as XML") from None
    return report


class CotSender:
    """Sends live positions as they are committed, the newest of each unit, at most once a second."""

    def __init__(self, log: Log, district: District, url: str, *, stream: str = LIVE) -> None:
        must_be_live(stream, "Cursor on Target")
        self._project = Transformer.from_crs(district.crs, 4326, always_xy=True)
        self._log, self._url = log, url
        self._newest: dict[str, Row] = {}
        self._looked: dict[str, int] = {}
        self.sent = 0

    def take(self, rows: Iterable[Row]) -> None:
        """Remember what is to be sent next; called by the log after every commit."""
        for row in only_live(rows):
            if row.kind == "position" and row.x is not None:
                known = self._newest.get(row.object)
                if known is None or row.observed_at >= known.observed_at:
                    self._newest[row.object] = row

    def look(self) -> None:
        """Take what is new in the log: for a log that another process writes."""
        since = datetime.now(UTC) - timedelta(seconds=STALE_S["position"])
        found = self._log.latest_rows(query(LIVE, kinds=["position"], since=since))
        self.take(row for row in found if row.observed_at > self._looked.get(row.object, 0))
        self._looked = {row.object: row.observed_at for row in found}

    async def run(self, *, every_s: float = 1.0, elsewhere: bool = False) -> None:
        """Connect and send until cancelled; connects again when the line breaks.

        ``elsewhere`` says that another process writes the log: it is looked into before each sending.
        """
        end = self._log.watch(self.take)
        try:
            while True:
                with contextlib.suppress(OSError):
                    async with _line(self._url, "+wo") as (_, writer):
                        while True:
                            if elsewhere:
                                await asyncio.to_thread(self.look)
                            await self._send(writer)
                            await asyncio.sleep(every_s)
                await asyncio.sleep(every_s)
        finally:
            end()

    async def _send(self, writer: Any) -> None:
        due, self._newest = self._newest, {}
        now = datetime.now(UTC)
        for row in due.values():
            event = to_cot(row, self._project.transform(row.x, row.y), now)
            await (writer.send(event) if hasattr(writer, "send") else _write(writer, event))
            self.sent += 1


async def receive(door: Door, url: str, *, source: str = "cot") -> None:
    """Take in what a TAK server or client sends until cancelled; what is no position is refused and kept for the auditor.

    Connects again when the line breaks. CoT has no acknowledgement: what comes while the log is down is lost. Raises
    :class:`BadInput` if a port cannot be listened on.
    """
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with _line(url, "+ro") as (reader, _):
                while True:
                    data = await (reader.recv() if hasattr(reader, "recv") else reader.readuntil(b"</event>"))
                    await _take(door, data[0] if isinstance(data, tuple) else data, source)
        await asyncio.sleep(AGAIN_S)


async def _take(door: Door, event: bytes, source: str) -> None:
    try:
        report = json.dumps([from_cot(event)]).encode()
    except BadInput as error:
        report = json.dumps([{"kind": str(error)[:200]}]).encode()
    with contextlib.suppress(HutongError):
        await asyncio.to_thread(door.take, report, source=source)


async def _write(writer: Any, event: bytes) -> None:
    writer.write(event)
    await writer.drain()


@contextlib.asynccontextmanager
async def _line(url: str, way: str) -> AsyncIterator[tuple[Any, Any]]:
    """Reader and writer of a CoT address: ``tcp://host:port``, ``udp://host:port``, ``tls://...``.

    ``way`` is ``+ro`` or ``+wo``: a datagram address is listened on or sent to, so that both ends may be on one machine.
    """
    if url.startswith("udp://"):
        url = url.replace("udp://", f"udp{way}://", 1)
    try:
        import pytak  # type: ignore[import-untyped]
    except ImportError:
        raise Unavailable("Cursor on Target needs pytak: install hutong[cot].") from None
    config = ConfigParser()
    config["cot"] = {"COT_URL": url}
    section: SectionProxy = config["cot"]
    if url.startswith("udp+ro://"):
        _must_be_free(url)
    reader, writer = await pytak.protocol_factory(section)
    try:
        yield reader, writer
    finally:
        for end in {reader, writer}:
            if hasattr(end, "close"):
                end.close()
        if hasattr(writer, "wait_closed"):
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _must_be_free(url: str) -> None:
    """Raise :class:`BadInput` if datagrams cannot be listened for at an address (a group's is shared)."""
    address = urlsplit(url)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            if address.port and not _is_group(address.hostname or ""):
                probe.bind((address.hostname or "", address.port))
    except OSError as error:
        raise BadInput(f"this address cannot be listened on ({error.strerror or error})", where=url.replace("+ro", ""),
                       mend="stop what listens there, or choose a port that is free and an address of this machine") from error


def _is_group(host: str) -> bool:
    """Whether a host is a multicast address."""
    try:
        return ip_address(host).is_multicast
    except ValueError:
        return False


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
