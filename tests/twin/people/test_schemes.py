import numpy as np
import pytest
import shapely

from twin.errors import BadInput
from twin.people import Schemes
from twin.places import District, synthetic
from twin.places.district import table_frame


@pytest.fixture(scope="module")
def schemes_of_full(full):
    return full, Schemes.of(full)


@pytest.fixture
def drawn():
    """Four courtyards in a row; household grids of two each, residential grids that overlap and leave the last one out."""
    place = synthetic.generate(size="small")

    def box(x0, x1):
        return shapely.box(x0, 0, x1, 10)

    grids = [("d", "household", "district", None, box(0, 40)), ("a", "household", "grid", "d", box(0, 20)),
             ("b", "household", "grid", "d", box(20, 40)), ("rd", "residential", "district", None, box(0, 40)),
             ("r1", "residential", "grid", "rd", box(0, 12)), ("r2", "residential", "grid", "rd", box(8, 30))]
    rows = [dict(zip(("id", "scheme", "level", "parent", "geometry"), g, strict=True)) for g in grids]
    tables = {"grids": table_frame("grids", rows, place.crs, source="test"),
              "courtyards": table_frame("courtyards", [
                  {"id": f"c{k}", "geometry": box(10 * k + 1, 10 * k + 9)} for k in range(4)], place.crs, source="test"),
              "parts": table_frame("parts", [{"id": "lamp", "kind": "lamp", "geometry": shapely.Point(35, 5)}], place.crs,
                                   source="test"),
              "streets": table_frame("streets", [{"id": "s", "kind": "lane", "geometry": shapely.LineString([(5, 5), (25, 5)])}],
                                     place.crs, source="test")}
    return District("drawn", place.crs, tables)


def test_every_courtyard_of_the_built_in_district_is_in_one_household_and_one_residential_grid(schemes_of_full):
    _, schemes = schemes_of_full
    for scheme in ("household", "residential", "functional"):
        inside = schemes.inside[schemes.rows(scheme, "grid")].toarray()
        assert (inside.sum(axis=0) == 1).all()


def test_levels_nest(schemes_of_full):
    _, schemes = schemes_of_full
    inside = schemes.inside.toarray()
    for k, parent in enumerate(schemes.cells["parent"]):
        if parent in schemes.row_of and schemes.cells["scheme"][k] != "video":
            assert not (inside[k] & ~inside[schemes.row_of[parent]]).any()


def test_cells_that_reach_beyond_their_parent_are_found(schemes_of_full):
    _, schemes = schemes_of_full
    found = schemes.misnested()
    assert found and all(not name.startswith(("grid-", "community-", "residential-")) for name in found)


def test_who_is_responsible(drawn):
    schemes = Schemes.of(drawn)
    lamp = schemes.responsible(drawn, "lamp").set_index(["scheme", "level"])
    assert lamp.loc[("household", "grid"), ["cell", "how"]].tolist() == ["b", "inside"]
    assert lamp.loc[("residential", "grid"), ["cell", "how", "share"]].tolist() == ["r2", "nearest", 0.0]
    street = schemes.responsible(drawn, "s").set_index(["scheme", "level"])
    assert street.loc[("household", "grid"), "cell"] == "a"
    assert street.loc[("household", "grid"), "share"] == pytest.approx(0.75)


def test_gaps_and_conflicts(drawn):
    schemes = Schemes.of(drawn)
    assert schemes.gaps("residential") == (["c3"], pytest.approx(100.0))
    assert schemes.gaps("household") == ([], pytest.approx(0.0))
    clash = schemes.conflicts("residential")
    assert clash[["first", "second"]].to_numpy().tolist() == [["r1", "r2"]]
    assert clash["area"].tolist() == [pytest.approx(40.0)]
    assert schemes.conflicts("household").empty


def test_problems_of_all_schemes_are_told_together(drawn):
    found = Schemes.of(drawn).problems().set_index(["scheme", "level"])
    assert found.loc[("residential", "grid"), ["places_in_none", "claimed_twice", "beyond_parent"]].tolist() == [1, 1, 0]
    assert found.loc[("household", "grid"), ["places_in_none", "claimed_twice", "places_in_two"]].tolist() == [0, 0, 0]


def test_courtyards_are_the_finest_cells(drawn):
    schemes = Schemes.of(drawn)
    own = schemes.cells.iloc[schemes.rows("household", "courtyard")].set_index("id")
    assert own["parent"].to_dict() == {"c0": "a", "c1": "a", "c2": "b", "c3": "b"}
    np.testing.assert_array_equal(schemes.inside[schemes.rows("household", "courtyard")].toarray(), np.eye(4, dtype=bool))


def test_a_district_without_grids_is_one_cell(drawn):
    bare = District("bare", drawn.crs, {"courtyards": drawn.courtyards})
    schemes = Schemes.of(bare)
    assert schemes.inside[schemes.rows("household", "district")].toarray().sum() == 4


def test_unknown_schemes_and_places_are_refused(drawn):
    schemes = Schemes.of(drawn)
    with pytest.raises(BadInput, match="no cells of household/community"):
        schemes.rows("household", "community")
    with pytest.raises(BadInput, match="'nowhere' is in no table"):
        Schemes.of(drawn, ["nowhere"])
