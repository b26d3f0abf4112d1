"""Former years to try the forecast on."""

import numpy as np
import pandas as pd
import pytest

from twin.errors import BadInput
from twin.people import Assumptions, backtest
from twin.people.history import drawn_past, read_history, tried

GRIDS = np.array([[9, 8, 8, 7], [20, 18, 22, 19]])
WOMEN = np.array([230, 500])


def written(path, past, women):
    rows = [{"year": 2015 + y, "grid": f"g{g}", **{f"age_{a}": past[y, g, a] for a in range(4)}, "women": women[y, g]}
            for y in range(len(past)) for g in range(past.shape[1])]
    table = pd.DataFrame(rows).sample(frac=1, random_state=2)
    table.to_csv(path, index=False)
    return table


def test_a_past_is_read_back_whatever_the_order_of_its_rows(tmp_path):
    past, women = drawn_past(GRIDS, WOMEN, Assumptions(), years=7, seed=3)
    written(tmp_path / "past.csv", past, women)
    read, of = read_history(tmp_path / "past.csv")
    np.testing.assert_array_equal(read, past)
    np.testing.assert_array_equal(of, women)
    assert len(backtest(read, of, draws=100).table) == 5 * 2 * 2


def test_drawn_pasts_begin_with_the_children_of_today_and_intervals_cover_them():
    past, _ = drawn_past(GRIDS, WOMEN, Assumptions(), years=4)
    assert past.shape == (4, 2, 4) and (past[0] == GRIDS).all() and not (past[1] == GRIDS).all()
    scores = tried(np.tile(GRIDS, (10, 1)), np.tile(WOMEN, 10), Assumptions(), pasts=4, years=8).scores()
    assert scores["covered_80"].between(0.74, 0.95).all() and scores["covered_95"].between(0.9, 1.0).all()


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda t: t.drop(columns="women"), "no column women"),
    (lambda t: t.assign(age_2=-1), "line 2: a count is not a whole number"),
    (lambda t: t.assign(age_2=1.5), "line 2: a count is not a whole number"),
    (lambda t: t.iloc[1:], "not one row each")])
def test_pasts_with_holes_are_refused(tmp_path, change, sentence):
    table = written(tmp_path / "past.csv", *drawn_past(GRIDS, WOMEN, Assumptions(), years=4))
    change(table).to_csv(tmp_path / "past.csv", index=False)
    with pytest.raises(BadInput, match=sentence):
        read_history(tmp_path / "past.csv")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none\.csv: there is no such file"):
        read_history(tmp_path / "none.csv")
