"""The running drill: orders change the crowd, every rule of the game holds, and the same decisions give the same run."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from drill_plan_case import small_drill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plaza_case import evening, plaza

import sim.drill.folder as folder_module
from sim.drill import Change, Drill, Inject, Record, Recording, counterfactual, dump, load, marks, replay
from sim.drill.again import keep_whatif, played
from sim.drill.report import report
from sim.event import Rehearsal
from twin.errors import BadInput
from twin.places import District

__all__ = ["plaza"]

SCRIPT = [(61.0, "a", "care", "send kind:medic to incident:fall"), (95.0, "b", "gates", "lanes checkpoint:west-check to 3"),
          (95.4, "b", "gates", "open gate:north"), (96.0, "c", "gates", "close gate:north"), (96.0, "a", "care", "raise level:2"),
          (120.0, "b", "gates", "close entry:w"), (130.2, "a", "care", "announce venue:square to leave")]


@pytest.fixture(scope="module")
def district(plaza):
    return District.open(plaza)


@pytest.fixture
def drill(plaza, district):
    return Drill(small_drill(plaza), district)


def play(drill, script=SCRIPT):
    for at, who, role, line in script:
        drill.run_until(at)
        drill.order(who, role, line)
    drill.run_until(999)
    return drill


@pytest.fixture(scope="module")
def record(plaza, district, tmp_path_factory):
    """A whole drill, played by script; not to be changed."""
    folder = tmp_path_factory.mktemp("drills") / "small"
    recording = Recording(folder)
    drill = play(Drill(small_drill(plaza), district, on_frame=recording.frame))
    recording.finish(drill, drill_id="small-1", trainees={"a": "care", "b": "gates"})
    return Record(folder)


@pytest.fixture
def copy(record, tmp_path):
    shutil.copytree(record.path, tmp_path / "copy")
    return Record(tmp_path / "copy")


# -- the same again ---------------------------------------------------------------------------------------------------


def test_the_same_decisions_give_the_same_run_to_the_last_bit(record, district):
    """A replay is a counterfactual with nothing changed."""
    again = replay(record, district=district)
    assert again.digest() == record.hash
    assert [d.to_dict() for d in again.decisions] == [d.to_dict() for d in record.decisions]


def test_a_counterfactual_with_one_decision_changed_is_another_run(record, district):
    without = counterfactual(record, Change(drop=(1,)), district=district)
    assert without.digest() != record.hash
    differs = {key: (was, now) for key, was, now in played(without, record)}
    assert differs["unanswered"] == (0, 1)
    late = counterfactual(record, Change(give=((30.13, "close entry:w", "trainer"),)), district=district)
    assert late.decisions[0].at_s == 30.0  # on the step before
    assert late.result().metrics["people_entered"] < record.metrics["people_entered"]


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 600), st.sampled_from([line for *_, line in SCRIPT]), st.integers(0, 9)), max_size=8))
def test_whatever_is_decided_whenever_the_replay_is_identical(plaza, district, script):
    def run():
        drill = Drill(small_drill(plaza), district)
        for at, line, step in sorted(script):
            for _ in range(step):
                drill.step()
            drill.run_until(at / 5)
            drill.order("x", "trainer", line)
        drill.run_until(125)
        return drill
    first = run()
    second = Drill(small_drill(plaza), district)
    for decision in first.decisions:
        second.run_until(decision.at_s)
        second.again(decision)
    second.run_until(125)
    assert first.digest() == second.digest()


def test_a_drill_in_which_nobody_does_anything_is_the_rehearsal_itself(plaza, district):
    plan = small_drill(plaza, injects=[], reserves={})
    plan.scenario = plan.scenario.model_copy(update={"incidents": [plan.scenario.incidents[1]]})
    frames, rehearsed = [], []
    Drill(plan, district, on_frame=frames.append).run_until(120)
    Rehearsal(district, plan.scenario, "A", plan.first_seed, on_frame=rehearsed.append).run_until(120)
    assert len(frames) == len(rehearsed) == 120
    assert all(np.array_equal(a.xy, b.xy) and np.array_equal(a.state, b.state) for a, b in zip(frames, rehearsed, strict=True))


# -- what orders do ---------------------------------------------------------------------------------------------------


def test_a_gate_that_is_opened_is_used(plaza, district):
    shut = small_drill(plaza)
    ways = {}
    for line in (None, "open gate:north"):
        drill = Drill(shut, district)
        if line:
            drill.run_until(100)
            drill.order("b", "gates", line)
        drill.run_until(999)
        left = drill.rehearsal.visitors.leave_by[np.isfinite(drill.rehearsal.times["left"])]
        ways[line] = (left == 2).sum()  # by the north
    assert ways[None] == 0 < ways["open gate:north"]


def test_closing_an_entry_holds_people_and_opening_lets_them_in(drill):
    drill.run_until(20)
    drill.order("b", "gates", "close entry:w")
    drill.run_until(22)
    held = np.isfinite(drill.rehearsal.times["entered"]).sum()
    drill.run_until(50)
    assert np.isfinite(drill.rehearsal.times["entered"]).sum() == held < 120
    drill.order("b", "gates", "open entry:w")
    drill.run_until(90)
    assert np.isfinite(drill.rehearsal.times["entered"]).sum() == 120


def test_nobody_goes_to_a_call_who_was_not_sent(drill):
    drill.run_until(150)
    assert drill.rehearsal.calls[0].response_s is None
    drill.order("a", "care", "send unit:medic-2 to incident:fall")
    drill.run_until(220)
    assert drill.rehearsal.calls[0].response_s > 90
    assert drill.rehearsal.units[1].call_sign == "medic-2"


def test_an_ambulance_drives_and_its_crew_walks(drill):
    drill.run_until(70)
    drill.order("a", "care", "ambulance incident:fall to entry:e")
    drill.run_until(89)
    assert not [u for u in drill.rehearsal.units if u.call_sign.startswith("AMB")]
    drill.run_until(91)
    assert [u.call_sign for u in drill.rehearsal.units[-2:]] == ["AMB1-1", "AMB1-2"]
    drill.run_until(230)
    assert drill.rehearsal.calls[0].response_s > 20


def test_clearing_a_zone_turns_people_round(drill):
    drill.run_until(60)
    there = np.isfinite(drill.rehearsal.times["turned"]).sum()
    said = drill.order("a", "care", "clear zone:square-zone").said
    drill.run_until(140)
    assert there == 0 < np.isfinite(drill.rehearsal.times["turned"]).sum()
    assert "told to leave" in said


def test_reserves_come_on_duty_with_their_level(drill):
    drill.run_until(10)
    assert drill.order("a", "care", "send unit:spare-1 to gate:east").outcome == "refused"
    drill.order("a", "care", "raise level:2")
    assert drill.level == 2
    assert drill.order("a", "care", "send unit:spare-1 to gate:east").outcome == "done"
    drill.run_until(70)
    gate = drill.rehearsal.site.closable["gate:east"][1].centroid
    assert np.hypot(*(drill.rehearsal.units[2].at - [gate.x, gate.y])) < 3
    assert drill.order("a", "care", "raise level:3").outcome == "refused"


def test_an_order_that_takes_a_while_is_carried_out_later(drill):
    drill.run_until(10)
    decision = drill.order("b", "gates", "open barrier:north-fence")
    assert decision.outcome == "under way" and "barrier:north-fence" in drill.rehearsal.site.in_force
    drill.run_until(14.8)
    assert decision.outcome == "under way"
    drill.run_until(15)
    assert decision.outcome == "done" and "barrier:north-fence" not in drill.rehearsal.site.in_force


def test_a_street_is_closed_and_opened_again(drill):
    drill.run_until(5)
    assert drill.order("b", "gates", "close street:east").outcome == "done"
    assert drill.order("c", "trainer", "close street:east").outcome == "refused"
    drill.run_until(10)
    assert drill.order("b", "gates", "open street:east").outcome == "done"
    assert drill.order("b", "gates", "open street:nowhere").outcome == "refused"
    assert "closure:street:east" not in drill.rehearsal.site.in_force


def test_lanes_and_streams(drill):
    drill.run_until(95)
    working = lambda: sum(lane.up for lane in drill.rehearsal.checkpoints[0].lanes)  # noqa: E731
    assert working() == 1
    drill.order("b", "gates", "lanes checkpoint:west-check to 3")
    assert working() == 3
    assert drill.order("b", "gates", "lanes checkpoint:west-check to 9").outcome == "refused"
    drill.order("b", "gates", "turn stream:visitors to entry:n")
    assert set(drill.rehearsal.visitors.leave_by.tolist()) == {2}
    assert drill.order("b", "gates", "turn stream:visitors to checkpoint:west-check").outcome == "done"
    drill.order("b", "gates", "close checkpoint:west-check")
    served = sum(lane.served for lane in drill.rehearsal.checkpoints[0].lanes)
    drill.run_until(140)
    assert sum(lane.served for lane in drill.rehearsal.checkpoints[0].lanes) <= served + 3  # who was being searched


# -- the rules --------------------------------------------------------------------------------------------------------


def test_of_two_who_order_the_opposite_the_first_is_obeyed_and_the_second_told(drill):
    drill.run_until(10)
    first, second = drill.order("a", "gates", "open gate:north"), drill.order("b", "gates", "close gate:north")
    assert (first.outcome, second.outcome) == ("done", "opposed")
    assert "a ordered open gate:north" in second.said
    assert "gate:north" not in drill.rehearsal.site.in_force
    assert [d.number for d in drill.decisions] == [1, 2]  # both are in the record
    drill.run_until(12.2)
    assert drill.order("b", "gates", "close gate:north").outcome == "done"  # said again, later
    assert drill.order("b", "gates", "open gate:north").outcome == "done"  # one may change one's mind


@pytest.mark.parametrize(("role", "line", "says"), [
    ("care", "open gate:north", "care cannot order this"), ("gates", "open gate:south", "there is no gate:south"),
    ("press", "open gate:north", "no role 'press'"), ("gates", "open gate:*", "names one thing"),
    ("gates", "fly gate:north", "nobody knows how")])
def test_orders_that_are_none_leave_no_trace(drill, role, line, says):
    before = drill.digest()
    with pytest.raises(BadInput, match=says):
        drill.order("a", role, line)
    assert drill.digest() == before and drill.decisions == []


def test_the_trainer_publishes_early_skips_and_adds(drill):
    assert [line.state for line in drill.lines] == ["waiting", "waiting"]
    drill.run_until(20)
    drill.publish("T", 1)
    assert drill.rehearsal.calls[0].incident.at_s == 20  # the incident begins with its inject
    drill.skip("T", 2)
    drill.add("T", Inject(serial=3, at_s=30, inject="Another has fallen", event="spare-fall", to="care"))
    drill.run_until(120)
    assert sum(lane.up for lane in drill.rehearsal.checkpoints[0].lanes) == 4  # the power cut never came
    assert [call.incident.id for call in drill.rehearsal.calls] == ["fall", "spare-fall"]
    assert [line.inject.serial for line in drill.inbox("care")] == [1, 3]
    assert drill.inbox("gates") == []
    with pytest.raises(BadInput, match="inject 1 is out already"):
        drill.publish("T", 1)
    with pytest.raises(BadInput, match="inject 2 is skipped already"):
        drill.skip("T", 2)
    with pytest.raises(BadInput, match="there is no inject 9"):
        drill.publish("T", 9)


@pytest.mark.parametrize(("inject", "says"), [
    ({"at_s": 5}, "5 s has passed"), ({"at_s": 999}, "comes after the end"), ({"serial": 1}, "serial is taken"),
    ({"expected": "open gate:south"}, "there is no gate:south"), ({"to": "press"}, "no role"),
    ({"event": "fall"}, "has begun already")])
def test_an_inject_that_cannot_be_is_refused_and_nothing_is_lost(drill, inject, says):
    drill.run_until(70)
    with pytest.raises(BadInput, match=says):
        drill.add("T", Inject.model_validate({"serial": 7, "at_s": 80, "inject": "x"} | inject))
    assert len(drill.lines) == 2 and drill.decisions == []


def test_after_the_end_nothing_more_happens(drill):
    drill.run_until(9999)
    assert drill.over and drill.time == 240
    before = drill.digest()
    drill.step()
    late = Inject(serial=9, at_s=240, inject="x")
    for act in (lambda: drill.order("a", "gates", "open gate:north"), lambda: drill.add("T", late)):
        with pytest.raises(BadInput, match="the drill is over"):
            act()
    assert drill.digest() == before


# -- the record -------------------------------------------------------------------------------------------------------


def test_the_record_is_a_run_too_and_holds_every_decision(record):
    assert record.run.kind == "event" and len(record.run.frames()) == 240
    assert [d.do for d in record.decisions] == [line for *_, line in SCRIPT]
    assert [d.outcome for d in record.decisions] == ["done", "done", "done", "opposed", "done", "done", "done"]
    assert {"inject", "decision", "incident", "help arrived"} <= set(record.run.events["kind"])
    assert record.info["trainees"] == {"a": "care", "b": "gates"}


def test_marks_follow_the_objectives(record):
    help_, flow = marks(record.plan, record.info["lines"], record.decisions, record.metrics)
    assert [(a.mark, a.took_s) for a in help_.answers] == [("in time", 1.0)]
    assert help_.outcomes[0].met and help_.share == 1.0
    assert [a.mark for a in flow.answers] == ["in time", "in time"]
    none, missed = marks(record.plan, record.info["lines"], [], record.metrics | {"response_max": 100.0})
    assert (none.share, missed.share) == (0.0, 0.0)
    late = list(record.decisions)
    late[0] = type(late[0])(**{**late[0].to_dict(), "at_s": 95.0})
    assert marks(record.plan, record.info["lines"], late, record.metrics)[0].answers[0].mark == "late"


def test_a_decision_by_the_trainer_or_refused_earns_nothing(record):
    for change in ({"role": "trainer"}, {"outcome": "refused"}, {"outcome": "opposed"}):
        told = [type(d)(**{**d.to_dict(), **change}) for d in record.decisions]
        assert {a.mark for m in marks(record.plan, record.info["lines"], told, record.metrics) for a in m.answers} == {"missed"}


def test_an_interrupted_drill_leaves_no_record(plaza, district, tmp_path):
    recording = Recording(tmp_path / "r")
    Drill(small_drill(plaza), district, on_frame=recording.frame).run_until(5)
    assert not (tmp_path / "r").exists()
    recording.drop()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadInput, match="not the record of a drill"):
        Record(tmp_path / "r")


def test_a_record_is_not_overwritten_and_a_damaged_one_is_said(copy):
    with pytest.raises(BadInput, match="is there already"):
        Recording(copy.path)
    (copy.path / "decisions.json").write_text("[{]")
    with pytest.raises(BadInput, match="this record is damaged"):
        Record(copy.path)


def test_records_of_another_engine_are_not_played_again(copy, monkeypatch):
    monkeypatch.setattr(folder_module, "version", lambda name: "0.0" if name == "numba" else copy.info["engine"][name])
    with pytest.raises(BadInput, match=r"another engine \(numba .* there, 0.0 here\)"):
        replay(copy)


def test_what_ifs_that_cannot_be_are_said(record, district):
    with pytest.raises(BadInput, match="there is no decision 99; choose one of 1 to 7"):
        counterfactual(record, Change(drop=(99,)), district=district)
    with pytest.raises(BadInput, match="999 s is not within the drill"):
        counterfactual(record, Change(give=((999, "open gate:north", "trainer"),)), district=district)
    with pytest.raises(BadInput, match="there is no gate:south"):
        counterfactual(record, Change(give=((2, "open gate:south", "trainer"),)), district=district)


def test_the_report_tells_everything_in_both_languages_and_asks_nothing_outside(copy):
    keep_whatif(copy, Change(drop=(1,)), [("unanswered", 0.0, 1.0)])
    keep_whatif(copy, Change(drop=(1,)), [("unanswered", 0.0, 2.0)])
    english, chinese = report(copy, "en"), report(copy, "zh")
    for page in (english, chinese):
        assert copy.hash in page and "open gate:north" in page and "data:image/png;base64," in page
        assert "src=\"http" not in page and "href=\"http" not in page and "@import" not in page
    assert "EXERCISE" in english and "演练" in chinese
    assert "Without decision #1 (send kind:medic to incident:fall)" in english
    assert json.loads((copy.path / "whatif.json").read_text())[0]["differs"] == [["unanswered", 0.0, 2.0]]
    assert english.count("in time") >= 3 and "按时" in chinese
    assert "thead{display:table-header-group}" in english and "break-inside:avoid" in english


# -- the file ---------------------------------------------------------------------------------------------------------


def test_a_drill_file_is_read_back(plaza, tmp_path):
    plan = small_drill(plaza)
    (tmp_path / "d.yaml").write_text(dump(plan), encoding="utf-8")
    assert load(tmp_path / "d.yaml") == plan


@pytest.mark.parametrize(("change", "says"), [
    (("layout: A", "layout: B"), "no layout 'B'"), (("serial: 2", "serial: 1"), "two injects have the serial 1"),
    (("at_s: 90.0\n  event: power", "at_s: 10.0\n  event: power"), "sort them by time"),
    (("measure: response_max", "measure: joy"), "no measure 'joy'"), (("kind: drill", "kind: event"), "not a drill"),
    (("  - spare\n", "  - nobody\n"), "'nobody' is not a post"),
    (("method: telephone", "method: telephone\n  wheels: 4"), "no such key")])
def test_bad_drill_files_are_refused_with_one_sentence(plaza, tmp_path, change, says):
    text = dump(small_drill(plaza))
    assert change[0] in text
    (tmp_path / "d.yaml").write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=says) as told:
        load(tmp_path / "d.yaml")
    assert "d.yaml" in str(told.value) and "\n" not in str(told.value)


def test_a_scenario_is_no_drill(plaza, tmp_path):
    from sim.scenario_file import dump as dump_scenario
    (tmp_path / "s.yaml").write_text(dump_scenario(evening(plaza)), encoding="utf-8")
    with pytest.raises(BadInput, match="this is not a drill; write `kind: drill`"):
        load(tmp_path / "s.yaml")
