"""The registry of verification tests: they run, they can fail, and expected failures are strict."""

from __future__ import annotations

import os
from typing import ClassVar

import pytest

from sim.verify import SUITES, Absent, Check, Figures, checks, verify
from sim.verify.page import page
from twin.errors import BadInput

LONG = bool(os.environ.get("HUTONG_LONG"))
ALL = checks()
RUNNABLE = [check for check in ALL if isinstance(check, Check)]


def named(check):
    return f"{check.suite}-{check.test}"


@pytest.mark.parametrize("check", [c for c in RUNNABLE if LONG or not c.slow], ids=named)
def test_result_is_what_is_known_of_the_model(check):
    result = check.result()
    assert not result.unexpected, f"{result.status}: {result.reason}; measured {dict(result.measured)}"
    assert (result.status == "pass") == (not result.reason)


@pytest.mark.parametrize("check", RUNNABLE, ids=named)
def test_every_criterion_can_fail(check):
    verdict = check.verdict(check.counterexample)
    assert verdict.status == "fail"
    assert verdict.reason


class Anything(Check):
    """A criterion that is always met."""

    suite, test, title, criterion = "none", "0", "", ""
    counterexample: ClassVar[Figures] = {}

    def measure(self) -> Figures:
        return {"a": 1.0}

    def judge(self, figures: Figures) -> bool:
        return figures["a"] == 1.0


def test_a_failure_without_a_reason_is_unexpected():
    verdict = Anything().verdict({"a": 2.0})
    assert verdict.status == "fail" and verdict.unexpected


def test_a_known_failure_that_passes_is_reported():
    class Known(Anything):
        """Marked as failing, and passing."""

        known_failure = "it cannot"

    verdict = Known().verdict({"a": 1.0})
    assert verdict.status == "fail" and verdict.unexpected and "take the mark away" in verdict.reason
    failed = Known().verdict({"a": 2.0})
    assert failed.status == "fail" and not failed.unexpected and failed.reason == "it cannot"


def test_suites_are_complete_and_reasons_given():
    counts = {suite: len({c.test for c in checks(suite)}) for suite in SUITES}
    assert counts["nist"] == 17 and counts["iso"] == 19 and counts["imo"] == 11
    assert {str(n) for n in range(1, 17)} <= {c.test for c in checks("rimea")}
    assert len({named(c) for c in ALL}) == len(ALL)
    assert all(c.reason for c in ALL if isinstance(c, Absent))
    assert all(c.suite == suite for suite in SUITES for c in checks(suite))


def test_one_test_is_chosen_by_its_number():
    assert [c.suite for c in checks(test="2.1")] == ["nist"]
    assert [r.status for r in verify("nist", "2.7")] == ["not applicable"]
    with pytest.raises(BadInput, match="choose one of experiments"):
        checks("rimae")
    with pytest.raises(BadInput, match="no test 99"):
        checks("imo", "99")


def test_page_has_a_row_for_every_test():
    results = [c.result() for c in ALL if isinstance(c, Absent)] + [Anything().verdict({"a": 2.0})][:0]
    text = page(results, {(c.suite, c.test): c.title for c in ALL})
    assert text.count("not applicable: ") == len(results) > 0
    assert "NIST TN 1822" in text
