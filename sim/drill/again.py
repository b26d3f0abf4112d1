"""The same drill again: with the same decisions, or with one of them changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from sim.drill.drill import Decision, Drill
from sim.drill.folder import Record
from sim.drill.order import parse
from sim.place import district_of
from sim.run import Frame
from twin.errors import BadInput
from twin.places import District


@dataclass(frozen=True)
class Change:
    """What is different: decisions that are left out, and orders that are given besides.

    ``drop`` are numbers of decisions; ``give`` is (scenario time [s], order, by which role).
    """

    drop: tuple[int, ...] = ()
    give: tuple[tuple[float, str, str], ...] = ()


def replay(record: Record, *, district: District | None = None, on_frame: Callable[[Frame], None] | None = None,
           on_progress: Callable[[float], None] | None = None) -> Drill:
    """Play a record again with the same decisions; the hash of the result is that of the record.

    Raises :class:`BadInput` where the record was made by another engine, whose numbers would differ.
    """
    return counterfactual(record, Change(), district=district, on_frame=on_frame, on_progress=on_progress)


def counterfactual(record: Record, change: Change, *, district: District | None = None,
                   on_frame: Callable[[Frame], None] | None = None,
                   on_progress: Callable[[float], None] | None = None) -> Drill:
    """Play a record again with the same seed and one decision changed; everything else is decided as it was."""
    different = record.other_engine()
    if different:
        raise BadInput(f"the record was made by another engine ({different})", where=str(record.path),
                       mend="play it with that one: numbers of two engines cannot be compared")
    decisions = _changed(record, change)
    drill = Drill(record.plan, district or district_of(record.plan.scenario), seed=record.seed, on_frame=on_frame)
    for decision in decisions:
        drill.run_until(decision.at_s, on_progress)
        drill.again(decision)
    drill.run_until(record.ended_at_s, on_progress)
    return drill


def _changed(record: Record, change: Change) -> Sequence[Decision]:
    known = {decision.number for decision in record.decisions}
    for number in change.drop:
        if number not in known:
            raise BadInput(f"there is no decision {number}", where=str(record.path),
                           mend=f"choose one of 1 to {len(known)}" if known else "nobody decided anything")
    kept = [decision for decision in record.decisions if decision.number not in change.drop]
    given = []
    for at_s, line, role in change.give:
        if not 0 <= at_s < record.ended_at_s:
            raise BadInput(f"{at_s:g} s is not within the drill", where=str(record.path),
                           mend=f"give a time from 0 to {record.ended_at_s:g} s")
        given.append(Decision(0, at_s, "what-if", role, str(parse(line))))
    return sorted([*kept, *given], key=lambda decision: decision.at_s)


def played(drill: Drill, record: Record) -> list[tuple[str, float, float]]:
    """Measures of a record and of another run of it that differ: (measure, then, now)."""
    now = drill.result().metrics
    return [(key, was, now[key]) for key, was in record.metrics.items()
            if key in now and not (was == now[key] or (was != was and now[key] != now[key]))]


def keep_whatif(record: Record, change: Change, differs: Sequence[tuple[str, float, float]]) -> None:
    """Keep what a change was worth beside the record (``whatif.json``), for the report; the same change counts once."""
    file = record.path / "whatif.json"
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    new = json.loads(json.dumps(asdict(change)))
    told = [one for one in told if {key: one[key] for key in new} != new]
    draft = file.with_name(".whatif.draft")
    draft.write_text(json.dumps([*told, new | {"differs": list(differs)}], indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(file)
