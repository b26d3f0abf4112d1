"""Verification: the tests by which the field accepts a pedestrian simulation, one class a test.

``checks()`` lists them, ``verify()`` runs them; ``hutong verify`` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.verify import experiments, floors, imo, iso, nist, rimea
from sim.verify.check import Absent, Check, Figures, Result
from twin.errors import BadInput

SUITES: dict[str, tuple[type[Check] | Absent, ...]] = {
    "experiments": (*experiments.CHECKS, *floors.CHECKS),
    "rimea": rimea.CHECKS,
    "nist": nist.CHECKS,
    "iso": iso.CHECKS,
    "imo": imo.CHECKS,
}
"""The tests of each suite, in the guideline's order."""

__all__ = ["SUITES", "Absent", "Check", "Figures", "Result", "checks", "verify"]


def checks(suite: str | None = None, test: str | None = None) -> list[Check | Absent]:
    """The tests of a suite, or of all; only the one with a number, if it is given.

    Raises :class:`BadInput` where there are none.
    """
    if suite is not None and suite not in SUITES:
        raise BadInput(f"there is no suite {suite}", mend=f"choose one of {', '.join(SUITES)}")
    chosen = [
        check if isinstance(check, Absent) else check()
        for name, members in SUITES.items()
        if suite in (None, name)
        for check in members
    ]
    found = [check for check in chosen if test is None or check.test == test]
    if not found:
        raise BadInput(
            f"there is no test {test}" + (f" in the suite {suite}" if suite else ""),
            mend="choose one of " + ", ".join(dict.fromkeys(check.test for check in chosen)),
        )
    return found


def verify(suite: str | None = None, test: str | None = None) -> Iterator[Result]:
    """Run tests one after the other."""
    for check in checks(suite, test):
        yield check.result()
