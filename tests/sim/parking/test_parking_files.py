"""Scenario files of parking nights, and counts of car parks."""

import json
from pathlib import Path

import numpy as np
import pytest

from sim.parking.occupancy import profile, read_counts
from sim.scenario_file import dump, load, load_any, load_night, schema
from twin.errors import BadInput

NIGHT = Path(__file__).resolve().parents[3] / "scenarios" / "night.yaml"


def test_the_example_is_read_and_written(tmp_path):
    plan = load_night(NIGHT)
    assert {"lot", "lanes", "shared", "permits"} <= set(plan.options)
    assert plan.options["lot"].lots[0].capacity == 142
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump(plan), encoding="utf-8")
    assert load_night(copy) == plan
    assert "ParkingPlan" in json.loads(schema())["$defs"]


@pytest.mark.parametrize("read", [load, load_any])
def test_other_readers_say_where_nights_go(read):
    with pytest.raises(BadInput, match="hutong parking"):
        read(NIGHT)


@pytest.mark.parametrize(("before", "after", "says"), [
    ("capacity: 142", "capacity: -5", "greater than or equal to 1"), ("cars: 1000", "cars: -1", "greater than or equal to 0"),
    ("+08:00", "", "time zone"), ("kind: parking", "kind: event", "not a parking night"),
    ("permit: 0.5", "permit: 1.5", "less than or equal to 1"), ("id: site-west", "id: site-east", "two sites"),
    ("{kinds: [kerb], price: 2}", "{price: 2}", "bays or kinds"), ("title: A night", "titel: A night", "no such key"),
    ("options:\n", "options:\n  as it is: {}\n", "always there")])
def test_bad_plans_are_refused_with_the_line(tmp_path, before, after, says):
    text = NIGHT.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "night.yaml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(BadInput, match=says) as error:
        load_night(path)
    assert str(path) in str(error.value)


def test_dirty_counts_are_told(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("A,100,50,2016-10-04 08:00:00\nA,100,60,2016-10-04 08:30:00\nA,100,60,2016-10-04 08:30:00\n"
                    "A,100,-3,2016-10-04 09:00:00\nA,100,104,2016-10-04 09:30:00\nA,100,180,2016-10-04 10:00:00\n"
                    "A,100,many,2016-10-04 10:30:00\n", encoding="utf-8")
    counts = read_counts(path)
    assert (counts.read, counts.unreadable, counts.negative, counts.duplicate) == (7, 1, 1, 1)
    assert (counts.over, counts.over_kept) == (2, 1)
    assert counts.rows["cars"].tolist() == [50, 60, 100]
    assert all(word in counts.sentence() for word in ("1 negative", "2 over capacity", "1 duplicates", "3 rows used"))


def test_a_profile_returns_the_flows_that_made_the_counts(tmp_path):
    stay, rate = 7200.0, np.array([0.3, 0.2, 0.1, 0.05])
    level, lines = [0.2], []
    for come in rate:
        level.append(level[-1] + come - level[-1] * 1800 / stay)
    for day in (3, 4, 5):
        lines += [f"A,10000,{round(10000 * n)},2016-10-0{day} {8 + k // 2:02d}:{30 * (k % 2):02d}:00"
                  for k, n in enumerate(level)]
    path = tmp_path / "made.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = profile(read_counts(path), mean_stay_s=stay)
    np.testing.assert_allclose(found.occupancy, level, atol=1e-3)
    np.testing.assert_allclose(found.arrive[1:] - found.leave[1:], np.diff(level), atol=1e-3)
    assert found.arrivals(8 * 3600).profile[0][0] == 900.0
    with pytest.raises(BadInput, match="end before"):
        found.arrivals(12 * 3600)


def test_birmingham(data):
    counts = read_counts(data / "parking" / "birmingham_parking_first_half.csv")
    assert counts.read == 17_858 and counts.duplicate == 102 and counts.over == 373 and counts.unreadable == 0
    found = profile(counts)
    peak = found.start_s[found.occupancy.argmax()] / 3600
    assert 12 <= peak <= 14 and 0.6 < found.occupancy.max() < 0.85
    assert found.arrive[:6].sum() > found.leave[:6].sum() and found.arrive[-3:].sum() < found.leave[-3:].sum()


@pytest.mark.parametrize(("text", "says"), [("", "not a CSV"), ("a,b\n", "2 columns"), ("A,100,x,never\n", "no row")])
def test_files_without_counts_are_refused(tmp_path, text, says):
    path = tmp_path / "counts.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=says):
        read_counts(path)
    with pytest.raises(BadInput, match="no such file"):
        read_counts(tmp_path / "missing.csv")
