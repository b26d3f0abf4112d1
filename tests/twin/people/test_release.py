"""Tables that other models make of residents: what the gate lets through, and an attacker with everything that is shown."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from twin.errors import BadInput
from twin.people import release

K = 5


def most(shown, total, cell, whole=None, whole_total=None):
    """The largest count that a cell can have for who knows the shown counts, the total and, if there are, the wholes."""
    n = len(shown)
    rows, values = [], []
    width = n if whole is None else 2 * n

    def known(cells, value):
        rows.append(np.isin(np.arange(width), cells).astype(float))
        values.append(float(value))

    for k, count in enumerate(shown):
        if not pd.isna(count):
            known([k], count)
    known(range(n), total)
    for k, count in enumerate([] if whole is None else whole):
        if not pd.isna(count):
            known([k, n + k], count)
    if whole is not None:
        known(range(2 * n), whole_total)
    found = milp(-np.isin(np.arange(width), [cell]).astype(float), constraints=LinearConstraint(np.array(rows), values, values),
                 integrality=np.ones(width), bounds=Bounds(0, np.inf))
    assert found.status == 0
    return -found.fun


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 14), min_size=2, max_size=9))
def test_no_small_count_follows_from_the_others_and_the_sum(counts):
    shown = release(np.array(counts))
    assert not any(0 < c < K for c in shown.tolist() if c is not pd.NA)
    for k, count in enumerate(counts):
        if 0 < count < K and sum(counts) >= K:
            assert most(shown.tolist(), sum(counts), k) >= K


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=7))
def test_what_is_left_of_a_whole_is_protected_too(pairs):
    part, rest = np.array(pairs).T
    whole = part + rest
    shown_whole, shown = release(whole).tolist(), release(part, of=whole).tolist()
    for k in range(len(part)):
        if 0 < rest[k] < K and whole.sum() >= 2 * K and rest.sum() >= K:
            n = len(part)
            far = most([*shown], part.sum(), n + k, shown_whole, whole.sum())
            assert far >= K or 0 < whole[k] < K


def test_means_under_a_half_are_hidden_like_a_count_of_one():
    assert release(np.array([0.2, 30.4, 12.0, 0.0])).tolist() == [pd.NA, 30, pd.NA, 0]


def test_large_counts_pass():
    assert release(np.array([6, 5, 0, 40]), of=np.array([12, 5, 0, 60])).tolist() == [6, 5, 0, 40]


@pytest.mark.parametrize(("counts", "of", "k", "sentence"), [
    ([3, 9], None, 4, "would say too much"), ([-1, 9], None, 5, "counts of 0 or more"),
    ([4, np.nan], None, 5, "counts of 0 or more"), ([4, 9], [9, 8], 5, "more than there are")])
def test_what_is_no_count_is_refused(counts, of, k, sentence):
    with pytest.raises(BadInput, match=sentence):
        release(np.array(counts), of=None if of is None else np.array(of), k=k)
