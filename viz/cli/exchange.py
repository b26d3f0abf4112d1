"""``hutong feed cap`` and ``hutong feed cot``: alarms out as drafts, positions of units in from and out to TAK."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from pyproj import Transformer

from sim.place import builtin
from twin.errors import BadInput
from twin.live import LIVE
from twin.places import District
from twin.store import open_store
from viz.cli import output
from viz.cli.served import Server, Token, poster

if TYPE_CHECKING:
    from twin.live import Observation

Store = Annotated[str, typer.Option(help="Log: a path, sqlite:///path or postgresql://...; a server may hold it.")]
Place = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a sentence.")]


def cap(alarm: Annotated[str, typer.Argument(help="Id of the alarm.")],
        draft: Annotated[bool, typer.Option("--draft", help="A live alarm, as a draft that a person may publish.")] = False,
        exercise: Annotated[str | None, typer.Option(help="An alarm of a drill, as an exercise: the drill's name.")] = None,
        out: Annotated[Path | None, typer.Option("--output", "-o", help="File; standard output if missing.")] = None,
        sender: Annotated[str, typer.Option(help="Who sends it, as CAP wants it.")] = "command@hutong.example",
        store: Store = "live.sqlite", district: Place = None) -> None:
    """Write an alarm as CAP 1.2: a draft or an exercise, never an actual alert."""
    from twin.live.cap import cap_alert
    if draft == (exercise is not None):
        raise BadInput("a CAP message is a draft or an exercise", where="feed cap",
                       mend="say --draft for a live alarm or --exercise NAME for one of a drill")
    stream = LIVE if draft else f"drill:{(exercise or '').removeprefix('drill:')}"
    log = open_store(store, read_only=True)
    try:
        told = log.read(stream=stream, kinds=["alarm"], object=alarm)
    finally:
        log.close()
    if not told:
        raise BadInput(f"there is no alarm {alarm!r} in {stream}", where=store, mend="give the id that the command page shows")
    raised = next((one for one in told if getattr(one.value, "state", "") == "raised"), None)
    message = cap_alert(told[-1], _lonlat(told[-1], district), sender=sender, raised=raised)
    if out is None:
        sys.stdout.buffer.write(message + b"\n")
        sys.stdout.flush()
        return
    _write(out, message)
    output.out.print(f"{out} is a {'draft' if draft else 'message of an exercise'}: a person decides whether it is published.",
                     markup=False)


def cot(listen: Annotated[str | None, typer.Option(help="Take in what comes to udp://host:port, or from tcp://, tls://.")] = None,
        send: Annotated[str | None, typer.Option(help="Send live positions to udp://host:port, tcp:// or tls://.")] = None,
        store: Store = "live.sqlite", server: Server = None, token: Token = None, district: Place = None,
        seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long; Ctrl-C if missing.")] = None,
        json: Json = False) -> None:
    """Cursor on Target (extra cot): positions of units from TAK, within an operation, or to it; only live ones are sent.

    What comes in goes to the running --server, else into the --store.
    """
    if (listen is None) == (send is None):
        raise BadInput("Cursor on Target is taken in or sent", where="feed cot", mend="say --listen URL or --send URL")
    url = _address(listen or send or "")
    place = District.open(district if district is not None else builtin("xichangan"))
    if send is not None:
        done = _sent(store, place, url, seconds)
        said = f"{done['sent']:,} positions were sent to {url}."
    else:
        done = _taken(store, server, token, place, url, seconds)
        said = f"{done['stored']:,} positions came from {url}, {done['refused']:,} events were refused."
    if json:
        output.print_json(done)
    else:
        output.out.print(said, markup=False)


def _sent(store: str, place: District, url: str, seconds: float | None) -> dict[str, int]:
    from twin.live.feeds.cot import CotSender
    log = open_store(store, read_only=True)
    try:
        sender = CotSender(log, place, url)
        _for(sender.run(elsewhere=True), seconds)
        return {"sent": sender.sent}
    finally:
        log.close()


def _taken(store: str, server: str | None, token: str | None, place: District, url: str, seconds: float | None) -> dict[str, int]:
    from twin.live.feeds.cot import receive
    from twin.live.intake import Intake
    if server is not None:
        there = poster(server, token, LIVE)
        _for(receive(there, url), seconds)
        return {"stored": there.total.stored, "refused": there.total.refused}
    log = open_store(store)
    try:
        here = Intake(log, place)
        _for(receive(here, url), seconds)
        return {"stored": here.counts.stored, "refused": here.counts.refused}
    finally:
        log.close()


def _for(work: Coroutine[Any, Any, None], seconds: float | None) -> None:
    """Work until the time is over, or somebody interrupts it."""
    async def run() -> None:
        try:
            await asyncio.wait_for(work, seconds)
        except TimeoutError:
            return
    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        return


def _address(url: str) -> str:
    parts = urlsplit(url)
    try:
        whole = parts.scheme in ("udp", "tcp", "tls") and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        whole = False
    if not whole:
        raise BadInput(f"{url!r} is no address for Cursor on Target", mend="write it as udp://239.2.3.1:6969, tcp:// or tls://")
    return url


def _lonlat(alarm: Observation, path: Path | None) -> tuple[float, float] | None:
    if alarm.x is None or alarm.y is None:
        return None
    district = District.open(path if path is not None else builtin("xichangan"))
    if district.crs.is_engineering:
        return None
    lon, lat = Transformer.from_crs(district.crs, 4326, always_xy=True).transform(alarm.x, alarm.y)
    return float(lon), float(lat)


def _write(path: Path, data: bytes) -> None:
    """A file that is whole or not there."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".draft", delete=False) as draft:
        draft.write(data)
    made = Path(draft.name)
    made.chmod(0o644)  # a temporary file is private
    made.replace(path)
