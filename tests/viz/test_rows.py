import numpy as np
import pytest

from sim.run import Run
from twin.errors import BadInput
from viz.heat import heat
from viz.pages import legend, timeline
from viz.pages.playback import rows_now
from viz.rows import map_difference, object_row, search, table_rows


@pytest.fixture(scope="module")
def runs(rehearsed):
    return Run(rehearsed / "runs" / "open"), Run(rehearsed / "runs" / "checked")


class Moved:
    """A run whose map is the same, but begins elsewhere."""

    def __init__(self, run, columns=0, rows=0, off=0.0):
        self.name, self._run, self._by = "moved", run, (columns, rows, off)

    def maps(self):
        maps = dict(self._run.maps())
        columns, rows, off = self._by
        maps["origin"] = maps["origin"] + np.array([columns + off, rows]) * float(maps["cell"])
        return maps


def test_rows_have_every_column_and_a_place(library):
    rows = table_rows(library.district("plaza"), "streets")
    assert [row["id"] for row in rows] == ["west", "east", "north"]
    assert -100 <= rows[0]["x"] <= -20 and rows[0]["y"] == 0.0
    assert rows[0]["name"] is None and rows[0]["on_foot"] is True
    assert table_rows(library.district("plaza"), "courtyards") == []
    assert table_rows(library.district("plaza"), "streets", 1, 1) == rows[1:2]


def test_search_knows_ids_names_and_addresses_and_no_patterns(library):
    district = library.district("plaza")
    assert [hit["id"] for hit in search(district, " WES")] == ["west"]
    assert search(district, ".*") == [] and search(district, "  ") == []
    assert object_row(district, "hall")["table"] == "buildings"


def test_a_difference_is_taken_cell_on_cell(runs):
    one = runs[1].maps()["density_max"]
    assert not map_difference(runs[1], runs[1], "density_max").any()
    shifted = map_difference(runs[1], Moved(runs[1], columns=2, rows=1), "density_max")
    expected = one.copy()
    expected[1:, 2:] -= one[:-1, :-2]
    np.testing.assert_allclose(shifted, expected)
    with pytest.raises(BadInput, match="different grids"):
        map_difference(runs[1], Moved(runs[1], off=0.4), "density_max")


def test_heat_names_a_map_that_fits(runs):
    shown = heat(runs[1], "density_max", 1)
    maps = runs[1].maps(1)
    assert shown["shape"] == list(maps["density_max"].shape) and shown["range"][0] == 0 < shown["range"][1]
    np.testing.assert_allclose(shown["origin"], maps["origin"] - [446000, 4416000])
    difference = heat(runs[1], "density_max", minus=runs[0])
    assert difference["ramp"] == "diverging" and difference["range"][0] == -difference["range"][1]
    assert "minus=open" in difference["url"]


def test_the_timeline_keeps_every_peak(runs):
    rows = runs[1].series[runs[1].series["seed"] == 1]
    told = timeline.facts(runs[1], 1)
    assert told["day_s"] == 18 * 3600 and told["duration"] == pytest.approx(240, abs=1)
    assert max(told["curves"]["density"]) == pytest.approx(rows["density_max"].max(), abs=0.01)
    assert timeline._peaks(np.array([0, 0, 9.0, 0, 1]), 2).tolist() == [0, 9, 1]
    assert timeline.clock(runs[1], 65) == "18:01:05"
    marks = timeline.marks("x", runs[1], 1)
    assert "fall" in marks[0].title or "incident" in marks[0].title
    assert timeline.spark([], "#000").startswith("data:image/svg+xml;base64,")


def test_rows_now_are_those_of_the_moment(runs):
    people, _ = rows_now(runs[1], 1, "people", 60)
    assert len(people) == len(runs[1].frames(1).at(60).ids) > 5
    assert rows_now(runs[1], 1, "people", 60, "zh")[0][0]["state"] in "入场 排队 安检中 在场 离场 受阻"
    queues, _ = rows_now(runs[1], 1, "queues", 60)
    assert {row["checkpoint"] for row in queues} == {"west-check"}
    assert rows_now(runs[1], 1, "queues", -1)[0] == []
    late, early = rows_now(runs[1], 1, "events", 240)[0], rows_now(runs[1], 1, "events", 50)[0]
    assert len(late) > len(early)


def test_a_replication_without_positions_says_so(runs):
    rows, note = rows_now(runs[1], 2, "people", 10)
    assert rows == [] and note.children.startswith("This replication kept no positions")


def test_legends_name_levels_and_units():
    assert [step.children[0].children for step in legend.fruin("map.fruin").children[1].children] == list("ABCDEF")
    assert "m/s" in str(legend.people("speed"))
