"""``hutong feed``: bring observations to the log: a made-up day, a file, a replay, a broker."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from sim.place import builtin
from twin.errors import BadInput
from twin.live import LIVE, Operation
from twin.places import District
from twin.store import Log, Receipt, open_store
from viz.cli import exchange, output
from viz.cli.served import Server, Token, declare, door, poster

app = typer.Typer(no_args_is_help=True, help="Bring observations to the log of the live twin.")

Store = Annotated[str, typer.Option(help="Log: a path, sqlite:///path or postgresql://...")]
Place = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]
Speed = Annotated[float, typer.Option(min=0, help="Recorded seconds a second; 0 is as fast as it goes.")]
Zone = Annotated[str, typer.Option(help="Time zone of the district.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a sentence.")]


@app.command()
def synthetic(store: Store = "live.sqlite", into: Annotated[str, typer.Option(help="live or drill:NAME.")] = LIVE,
              date: Annotated[str | None, typer.Option(help="Day, such as 2026-10-01; today if missing.")] = None,
              days: Annotated[int, typer.Option(min=1, max=366, help="How many days.")] = 1,
              units: Annotated[int, typer.Option(min=1, max=500, help="Patrols.")] = 24,
              every: Annotated[float, typer.Option(min=1, max=600, help="Seconds between positions of a unit.")] = 10.0,
              seed: Annotated[int, typer.Option(min=0)] = 1, speed: Speed = 0.0, zone: Zone = "Asia/Shanghai",
              district: Place = None, server: Server = None, token: Token = None,
              hour: Annotated[float, typer.Option(min=0, max=23.9, help="Where a day in fast motion begins.")] = 7.0,
              json: Json = False) -> None:
    """A plausible day, all made up: patrols with GPS noise, cases, camera counts, parking.

    With a speed, what lies before now is brought at once and the rest when it is due. Into the live stream of a log an
    operation is declared for it, so that positions may be kept; what lies ahead of now is only brought with a speed.
    A running server takes no reports from ahead of now: with a speed other than 1 the day passes there in fast motion,
    from now on.
    """
    from twin.live.feeds.replay import play
    from twin.live.feeds.synthetic import Day, call_signs, synthetic_day
    from twin.live.row import microseconds
    local = _zone(zone)
    first, place = _day(date, local), _district(district)
    film = server is not None and speed not in (0.0, 1.0)
    total = Receipt()
    with door(store, server, token, _stream(into)) as log:
        for number in range(days):
            day = (Day(datetime.now(local), seed + number, units, every, into, speed, hour * 3600 if number == 0 else 0.0) if film
                   else Day(first + timedelta(days=number), seed, units, every, into))
            if into == LIVE and isinstance(log, Log):
                log.declare(Operation(id=f"synthetic-{day.start:%Y-%m-%d}", purpose="a made-up day for demonstration",
                                      start=day.start, end=day.start + timedelta(days=1), units=tuple(call_signs(day)),
                                      keep_positions_h=24))
            rows: Any = synthetic_day(place, day)
            now = microseconds(datetime.now(local))
            if (into == LIVE or server is not None) and speed == 0:
                rows = (row for row in rows if row.observed_at <= now)
            with output.bar(f"{day.start:%Y-%m-%d}", (day.at(86_400) - day.at(day.begin_s)) / 1e6) as done:
                begin, start = microseconds(day.start), max(now, microseconds(day.start)) if speed > 0 else None
                total += play(rows, log, speed=1.0 if film else speed, start=start,
                              done=lambda row, begin=begin, done=done: done((row.observed_at - begin) / 1e6))  # type: ignore[misc]
    _tell(total, into, json, dropped={} if isinstance(log, Log) else dict(log.reasons))


@app.command()
def file(path: Annotated[Path, typer.Argument(help="GPX, CSV or GeoPackage; 311 and dispatch records become cases.")],
         into: Annotated[str, typer.Option(help="Stream, such as drill:walk; positions go into live only within an operation.")],
         store: Store = "live.sqlite", district: Place = None,
         zone: Annotated[str | None, typer.Option(help="Time zone of times that name none.")] = None,
         server: Server = None, token: Token = None, json: Json = False) -> None:
    """Play a file of tracks, reports or cases. What cannot be used is counted and said."""
    from twin.live.feeds.files import play, read_recording
    from twin.live.intake import Intake
    place = _district(district)
    recording = read_recording(path, district=place, zone=_zone(zone) if zone else None)
    with door(store, server, token, _stream(into)) as log, output.busy(f"reading {path.name}"):
        total = play(recording, Intake(log, place, stream=_stream(into), behind=None, known_only=False)
                     if isinstance(log, Log) else log)
    _tell(total, into, json, dropped=dict(recording.dropped))


@app.command()
def replay(since: Annotated[str, typer.Option("--from", help="Such as 2026-10-01T20:00:00+08:00.")],
           until: Annotated[str, typer.Option("--until", help="Such as 2026-10-01T21:00:00+08:00.")],
           into: Annotated[str, typer.Option(help="A stream of its own, such as drill:night.")],
           store: Store = "live.sqlite", stream: Annotated[str, typer.Option(help="What was recorded.")] = LIVE,
           speed: Speed = 1.0, server: Server = None, token: Token = None, json: Json = False) -> None:
    """Play a recorded span of time again, at any speed, into a stream of its own; with --server, of a server's log."""
    from twin.live.feeds.replay import replay as play_again
    start, end = _moment(since, "--from"), _moment(until, "--until")
    target = poster(server, token, _stream(into)) if server is not None else None
    log = open_store(store, read_only=target is not None)  # a server may hold it
    try:
        with output.bar("replaying", (end - start).total_seconds()) as done:
            total = play_again(log, start, end, _stream(into), stream=stream, speed=speed, target=target,
                               done=lambda row: done(row.observed_at / 1e6 - start.timestamp()))
    finally:
        log.close()
    _tell(total, into, json, dropped=dict(target.reasons) if target is not None else None)


@app.command()
def mqtt(url: Annotated[str, typer.Argument(help="mqtt://user:password@host:port, mqtts:// for TLS.")],
         store: Store = "live.sqlite", district: Place = None,
         seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long; Ctrl-C if missing.")] = None,
         json: Json = False) -> None:
    """Follow a broker's topics hutong/live/SOURCE/KIND/OBJECT; every message is acknowledged when it is in the log."""
    from twin.live.feeds.mqtt import MqttFeed
    from twin.live.intake import Intake
    from twin.live.keep import Keeper
    log = open_store(store)
    feed = MqttFeed(Intake(log, _district(district)), url).start()
    keeper = Keeper(log).start()
    said: str | None = ""
    end = time.monotonic() + seconds if seconds is not None else float("inf")
    try:
        while time.monotonic() < end:
            health = feed.health()
            trouble = health.says or keeper.says
            if trouble != said:
                output.err.print(trouble or f"{health.feed}: connected")
                said = trouble
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    finally:
        feed.stop()
        keeper.stop()
        health = feed.health()
        log.close()
    _tell(Receipt(health.stored, health.duplicates, health.refused), LIVE, json)


@app.command()
def operation(name: Annotated[str, typer.Argument(help="Id, such as national-day-evening.")],
              purpose: Annotated[str, typer.Option(help="What it is for, one sentence.")],
              start: Annotated[str, typer.Option(help="Such as 2026-10-01T18:00:00+08:00.")],
              end: Annotated[str, typer.Option(help="Such as 2026-10-01T23:00:00+08:00.")],
              unit: Annotated[list[str] | None, typer.Option(help="Call-sign that takes part; all units if missing.")] = None,
              keep_hours: Annotated[float, typer.Option(min=0.1, max=72, help="How long positions are kept.")] = 24.0,
              store: Store = "live.sqlite", server: Server = None,
              account: Annotated[str | None, typer.Option(help="Commander who declares it at a running server; the password is "
                                                               "asked for, or read from standard input.")] = None,
              json: Json = False) -> None:
    """Declare an operation: live positions are taken in within one only."""
    from pydantic import ValidationError
    try:
        declared = Operation(id=name, purpose=purpose, start=_moment(start, "--start"), end=_moment(end, "--end"),
                             units=tuple(unit or ()), keep_positions_h=keep_hours)
    except ValidationError as error:
        raise BadInput(error.errors()[0]["msg"].removeprefix("Value error, "), where="operation", mend="correct it") from None
    if server is not None:
        declare(server, account, declared)
    else:
        log = open_store(store)
        try:
            log.declare(declared)
        finally:
            log.close()
    if json:
        output.print_json(declared.model_dump(mode="json"))
    else:
        output.out.print(f"{name} is declared from {declared.start:%Y-%m-%d %H:%M} to {declared.end:%Y-%m-%d %H:%M} UTC.")


@app.command()
def keep(store: Store = "live.sqlite", json: Json = False) -> None:
    """Do once what the server does every minute: purge positions whose hours are over, roll old telemetry to Parquet."""
    from datetime import UTC

    from twin.live.keep import keep as keep_log
    log = open_store(store)
    try:
        with output.busy("keeping the log"):
            gone = keep_log(log, datetime.now(UTC))
        segments = log.segments()
    finally:
        log.close()
    result = {"purged_positions": gone, "segments": len(segments), "segment_rows": sum(s.rows for s in segments),
              "bytes_a_row": sum(s.size for s in segments) / max(sum(s.rows for s in segments), 1)}
    if json:
        output.print_json(result)
    else:
        output.out.print(f"{gone:,} positions purged; {result['segment_rows']:,} observations lie in {len(segments)} segments.")


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="Empty folder for the copy.")], store: Store = "live.sqlite") -> None:
    """Copy the log; later purges reach the copy for as long as it lies there."""
    if folder.exists() and any(folder.iterdir()):
        raise BadInput("this folder is not empty", where=str(folder), mend="name a new one")
    log = _existing(store)
    try:
        with output.busy("copying"):
            log.backup(folder)
    finally:
        log.close()
    output.out.print(f"The log is copied to {folder}.")


app.command("cap")(exchange.cap)
app.command("cot")(exchange.cot)


def _existing(store: str) -> Log:
    if "://" not in store and store != "memory:" and not Path(store).is_file():
        raise BadInput("there is no such log", where=store, mend="name the log with --store")
    return open_store(store)


def _district(path: Path | None) -> District:
    return District.open(path if path is not None else builtin("xichangan"))


def _stream(into: str) -> str:
    from twin.live import drill, rehearsal
    if into == LIVE:
        return into
    what, _, name = into.partition(":")
    if what == "sim":
        return rehearsal(name)
    if what == "drill":
        return drill(name)
    raise BadInput(f"{into!r} is no stream", mend="say live, drill:NAME or sim:RUN")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise BadInput(f"there is no time zone {name!r}", mend="say it as in Asia/Shanghai") from None


def _day(text: str | None, zone: ZoneInfo) -> datetime:
    try:
        day = datetime.fromisoformat(text) if text else datetime.now(zone)
    except ValueError:
        raise BadInput(f"{text!r} is no day", where="--date", mend="write it as 2026-10-01") from None
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _moment(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is no time", where=where, mend="write it as 2026-10-01T20:00:00+08:00") from None
    if moment.tzinfo is None:
        raise BadInput("the time names no zone", where=where, mend=f"add it, as in {text}+08:00")
    return moment


def _tell(total: Receipt, into: str, json: bool, dropped: dict[str, int] | None = None) -> None:
    if json:
        output.print_json({"stream": into, "stored": total.stored, "duplicates": total.duplicates, "refused": total.refused,
                           "dropped": dropped or {}})
        return
    output.out.print(f"{total.stored:,} observations are stored in {into}, {total.duplicates:,} were known, "
                     f"{total.refused:,} are refused.")
    for reason, count in sorted((dropped or {}).items(), key=lambda item: -item[1]):
        output.out.print(f"  {count:,}: {reason}")
    if any(reason.startswith("no declared operation") for reason in dropped or ()):
        output.err.print("Live positions are taken in within an operation only: a commander declares one with "
                         "`hutong feed operation`, at a running server with --server and --account.")
