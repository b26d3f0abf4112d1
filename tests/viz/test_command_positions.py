"""Columns of positions and the frames that viewers get of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viz.live.positions import FORGOTTEN_AFTER, NEARBY_M, NEITHER, ON_CASE, WHOLE, Look, Positions, everywhere, nowhere, within

NOW = 1_800_000_000.0


@dataclass
class Read:
    """A frame, taken apart by the documented layout."""

    flags: int
    number: int
    time_s: float
    slots: list[int]
    x: np.ndarray
    y: np.ndarray
    age: np.ndarray
    accuracy: np.ndarray
    heading: np.ndarray
    gone: list[int]
    state: list[int]


def read(frame: bytes) -> Read:
    assert frame[:4] == b"THL1"
    flags, n, number, time_s, lost, _ = struct.unpack_from("<IIIdII", frame, 4)
    at = 32
    slots = np.frombuffer(frame, "<u4", n, at)
    at += 4 * n
    columns = []
    for _ in range(5):
        columns.append(np.frombuffer(frame, "<f4", n, at))
        at += 4 * n
    gone = np.frombuffer(frame, "<u4", lost, at)
    at += 4 * lost
    assert len(frame) == at + n
    return Read(flags, number, time_s, slots.tolist(), *columns, gone.tolist(), np.frombuffer(frame, "u1", n, at).tolist())


def put(positions: Positions, *reports: tuple[str, float, float, float], grid: str | None = "a") -> None:
    positions.put(
        [r[0] for r in reports],
        [r[1] for r in reports],
        [r[2] for r in reports],
        [r[3] for r in reports],
        [5.0] * len(reports),
        [grid] * len(reports),
    )


def test_a_viewer_gets_everything_first_and_then_only_what_is_new() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 1.0, 2.0, NOW - 3), ("P-2", 30.0, 40.0, NOW - 1))
    names, frame, observed = look.frame(positions, NOW, whole=True)
    got = read(frame)
    assert names == {"0": "P-1", "1": "P-2"}
    assert got.flags & WHOLE
    np.testing.assert_allclose(got.age, [3, 1])
    np.testing.assert_allclose(observed, [NOW - 3, NOW - 1])
    assert look.frame(positions, NOW + 1) is None
    put(positions, ("P-2", 31.0, 40.0, NOW + 1))
    names, frame, _ = look.frame(positions, NOW + 1)
    got = read(frame)
    assert names == {}
    assert got.slots == [1]
    assert not got.flags & WHOLE
    assert got.number == 2


def test_a_late_report_does_not_move_a_unit_back() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 10.0, 0.0, NOW), ("P-1", 5.0, 0.0, NOW - 5))
    put(positions, ("P-1", 1.0, 0.0, NOW - 9))
    got = read(look.frame(positions, NOW, whole=True)[1])
    assert got.x.tolist() == [10.0]


def test_who_leaves_the_scope_is_gone_at_once() -> None:
    positions, look = Positions(), Look(within(["a"]))
    put(positions, ("P-1", 0, 0, NOW), grid="a")
    put(positions, ("P-2", 0, 0, NOW), grid="b")
    put(positions, ("P-3", 0, 0, NOW), grid=None)
    names, frame, _ = look.frame(positions, NOW, whole=True)
    assert set(names.values()) == {"P-1"}
    assert read(frame).slots == [0]
    put(positions, ("P-1", 5, 0, NOW + 1), grid="b")
    names, frame, _ = look.frame(positions, NOW + 1)
    assert (names, read(frame).slots, read(frame).gone) == ({}, [], [0])
    put(positions, ("P-2", 5, 0, NOW + 2), grid="a")
    names, frame, _ = look.frame(positions, NOW + 2)
    assert (names, read(frame).slots) == ({"1": "P-2"}, [1])


def test_a_unit_in_the_field_sees_those_near_it_only() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 0, 0, NOW), ("P-2", NEARBY_M - 1, 0, NOW), ("P-3", NEARBY_M + 1, 0, NOW))
    look.near = positions.place_of("P-1")
    assert set(look.frame(positions, NOW, whole=True)[0].values()) == {"P-1", "P-2"}


def test_units_that_were_silent_for_an_hour_are_dropped() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 0, 0, NOW))
    look.frame(positions, NOW, whole=True)
    assert read(look.frame(positions, NOW + FORGOTTEN_AFTER + 1)[1]).gone == [0]


def test_what_units_do_travels_with_them() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 0, 0, NOW), ("P-2", 0, 0, NOW))
    assert read(look.frame(positions, NOW, whole=True)[1]).state == [NEITHER, NEITHER]
    positions.put_on_cases({"P-2", "P-9"})
    got = read(look.frame(positions, NOW)[1])
    assert (got.slots, got.state) == ([1], [ON_CASE])
    put(positions, ("P-2", 1, 0, NOW + 1), ("P-9", 0, 0, NOW))  # reporting goes on; the case does too
    assert read(look.frame(positions, NOW + 1)[1]).state == [ON_CASE, ON_CASE]
    positions.put_on_cases(())
    assert read(look.frame(positions, NOW + 1)[1]).state == [NEITHER, NEITHER]


def test_a_moment_that_is_past_is_told_even_if_nobody_moved() -> None:
    positions, look = Positions(), Look(everywhere)
    put(positions, ("P-1", 0, 0, NOW))
    look.frame(positions, NOW, live=False, whole=True)
    got = read(look.frame(positions, NOW + 25, live=False)[1])
    assert (got.slots, got.time_s, got.flags) == ([], NOW + 25, 0)
    assert look.frame(positions, NOW + 30) is None


def test_a_copy_does_not_move_on() -> None:
    positions = Positions()
    put(positions, ("P-1", 0, 0, NOW))
    still = positions.copy()
    put(positions, ("P-1", 9, 0, NOW + 1), ("P-2", 0, 0, NOW))
    got = read(Look(everywhere).frame(still, NOW + 1, whole=True)[1])
    assert (got.slots, got.x.tolist()) == ([0], [0.0])


def test_a_scope_of_nothing_sees_nothing() -> None:
    positions = Positions()
    put(positions, ("P-1", 0, 0, NOW), grid=None)
    assert read(Look(nowhere).frame(positions, NOW, whole=True)[1]).slots == []


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["a", "b", None]), st.floats(-50, 50), st.booleans()), max_size=60))
@settings(max_examples=60, deadline=None)
def test_frames_add_up_to_what_lies_in_the_scope(steps: list[tuple[int, str | None, float, bool]]) -> None:
    """Whatever is reported and however often a viewer looks, what it has drawn is what its scope holds now."""
    positions, look = Positions(), Look(within(["a"]))
    truth: dict[int, tuple[str | None, float]] = {}
    drawn: dict[int, float] = {}
    names: dict[str, str] = {}

    def watch(whole: bool) -> None:
        made = look.frame(positions, NOW + 100, whole=whole)
        if made is None:
            return
        got = read(made[1])
        names.update(made[0])
        if whole:
            drawn.clear()
        for slot in got.gone:
            del drawn[slot]
        drawn.update(zip(got.slots, got.x.tolist(), strict=True))

    watch(True)
    for k, (unit, grid, x, looks) in enumerate(steps):
        put(positions, (f"P-{unit}", x, 0.0, NOW + k), grid=grid)
        truth[unit] = (grid, float(np.float32(x)))
        if looks:
            watch(False)
    watch(False)
    seen = {names[str(slot)]: x for slot, x in drawn.items()}
    assert seen == {f"P-{unit}": x for unit, (grid, x) in truth.items() if grid == "a"}
    assert set(names.values()) <= {f"P-{unit}" for unit, _, _, _ in steps}


def test_numbers_that_are_not_known_are_not_numbers() -> None:
    positions = Positions()
    positions.put(["P-1"], [0.0], [0.0], [NOW], [None], ["a"], [None], [0])
    got = read(Look(everywhere).frame(positions, NOW, whole=True)[1])
    assert np.isnan(got.accuracy[0])
    assert np.isnan(got.heading[0])


def test_many_units_are_framed_quickly(benchmark: pytest.FixtureRequest) -> None:
    positions = Positions()
    n = 5000
    positions.put([f"P-{k}" for k in range(n)], [0.0] * n, [0.0] * n, [NOW] * n, [5.0] * n, ["a"] * n)
    look = Look(everywhere)
    made = benchmark(lambda: look.frame(positions, NOW, whole=True))  # type: ignore[operator]
    assert len(made[2]) == n
