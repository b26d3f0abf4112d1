"""No case is lost, none goes on for ever, whatever is tried and in whatever order it arrives."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from case_steps import moment, step
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from twin.cases import RULES, CaseBook, CaseStep, Kind, Level, Refused, Rules, State

CASES = [f"c-{k}" for k in range(4)]
WORKERS = ["P-1", "P-2", "desk-1", "verifier-1"]
TIGHT = Rules(most_passes=2, most_returns=1, most_reopenings=1, most_units=3, most_notes=3)


@st.composite
def any_step(draw: st.DrawFn) -> CaseStep:
    """Any step of any of a few cases by any of a few workers."""
    kind = draw(st.sampled_from(list(Kind)))
    case = draw(st.sampled_from(CASES))
    says: dict[str, Any] = {}
    if kind is Kind.REPORT:
        says["level"] = draw(st.sampled_from([*Level, None]))
    if kind is Kind.DISPATCH:
        says["units"] = tuple(draw(st.lists(st.sampled_from(WORKERS[:2]), min_size=1, max_size=2)))
    if kind is Kind.MERGE:
        says["duplicate_of"] = draw(st.sampled_from([other for other in CASES if other != case]))
    if kind is Kind.ASSESS:
        says["rating"] = draw(st.integers(1, 5))
    return step(kind.value, draw(st.sampled_from(WORKERS)), case, **says)


def most_steps(rules: Rules) -> int:
    """No case takes more steps than this: each putting-down is bounded, and so is what lies between two of them."""
    put_down = 1 + rules.most_passes + 2 + rules.most_returns + rules.most_reopenings
    return put_down * (2 * rules.most_units + 4) + rules.most_notes + rules.most_returns + rules.most_reopenings + 2


class Desk(RuleBasedStateMachine):
    """Cases as a careless desk works them."""

    @initialize()
    def start(self) -> None:
        self.book = CaseBook(TIGHT)
        self.reported: set[str] = set()
        self.minute = 0

    @rule(one=any_step(), wait=st.sampled_from([1, 10, 60, 60 * 24, 60 * 24 * 8]))
    def try_a_step(self, one: CaseStep, wait: int) -> None:
        self.minute += wait
        before = {case.id: asdict(case) for case in self.book}
        counts = self.book.counts()
        try:
            after = asdict(self.book.check(one, moment(self.minute)))
        except Refused as refused:
            sentence = str(refused)
            assert sentence.endswith(".") and "\n" not in sentence
            self.book.add(one, moment(self.minute))
            assert {case.id: asdict(case) for case in self.book} == before
            assert self.book.counts().refused_steps == counts.refused_steps + 1
            return
        assert {case.id: asdict(case) for case in self.book} == before, "checking changes nothing"
        self.book.add(one, moment(self.minute))
        assert asdict(self.book[one.case]) == after
        self.reported.add(one.case)

    @rule(case=st.sampled_from(CASES), until=st.integers(1, 6))
    def walk_on(self, case: str, until: int) -> None:
        """Carry a case some steps along the loop, so that its far end is reached."""
        for one in _way_on(self.book, case)[:until]:
            self.minute += 1
            self.book.check(one, moment(self.minute))
            self.book.add(one, moment(self.minute))
            self.reported.add(case)

    @invariant()
    def no_case_is_lost(self) -> None:
        counts = self.book.counts()
        assert counts.received == counts.open + counts.closed + counts.merged == len(self.reported) == len(self.book)
        assert {case.id for case in self.book} == self.reported

    @invariant()
    def none_goes_on_for_ever(self) -> None:
        for case in self.book:
            assert case.passes <= TIGHT.most_passes + len(Level) - 1
            assert case.returns <= TIGHT.most_returns
            assert case.reopenings <= TIGHT.most_reopenings
            assert len(case.history) <= most_steps(TIGHT)

    @invariant()
    def every_open_case_can_still_be_closed(self) -> None:
        for case in list(self.book):
            if case.is_open:
                other = CaseBook(TIGHT)
                for taken in case.history:
                    other.add(taken.step, taken.at)
                for number, one in enumerate(_way_on(other, case.id), start=1):
                    other.add(one, moment(self.minute + number))
                assert other[case.id].state is State.ASSESSED

    @invariant()
    def the_loop_was_kept(self) -> None:
        for case in self.book:
            handlers: set[str] = set()
            kinds = [taken.step.step for taken in case.history]
            assert kinds[0] is Kind.REPORT and kinds.count(Kind.REPORT) == 1
            for taken in case.history:
                handlers |= {taken.step.by} if taken.step.step is Kind.HANDLE else set()
                assert taken.step.step is not Kind.VERIFY or taken.step.by not in handlers
            done = [kind for kind in kinds if kind is not Kind.NOTE]
            assert all(before is Kind.VERIFY for before, kind in pairwise(done) if kind is Kind.CLOSE)
            assert all(one.at <= other.at for one, other in pairwise(case.history))

    @invariant()
    def merged_cases_lead_to_one_that_is_not(self) -> None:
        for case in self.book:
            root = self.book[self.book.root(case.id)]
            assert root.state is not State.MERGED
            if case.state is State.MERGED:
                assert case.id in self.book.duplicates(case.duplicate_of or "")


def _way_on(book: CaseBook, case: str) -> list[CaseStep]:
    """Steps that take a case from where it is to its end, by workers who may."""
    end = [step("verify", "judge-9", case), step("close", case=case), step("assess", "hotline-1", case, rating=4)]
    if case not in book:
        return [step("report", case=case), step("dispatch", case=case), step("handle", "P-1", case), *end]
    known = book[case]
    unit = known.units[0] if known.units else "P-1"
    tail = {State.REPORTED: [step("dispatch", case=case, units=(unit,)), step("handle", unit, case), *end],
            State.DISPATCHED: [step("handle", unit, case), *end], State.ARRIVED: [step("handle", unit, case), *end],
            State.HANDLED: end, State.VERIFIED: end[1:], State.CLOSED: end[2:]}
    return tail.get(known.state, [])


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def seen(book: CaseBook) -> tuple[Any, ...]:
    """All that a book knows, in an order of its own."""
    cases = {case.id: asdict(case) for case in book}
    refusals = sorted((r.at, r.step.model_dump_json(), r.reason) for r in book.refusals())
    return cases, refusals, book.counts(), {case: book.duplicates(case) for case in CASES}


timed_steps = st.lists(st.tuples(any_step(), st.integers(0, 12)), max_size=30)


@settings(max_examples=300, deadline=None)
@given(timed_steps, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(steps: list[tuple[CaseStep, int]], random: Any) -> None:
    books = []
    for _ in range(3):
        book = CaseBook(TIGHT)
        for one, minute in steps:
            book.add(one, moment(minute))
        books.append(seen(book))
        random.shuffle(steps)
    assert books[0] == books[1] == books[2]


@settings(max_examples=200, deadline=None)
@given(timed_steps)
def test_a_step_that_comes_twice_counts_once(steps: list[tuple[CaseStep, int]]) -> None:
    once, twice = CaseBook(TIGHT), CaseBook(TIGHT)
    for one, minute in steps:
        if (one, minute) not in steps[: steps.index((one, minute))]:
            once.add(one, moment(minute))
        twice.add(one, moment(minute))
        twice.add(one, moment(minute))
    assert seen(once) == seen(twice)


def book_of(*steps: tuple[CaseStep, float]) -> CaseBook:
    book = CaseBook()
    for one, minute in steps:
        book.add(one, moment(minute))
    return book


def test_a_late_step_makes_refused_ones_hold() -> None:
    late = (step("dispatch"), 10)
    book = book_of((step("report"), 0), (step("handle", "P-1"), 20))
    assert book["c-1"].state is State.REPORTED and len(book.refusals()) == 1
    book.add(late[0], moment(late[1]))
    assert book["c-1"].state is State.HANDLED and not book.refusals()


def test_two_cases_cannot_vanish_into_each_other() -> None:
    book = book_of((step("report"), 0), (step("report", case="c-2"), 0), (step("merge", case="c-1", duplicate_of="c-2"), 5),
                   (step("merge", case="c-2", duplicate_of="c-1"), 5))
    assert book.counts().merged == 1 and book.counts().open == 1
    assert book.root("c-1") == book.root("c-2") == "c-2"
    assert len(book["c-1"].history) == 2, "merged cases keep their history"


def test_a_merge_into_a_case_that_is_not_there_waits_for_it() -> None:
    book = book_of((step("report"), 5), (step("merge", duplicate_of="c-2"), 10))
    assert book["c-1"].state is State.REPORTED
    book.add(step("report", case="c-2"), moment(12))
    assert book["c-1"].state is State.REPORTED, "it was reported only later"
    other = book_of((step("report"), 5), (step("merge", duplicate_of="c-2"), 10), (step("report", case="c-2"), 7))
    assert other["c-1"].state is State.MERGED and other.duplicates("c-2") == ["c-1"]


def test_what_a_book_hands_out_is_not_the_book() -> None:
    book = book_of((step("report"), 0))
    case = book["c-1"]
    case.history.clear()
    case.state = State.CLOSED
    assert book["c-1"].is_open and len(book["c-1"].history) == 1


def test_a_case_that_is_not_there_is_said_to_be_so() -> None:
    with pytest.raises(Refused, match="there is no case c-7"):
        CaseBook()["c-7"]
    assert most_steps(RULES) < 2000
