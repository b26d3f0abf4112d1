"""``hutong drill``: play a drill, play it again, ask what a decision was worth, print the report, edit the events list."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.drill.msel import clock
from twin.errors import BadInput
from viz.cli import output
from viz.shipped import shipped

if TYPE_CHECKING:
    from sim.drill import Drill, DrillPlan, Record

app = typer.Typer(no_args_is_help=True, help="Play drills, play them again, and report on them.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DrillName = Annotated[str, typer.Argument(help="Drill file (YAML), or the name of one that comes with Hutong.")]
Folder = Annotated[Path, typer.Argument(help="Record of a drill that was played.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def drill_file(name: str) -> Path:
    """The file of a drill: a path, or the name of one that is shipped."""
    path = Path(name)
    if path.suffix or len(path.parts) > 1:
        return path
    known = {file.stem: file for file in sorted((shipped("scenarios") / "drills").glob("*.yaml"))}
    if name not in known:
        raise BadInput(f"there is no drill {name!r}", mend=f"give a file, or one of {', '.join(known)}")
    return known[name]


@app.command("list")
def list_drills(json: Json = False) -> None:
    """The drills that come with Hutong."""
    from sim.drill import load
    plans = [load(file) for file in sorted((shipped("scenarios") / "drills").glob("*.yaml"))]
    rows = [{"drill": plan.name, "title": plan.title, "minutes": round(plan.duration_s / 60, 1), "roles": ", ".join(plan.roles),
             "injects": len(plan.injects), "people": sum(d.people for d in plan.scenario.demand.values())} for plan in plans]
    if json:
        output.print_json(rows)
        return
    output.table("drills", ["drill", "title", "min", "people", "injects", "roles"],
                 [[str(r["drill"]), str(r["title"]), str(r["minutes"]), str(r["people"]), str(r["injects"]),
                   str(r["roles"])]
                  for r in rows])


@app.command("check")
def check(drill: DrillName, json: Json = False) -> None:
    """Check a drill against its district, without playing it."""
    from sim.drill import load
    from sim.place import district_of
    from sim.site import problems
    plan = load(drill_file(drill))
    found = problems(district_of(plan.scenario), plan.scenario, plan.layout)
    if json:
        output.print_json({plan.name: found})
    else:
        output.out.print(f"{plan.name}: " + ("; ".join(found) if found else "can be played"), markup=False)
    if found:
        raise typer.Exit(2)


@app.command("play")
def play(drill: DrillName,
         out: Annotated[Path | None, typer.Option("-o", "--out", help="Record folder; runs/NAME if missing.")] = None,
         headless: Annotated[bool, typer.Option("--headless", help="Without a page: injects come by the clock, orders from "
                                                                   "--decisions.")] = False,
         speed: Annotated[float, typer.Option(min=0.0, help="Times real time; 0 is as fast as it goes.")] = 0.0,
         decisions: Annotated[Path | None, typer.Option(
             help="Orders to give: a CSV with at, role, order (and who), such as 95,gates,open gate:3.")] = None,
         msel: Annotated[Path | None, typer.Option(help="Events list (CSV or XLSX) instead of the drill's own.")] = None,
         seed: Annotated[int | None, typer.Option(min=0)] = None,
         port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page.")] = 8050,
         overwrite: Overwrite = False, json: Json = False) -> None:
    """Play a drill: on a page that opens for the trainer and the trainees, or headless."""
    from sim.drill import load, with_injects
    from sim.drill.msel import read
    plan = load(drill_file(drill))
    if msel is not None:
        plan = with_injects(plan, read(msel), str(msel))
    if seed is not None:
        plan = plan.model_copy(update={"seed": seed})
    if not headless:
        _serve(plan, out, port)
        return
    folder = out or Path("runs") / plan.name
    drilled = _play(plan, folder, _orders(decisions) if decisions else [], speed, overwrite)
    _show(folder, drilled, json)


def _play(plan: DrillPlan, folder: Path, orders: list[tuple[float, str, str, str]], speed: float, overwrite: bool) -> Drill:
    from sim.drill import Drill, Recording
    from sim.place import district_of
    district = district_of(plan.scenario)
    recording = Recording(folder, overwrite=overwrite)
    began = time.monotonic()
    try:
        drilled = Drill(plan, district, on_frame=recording.frame)
        with output.bar(f"playing {plan.name}", plan.duration_s) as done:
            start = time.monotonic()
            waiting = sorted(orders, key=lambda order: order[0])
            while not drilled.over:
                while waiting and waiting[0][0] <= drilled.time:
                    _, role, line, who = waiting.pop(0)
                    drilled.order(who, role, line)
                drilled.step()
                done(drilled.time)
                if speed > 0:
                    time.sleep(max(start + drilled.time / speed - time.monotonic(), 0.0))
        recording.finish(drilled, drill_id=folder.name, trainees={who: role for _, role, _, who in orders},
                         wall_s=time.monotonic() - began)
    except BaseException:
        recording.drop()
        raise
    return drilled


def _orders(path: Path) -> list[tuple[float, str, str, str]]:
    """Orders from a CSV: time, role, order, who."""
    from sim.drill import parse
    from sim.drill.msel import seconds_of
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="give a CSV with at, role, order")
    found = []
    for number, row in enumerate(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))), 1):
        if not row or not row[0].strip() or row[0].strip().lower() in ("at", "scenario time") or row[0].startswith("#"):
            continue
        if len(row) < 3:
            raise BadInput("an order has a time, a role and what to do", where=f"{path} row {number}",
                           mend="write 95,gates,open gate:3")
        at, role, line = (cell.strip() for cell in row[:3])
        who = row[3].strip() if len(row) > 3 and row[3].strip() else role
        found.append((seconds_of(at, f"{path} row {number}"), role, str(parse(line, f"{path} row {number}")), who))
    return found


def _show(folder: Path, drilled: Drill, json: bool) -> None:
    from sim.drill import Record
    record = Record(folder)
    given = _marks(record)
    if json:
        output.print_json({"record": str(folder), "hash": record.hash, "decisions": len(record.decisions), "time_s": drilled.time,
                           "marks": {m.name: m.share for m in given}, "measures": record.metrics})
        return
    output.out.print(f"{folder}: {record.plan.title or record.plan.name}, {clock(drilled.time)}, "
                     f"{len(record.decisions)} decisions, hash {record.hash}", markup=False)
    output.table("marks", ["objective", "mark", "in time", "late", "missed"], [
        [m.objective.title, "–" if m.share is None else f"{100 * m.share:.0f} %",
         *(str(sum(a.mark == mark for a in m.answers)) for mark in ("in time", "late", "missed"))] for m in given])


def _marks(record: Record):  # type: ignore[no-untyped-def]
    from sim.drill import marks
    return marks(record.plan, record.info["lines"], record.decisions, record.metrics)


def _serve(plan: DrillPlan, out: Path | None, port: int) -> None:
    """Serve the page of one drill on this machine alone, until Ctrl-C, with accounts for this time only."""
    from twin.guard import Guard, Role, make_password
    from viz.app import serve
    from viz.library import Library
    if out is not None and out.exists():
        raise BadInput("this is there already", where=str(out), mend="give another -o")

    def begin(made: Any) -> str:
        return f"/drill?id={made.server.state.drills.start(plan, out).id}"

    with TemporaryDirectory(prefix="hutong-drill-") as folder:
        guard, password = Guard(Path(folder)), make_password()
        trainees = [f"trainee-{k + 1}" for k in range(max(2 * len(plan.roles), 4))]
        guard.accounts.add("trainer", [Role.TRAINER], password=password, grids=None)
        for name in trainees:
            guard.accounts.add(name, [Role.TRAINEE], password=password, grids=None)
        print(f"Log in as trainer or {trainees[0]} to {trainees[-1]}, each in a browser of its own, with the password {password} "
              "(for this time only).", flush=True)
        try:
            serve(Library(runs=out.parent if out is not None else "runs"), port=port, guard=guard, begin=begin)
        finally:
            guard.close()


@app.command("replay")
def replay(folder: Folder, json: Json = False) -> None:
    """Play a record again with the same decisions, and say whether everything came out the same."""
    from sim.drill import Record
    from sim.drill import replay as play_again
    record = Record(folder)
    with output.bar(f"playing {record.plan.name} again", record.ended_at_s) as done:
        drilled = play_again(record, on_progress=done)
    same = drilled.digest() == record.hash
    if json:
        output.print_json({"record": str(folder), "same": same, "hash": record.hash, "now": drilled.digest()})
    else:
        output.out.print(f"{folder}: " + (f"the same to the last bit ({record.hash})" if same else
                                          f"it came out differently ({record.hash}, now {drilled.digest()})"), markup=False)
    if not same:
        raise typer.Exit(1)


@app.command("whatif")
def whatif(folder: Folder,
           drop: Annotated[list[int] | None, typer.Option(help="Number of a decision to leave out; may be repeated.")] = None,
           at: Annotated[float | None, typer.Option(min=0, help="Scenario time of the order in --do [s].")] = None,
           do: Annotated[str | None, typer.Option(help='An order to give besides, such as "open gate:3".')] = None,
           role: Annotated[str, typer.Option(help="Who gives it.")] = "trainer", json: Json = False) -> None:
    """Play a record again with one decision changed, and say what that was worth; the report then tells of it."""
    from sim.drill import Change, Record, counterfactual
    from sim.drill.again import keep_whatif, played
    if (at is None) != (do is None):
        raise BadInput("an order needs a time", mend='give both --at and --do, such as --at 95 --do "open gate:3"')
    record = Record(folder)
    change = Change(tuple(drop or ()), () if do is None or at is None else ((at, do, role),))
    with output.bar(f"playing {record.plan.name} again", record.ended_at_s) as done:
        drilled = counterfactual(record, change, on_progress=done)
    differs = played(drilled, record)
    if change != Change():
        keep_whatif(record, change, differs)
    if json:
        output.print_json({"record": str(folder), "same": drilled.digest() == record.hash, "hash": record.hash,
                           "now": drilled.digest(),
                           "differs": [{"measure": key, "as_played": was, "would_be": now} for key, was, now in differs]})
        return
    if drilled.digest() == record.hash:
        output.out.print(f"{folder}: nothing would be different; the hash is the same ({record.hash})", markup=False)
        return
    from sim.measures import measure, readable
    output.table(f"{folder}: what would be different", ["measure", "as played", "would be", "unit"],
                 [[measure(key).label(), readable(was), readable(now), measure(key).unit] for key, was, now in differs])


@app.command("report")
def report(folder: Folder, out: Annotated[Path, typer.Option("-o", "--out", help="HTML to write.")],
           language: Annotated[str, typer.Option(help="en or zh.")] = "en") -> None:
    """Write the after-action report of a drill."""
    from sim.drill import Record
    from sim.drill.report import report as make
    if language not in ("en", "zh"):
        raise BadInput(f"the language {language!r} is unknown", where="--language", mend="say en or zh")
    text = make(Record(folder), language)
    draft = out.with_name(f".{out.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(out)
    output.out.print(f"wrote {out}")


@app.command("events")
def events(drill: Annotated[str, typer.Argument(help="Drill, or the record of one.")],
           out: Annotated[Path, typer.Option("-o", "--out", help="CSV or XLSX to write.")]) -> None:
    """Write the master scenario events list of a drill, or of a record with what was added on the spot."""
    from sim.drill import Inject, Record, load
    from sim.drill.msel import write
    if Path(drill).is_dir():
        injects = [Inject.model_validate(line["inject"]) for line in Record(Path(drill)).info["lines"]]
    else:
        injects = load(drill_file(drill)).injects
    write(out, injects)
    output.out.print(f"wrote {out}: {len(injects)} injects")
