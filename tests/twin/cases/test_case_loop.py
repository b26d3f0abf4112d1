"""The loop of a case, guard by guard."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from case_steps import closed, moment, step, walk

from twin.cases import Case, CaseStep, Refused, Rules, State, apply
from twin.cases.types import TYPES


def refused(case: Case | None, one: CaseStep, minutes: float = 1000, **more: object) -> str:
    """The sentence with which a step is refused; the case must be as it was."""
    before = None if case is None else asdict(case)
    with pytest.raises(Refused) as error:
        apply(case, one, moment(minutes), **more)  # type: ignore[arg-type]
    assert case is None or asdict(case) == before
    return str(error.value)


def test_six_steps_close_the_loop() -> None:
    case = apply(closed(), step("assess", rating=4), moment(60))
    assert case.state is State.ASSESSED
    assert (case.rating, case.handlers, case.units) == (4, ("P-1",), ("P-1",))
    assert [taken.step.step.value for taken in case.history] == [
        "report", "dispatch", "arrive", "handle", "verify", "close", "assess"]
    assert (case.arrived_at, case.handled_at, case.closed_at) == (moment(20), moment(30), moment(50))
    assert case.due_at == moment(0) + timedelta(hours=TYPES["rubbish"].handle_h)


def test_every_transition_says_who_when_why() -> None:
    for taken in closed().history:
        assert taken.step.by and taken.step.why and taken.at.tzinfo is not None


def test_a_case_is_reported_once_and_first() -> None:
    assert "already reported" in refused(closed(), step("report"))
    assert "not reported yet" in refused(None, step("dispatch"))


def test_only_who_was_sent_arrives_and_handles() -> None:
    sent = walk(step("report"), step("dispatch"))
    assert "P-2 was not sent" in refused(sent, step("arrive", "P-2"))
    assert "P-2 was not sent" in refused(sent, step("handle", "P-2"))
    both = apply(sent, step("dispatch", units=("P-2", "P-2")), moment(20))
    assert both.units == ("P-1", "P-2")
    assert apply(both, step("handle", "P-2"), moment(30)).handlers == ("P-2",)
    assert "on case c-1 already" in refused(both, step("dispatch", units=("P-2",)))


def test_a_verifier_is_not_the_handler_nor_is_who_assesses() -> None:
    handled = walk(step("report"), step("dispatch"), step("handle", "P-1"))
    assert "cannot judge it" in refused(handled, step("verify", "P-1"))
    assert "cannot judge it" in refused(handled, step("return", "P-1"))
    assert "cannot judge it" in refused(closed(), step("assess", "P-1"))


def test_an_earlier_handler_cannot_verify_either() -> None:
    again = walk(step("report"), step("dispatch"), step("handle", "P-1"), step("return", "verifier-1"),
                 step("dispatch", units=("P-2",)), step("handle", "P-2"))
    assert "cannot judge it" in refused(again, step("verify", "P-1"))


def test_closing_needs_verification() -> None:
    for steps in ((), (step("dispatch"),), (step("dispatch"), step("handle", "P-1"))):
        assert "only a verified case can be closed" in refused(walk(step("report"), *steps), step("close"))


def test_levels_pass_up_and_down_one_at_a_time() -> None:
    up = walk(step("report"), step("dispatch"), step("pass_up"))
    assert (up.level.value, up.state, up.units) == ("subdistrict", State.REPORTED, ())
    assert apply(up, step("pass_down"), moment(40)).level.value == "community"
    assert "goes to the level district next" in refused(up, step("pass_up", level="community"))
    assert "lowest level" in refused(walk(step("report")), step("pass_down"))
    assert "highest level" in refused(walk(step("report", level="district")), step("pass_up"))


def test_after_so_many_passes_the_higher_level_decides() -> None:
    case = walk(step("report"), step("pass_up"), step("pass_down"), step("pass_up"))
    assert "decide it at this level" in refused(case, step("pass_down"))
    top = apply(case, step("pass_up"), moment(50))
    assert top.level.value == "district"
    refused(top, step("pass_down"))
    refused(top, step("pass_up"))


def test_each_level_can_close_its_own_loop() -> None:
    for level in ("community", "subdistrict", "district"):
        assert closed(level=level).state is State.CLOSED


def test_what_is_not_done_comes_back_only_so_often() -> None:
    steps = [step("report"), step("dispatch")]
    for _ in range(Rules().most_returns):
        steps += [step("handle", "P-1"), step("return", "verifier-1")]
    back = walk(*steps, step("handle", "P-1"))
    assert "came back 3 times" in refused(back, step("return", "verifier-1"))
    assert apply(back, step("pass_up"), moment(900)).level.value == "subdistrict"
    assert apply(back, step("verify", "verifier-1", result="unsolved"), moment(900)).result == "unsolved"


def test_reopening_within_a_week_and_only_so_often() -> None:
    case = closed()
    late = 50 + 7 * 24 * 60 + 1
    assert "more than 7 days ago" in refused(case, step("reopen"), late)
    again = apply(case, step("reopen"), moment(late - 1))
    assert (again.state, again.closed_at, again.units, again.reopenings) == (State.REPORTED, None, (), 1)
    assert again.due_at == moment(late - 1) + timedelta(hours=4)
    assert again.reported_at == moment(0)
    twice = again
    for number, one in enumerate([step("dispatch"), step("handle", "P-1"), step("verify"), step("close"), step("reopen")]):
        twice = apply(twice, one, moment(late + number))
    for number, one in enumerate([step("dispatch"), step("handle", "P-1"), step("verify"), step("close")]):
        twice = apply(twice, one, moment(late + 10 + number))
    assert "reopened 2 times already" in refused(twice, step("reopen"), late + 20)


def test_a_good_rating_closes_the_loop_a_bad_one_leaves_it_open_to_reopening() -> None:
    good, bad = (apply(closed(), step("assess", rating=rating), moment(60)) for rating in (3, 2))
    assert "rated 3" in refused(good, step("reopen"), 70)
    assert apply(bad, step("reopen"), moment(70)).rating is None


def test_nothing_happens_before_what_has_happened() -> None:
    assert "in the order of their times" in refused(walk(step("report"), step("dispatch")), step("handle", "P-1"), 5)


def test_a_step_of_another_case_is_refused() -> None:
    assert "was put to case c-1" in refused(closed(), step("reopen", case="c-2"))


def test_notes_change_nothing_else_and_have_an_end() -> None:
    case = walk(step("report"))
    noted = apply(case, step("note"), moment(5))
    assert {k: v for k, v in asdict(noted).items() if k not in ("notes", "history")} == {
        k: v for k, v in asdict(case).items() if k not in ("notes", "history")}
    assert "has 1 notes already" in refused(noted, step("note"), rules=Rules(most_notes=1))


def test_a_case_has_room_for_so_many_units_at_a_time() -> None:
    sent = walk(step("report"), step("dispatch", units=("P-1", "P-2")))
    assert "more than 2 units" in refused(sent, step("dispatch", units=("P-3",)), rules=Rules(most_units=2))
    back = apply(sent, step("return", "P-1"), moment(30))
    assert apply(back, step("dispatch", units=("P-3",)), moment(40), rules=Rules(most_units=2)).units == ("P-3",)


def test_the_report_may_name_its_own_deadline() -> None:
    assert walk(step("report", deadline=moment(7))).due_at == moment(7)
    assert walk(step("report", type="no_such_type")).due_at == moment(0) + timedelta(hours=TYPES["other"].handle_h)
