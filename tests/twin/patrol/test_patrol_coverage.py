"""What a unit saw: along streets, not through houses, not while it was silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely

from twin.errors import BadInput
from twin.patrol import FootGround, RiskPlace, Watch, coverage, gaps, watch_of
from twin.patrol.tracks import read_tracks
from twin.places import LOCAL_METRES, District

AREA = shapely.union_all([shapely.box(0, 0, 200, 6), shapely.box(97, 0, 103, 200)])
"""Two lanes that meet at (100, 3)."""
PLACES = {"near": (20, 3), "corner": (100, 3), "far": (180, 3), "round the corner": (100, 60), "end": (100, 190)}


@pytest.fixture(scope="module")
def lanes() -> FootGround:
    return FootGround(AREA)


@pytest.fixture(scope="module")
def watch(lanes: FootGround) -> Watch:
    places = pd.DataFrame({"id": list(PLACES), "kind": "street", "of": "lane", "length_m": 25.0,
                           "x": [float(x) for x, _ in PLACES.values()], "y": [float(y) for _, y in PLACES.values()]})
    return Watch(places, lanes.snap(places[["x", "y"]].to_numpy()))


def track(*fixes: tuple[float, float, float], unit: str = "P-1") -> pd.DataFrame:
    return pd.DataFrame([(unit, *fix) for fix in fixes], columns=["unit", "t_s", "x", "y"])


def seen(found: object) -> set[str]:
    places = found.places  # type: ignore[attr-defined]
    return set(places["id"][np.isfinite(places["age_s"])])


def test_one_sees_along_the_street_and_not_round_the_corner(lanes: FootGround, watch: Watch) -> None:
    standing = track((0, 60, 3))
    assert seen(coverage(lanes, watch, standing, until_s=600, radius_m=30)) == set()
    assert seen(coverage(lanes, watch, standing, until_s=600, radius_m=45)) == {"near", "corner"}
    assert seen(coverage(lanes, watch, standing, until_s=600, radius_m=150)) == {"near", "corner", "far"}
    assert "round the corner" in seen(coverage(lanes, watch, track((0, 100, 3)), until_s=600, radius_m=60))


def test_ages_passes_and_gaps_are_counted_from_sightings(lanes: FootGround, watch: Watch) -> None:
    there_and_back = track((100, 20, 3), (1000, 180, 3), (2000, 20, 3), (2100, 20, 3))
    found = coverage(lanes, watch, there_and_back, since_s=0, until_s=3000, radius_m=10).places.set_index("id")
    assert found.loc["near", ["last_seen_s", "age_s", "passes", "longest_gap_s"]].tolist() == [2100, 900, 2, 1900]
    assert found.loc["far", ["last_seen_s", "passes", "longest_gap_s"]].tolist() == [1000, 1, 2000]
    assert found.loc["end", "passes"] == 0 and found.loc["end", "longest_gap_s"] == 3000 and np.isinf(found.loc["end", "age_s"])


def test_between_two_fixes_a_unit_walked_straight_unless_it_was_silent(lanes: FootGround, watch: Watch) -> None:
    walked = coverage(lanes, watch, track((0, 60, 3), (50, 140, 3)), radius_m=10)
    assert seen(walked) == {"corner"}
    assert seen(coverage(lanes, watch, track((0, 60, 3), (300, 140, 3)), radius_m=10)) == set(), "five minutes of silence"
    assert seen(coverage(lanes, watch, track((0, 60, 3), (5, 140, 3)), radius_m=10)) == set(), "nobody walks at 16 m/s"
    two = pd.concat([track((0, 60, 3)), track((50, 140, 3), unit="P-2")])
    assert seen(coverage(lanes, watch, two, radius_m=10)) == set(), "two units are not one"


def test_positions_far_from_any_ground_are_counted_out(lanes: FootGround, watch: Watch) -> None:
    found = coverage(lanes, watch, track((0, 60, 90), (1, 60, 3)), radius_m=45)
    assert (found.fixes, found.off_ground) == (2, 1)
    assert seen(found) == {"near", "corner"}


def test_the_order_of_fixes_does_not_matter(lanes: FootGround, watch: Watch) -> None:
    rng = np.random.default_rng(1)
    walk = track(*((10 * k, 20 + 1.5 * k + rng.normal(0, 0.5), 3) for k in range(100)))
    mixed = walk.sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(coverage(lanes, watch, walk).places, coverage(lanes, watch, mixed).places)


def test_more_tracks_never_see_less(lanes: FootGround, watch: Watch) -> None:
    rng = np.random.default_rng(4)
    ages = np.full(len(PLACES), np.inf)
    tracks = track((0, 20, 3))
    for k in range(8):
        tracks = pd.concat([tracks, track((60 * k, *lanes.nodes[rng.integers(len(lanes.nodes))]), unit=f"P-{k}")])
        found = coverage(lanes, watch, tracks, since_s=0, until_s=3600).places["age_s"].to_numpy()
        assert (found <= ages).all()
        ages = found


def test_gaps_are_the_promises_not_kept_the_worst_first(lanes: FootGround, watch: Watch) -> None:
    found = coverage(lanes, watch, track((0, 20, 3)), since_s=0, until_s=3600, radius_m=10)
    risks = [RiskPlace(id="kept", x=20, y=3, every_min=90), RiskPlace(id="late", x=22, y=3, every_min=20),
             RiskPlace(id="later", x=22, y=3, every_min=20, weight=2), RiskPlace(id="never", x=100, y=190),
             RiskPlace(id="nowhere", x=900, y=900)]
    table = gaps(found, risks)
    assert table["id"].tolist() == ["never", "nowhere", "later", "late"]
    assert table.set_index("id").loc["late", ["nearest", "age_min", "overdue_min", "urgency"]].tolist() == ["near", 60, 40, 3]
    assert table.set_index("id").loc["nowhere", "nearest"] is None


def test_a_district_is_watched_street_by_street_and_gate_by_gate(quarter: District, quarter_ground: FootGround) -> None:
    watch = watch_of(quarter, quarter_ground)
    streets = watch.places[watch.places["kind"] == "street"]
    assert watch.places["id"].is_unique and (watch.node >= 0).mean() > 0.98
    assert streets["length_m"].sum() == pytest.approx(quarter.streets.length.sum()) and streets["length_m"].max() <= 25
    gates = watch.places[watch.places["kind"] == "gate"]
    entrances = quarter.entrances
    into_yards, from_streets = (entrances[column].isin(table["id"]) for column, table in
                                (("courtyard", quarter.courtyards), ("leads_to", quarter.streets)))
    assert set(gates["id"]) == set(entrances["id"][into_yards & from_streets])
    everywhere = track(*((k, *xy) for k, xy in enumerate(quarter_ground.nodes[::7])))
    found = coverage(quarter_ground, watch, everywhere)
    assert found.share(1e9, "street") > 0.98 and found.share(1e9, "gate") > 0.98
    assert 0 < found.share(60, "street") < 0.5


def test_bad_tracks_are_refused(lanes: FootGround, watch: Watch) -> None:
    with pytest.raises(BadInput, match="no column unit"):
        coverage(lanes, watch, pd.DataFrame({"t_s": [], "x": [], "y": []}))
    with pytest.raises(BadInput, match="ends before it starts"):
        coverage(lanes, watch, track((0, 1, 1)), since_s=10, until_s=5)
    with pytest.raises(BadInput, match="sees nothing"):
        coverage(lanes, watch, track((0, 1, 1)), radius_m=0)
    empty = coverage(lanes, watch, track(), since_s=0, until_s=60)
    assert seen(empty) == set() and empty.share(60) == 0


def test_tracks_from_files(tmp_path: object) -> None:
    path = tmp_path / "tracks.csv"  # type: ignore[operator]
    path.write_text("Unit,time,x,y\nP-1,2026-01-05T08:00:00+08:00,1,2\nP-1,2026-01-05T00:00:10Z,3,4\n")
    table = read_tracks(path, LOCAL_METRES)
    assert table["t_s"].diff().iloc[1] == 10 and table[["x", "y"]].to_numpy().tolist() == [[1, 2], [3, 4]]
    for content, complaint in [
            ("unit,time,x,y\nP-1,noon,1,2\n", "line 2: 'noon' in the column time"), ("a,b\n1,2\n", "no column unit"),
            ("unit,time,x,y\nP-1,1,1,2\nP-1,2,a,2\n", "line 3: 'a' in the column x"), ("", "not a CSV file")]:
        path.write_text(content)
        with pytest.raises(BadInput, match=complaint):
            read_tracks(path, LOCAL_METRES)
