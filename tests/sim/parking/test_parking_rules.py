"""Rules and options as data: what they do to a night, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parking_case import X0, Y0, at, plan, town

from sim.parking import scene_of, spend_night
from sim.parking.demand import cars_at
from sim.parking.fire import FireAccess
from sim.parking.outcome import audit, outcome, walk_home
from sim.parking.study import compare_options, deficit_map, load_study
from twin.errors import BadInput

LOT = {"id": "new", "capacity": 25, "area": at((60, 125), (90, 125), (90, 150), (60, 150))}
LOT_OPTION = {"lots": [LOT]}


def standing_by_id(night, t=39_600.0):
    supply = night.scene.supply
    count = np.bincount(night.columns["place"][night.standing(t)], minlength=len(supply))
    return dict(zip(supply.id, count.tolist(), strict=True))


def test_supply_has_the_bays_and_the_stretches_for_the_lawless():
    supply = scene_of(town(), plan()).supply
    assert supply.id[:3].tolist() == ["kerb-south", "kerb-north", "office"] and supply.capacity[:3].tolist() == [10, 8, 20]
    assert set(supply.kind[~supply.legal]) == {"fire lane", "footway"}
    lanes = supply.street[supply.blocks]
    assert set(lanes) == {"lane-across"}  # 4 m leave 2 m beside a car, 7 m leave 5 m
    assert supply.legal[:3].all()


def test_private_bays_stay_empty_until_they_are_shared():
    rule = {"bays": ["office"], "access": "residents", "from_s": 9000, "until_s": 61_200, "taken": 5}
    study_plan = plan(options={"shared": {"rules": [rule]}}, residents={"cars": 40})
    district = town()
    assert standing_by_id(spend_night(district, study_plan))["office"] == 0
    shared = spend_night(district, study_plan, "shared")
    assert 0 < standing_by_id(shared)["office"] <= 15
    assert audit(shared) == []
    assert [(t, what) for t, what, _ in shared.log] == [(9000.0, "opens"), (61_200.0, "closes")]
    inside = np.flatnonzero(shared.scene.supply.id[shared.columns["place"]] == "office")
    inside = inside[shared.columns["place"][inside] >= 0]
    assert (shared.columns["times"][inside, 1] >= 9000).all() and (shared.cars.leaves[inside] <= 61_200).all()


def test_permits_keep_others_out_and_grids_manage_their_own():
    rules = [{"bays": ["kerb-south"], "access": "permit"}, {"bays": ["kerb-north"], "grid": "grid-east"}]
    night = spend_night(town(), plan(rules=rules, residents={"cars": 30, "permit": 0.4}))
    place, name = night.columns["place"], night.scene.supply.id
    south = np.flatnonzero((place >= 0) & (name[place] == "kerb-south"))
    north = np.flatnonzero((place >= 0) & (name[place] == "kerb-north"))
    assert len(south) and len(north)
    assert (night.cars.permit_draw[south] < 0.4).all() and night.cars.resident[south].all()
    assert (night.scene.homes.grid[night.cars.home[north]] == 1).all()


def test_permits_by_hour_bind_between_their_hours_only():
    """A visitor of two hours may stand at the kerb at four, nobody without a permit from six on."""
    rule = {"bays": ["kerb-south"], "access": "permit", "access_from_s": 10_800, "access_until_s": 61_200}
    crowd = {"residents": {"cars": 20, "permit": 0.3}, "visitors": {"cars": 30, "arrive": {"normal": [3600, 1800]},
                                                                    "stay": {"constant": 1800}}}
    night = spend_night(town(), plan(rules=[rule], **crowd))
    south = np.flatnonzero((night.columns["place"] >= 0) & (night.scene.supply.id[night.columns["place"]] == "kerb-south"))
    come, gone = night.columns["times"][south, 1], night.cars.leaves[south]
    within = (come < 61_200) & (gone > 10_800)
    assert within.any() and night.permit[south][within].all()
    assert (~night.permit[south]).any() and (gone[~night.permit[south]] <= 10_800).all()
    assert audit(night) == []
    night.permit[south] = False
    assert "a car that the rules keep from its place" in audit(night)


@pytest.mark.parametrize(("rule", "says"), [
    ({"kinds": ["kerb"], "access_from_s": 5}, "need an access"),
    ({"kinds": ["kerb"], "access": "permit", "access_from_s": 50, "access_until_s": 50}, "must come before")])
def test_hours_of_a_permit_that_make_no_sense_are_refused(rule, says):
    with pytest.raises(ValueError, match=says):
        plan(rules=[rule])


def test_time_limits_and_closures():
    night = spend_night(town(), plan(rules=[{"bays": ["kerb-south"], "max_stay_s": 7200}],
                                     options={"shut": {"close": ["kerb-north"]}}), "shut")
    place, name = night.columns["place"], night.scene.supply.id
    south = np.flatnonzero((place >= 0) & (name[place] == "kerb-south"))
    stay = night.cars.leaves[south] - night.columns["times"][south, 1]
    assert len(south) and (stay <= 7200).all()
    assert standing_by_id(night)["kerb-north"] == 0 and audit(night) == []


def test_a_price_sends_drivers_elsewhere():
    dear = plan(rules=[{"bays": ["kerb-south"], "price": 500}], residents={"cars": 8}, visitors={"cars": 0})
    assert standing_by_id(spend_night(town(), dear))["kerb-south"] < standing_by_id(
        spend_night(town(), plan(residents={"cars": 8}, visitors={"cars": 0})))["kerb-south"]


def test_one_way_lanes_make_the_way_longer():
    two = scene_of(town(), plan())
    one = scene_of(town(), plan(options={"one": {"one_way": {"street-0": "backward"}}}), "one")
    assert (one.from_gate >= two.from_gate - 1e-3).all() and one.from_gate[0, 0] > two.from_gate[0, 0] + 100


def test_cars_in_a_narrow_lane_block_the_fire_engine():
    district, scene = town(), scene_of(town(), plan())
    access = FireAccess.of(district)
    nobody = np.zeros(len(scene.supply), np.int64)
    everywhere = np.where(scene.supply.blocks, 1, 0)
    assert access.reached(scene.network, scene.supply, nobody, 40.0).all()
    blocked = access.blocked(scene.network, scene.supply, everywhere, 10.0)
    assert 0 < blocked.sum() <= 8
    assert access.blocked(scene.network, scene.supply, everywhere, 400.0).sum() == 0
    wide = np.where(scene.supply.street == "lane-wide", 1, 0)
    assert access.blocked(scene.network, scene.supply, wide, 0.0).sum() == 0


def test_a_lot_helps_and_pairs_share_their_cars(tmp_path):
    study = compare_options(town(), plan(options={"lot": LOT_OPTION}, residents={"cars": 45}), replications=6)
    rows = {row.key: row for row in study.rows("lot")}
    assert rows["unserved"].better == "B" and rows["unserved"].high < 0
    assert rows["deficit"].difference < 0
    by_seed = study.metrics.pivot(index="seed", columns="option", values="unserved")
    assert (by_seed["lot"] - by_seed["as it is"]).var() < by_seed.var().sum()  # pairs share their cars
    folder = study.save(tmp_path / "study")
    again = load_study(folder)
    assert [r.difference for r in again.rows("lot")] == [r.difference for r in study.rows("lot")]
    with pytest.raises(BadInput, match="something already"):
        study.save(folder)
    cells = deficit_map(study, town(), "lot", 11)
    assert [cell["name"] for cell in cells] == ["west", "east"] and all(len(cell["ring"]) > 3 for cell in cells)
    assert set(study.cars["option"]) == {"as it is", "lot"}


def test_demand_and_deficit_of_grids_add_up():
    district = town()
    night = spend_night(district, plan())
    found = outcome(night, district)
    hour = found.grids[found.grids["hour"] == 11]
    assert hour["supply"].sum() == 18
    here = (night.cars.enters <= 39_600) & (night.cars.leaves > 39_600)
    assert hour["demand"].sum() == here.sum()
    legal_now = night.scene.supply.legal[night.columns["place"][night.standing(39_600.0)]].sum()
    assert hour["deficit"].sum() == pytest.approx(here.sum() - legal_now, abs=1)
    assert np.isnan(found.measures["blocked"])
    walk = walk_home(night)
    assert (np.isfinite(walk) == (night.columns["place"] >= 0)).all()


@pytest.mark.parametrize(("option", "says"), [
    ({"rows": [{"id": "r", "along": at((60, 30), (80, 30)), "capacity": 3}]}, "outside every street"),
    ({"rows": [{"id": "r", "along": at((0, 60), (20, 60)), "capacity": 30}]}, "do not fit"),
    ({"lots": [{"id": "far", "capacity": 9, "area": [[X0 + 480, Y0 + 330], [X0 + 500, Y0 + 330], [X0 + 490, Y0 + 340]]}]},
     "no street reaches|outside the district"),
    ({"rules": [{"bays": ["nowhere"]}]}, "not there"), ({"close": ["nowhere"]}, "no bays"),
    ({"rules": [{"kinds": ["kerb"], "grid": "grid-x"}]}, "no household grid"),
    ({"one_way": {"lane-x": "forward"}}, "no street"),
    ({"lots": [{**LOT, "id": "office"}]}, "are called"),
])
def test_bad_options_are_refused_in_one_sentence(option, says):
    with pytest.raises(BadInput, match=says) as error:
        scene_of(town(), plan(options={"bad": option}), "bad")
    assert "\n" not in str(error.value)


def test_bad_districts_and_numbers_are_refused():
    import shapely
    bay = {"id": "kerb", "kind": "kerb", "capacity": -3, "geometry": shapely.box(X0, Y0, X0 + 9, Y0 + 2)}
    with pytest.raises(BadInput, match="capacity of -3"):
        scene_of(town(bays=[bay]), plan())
    with pytest.raises(BadInput, match="no building of the district is a dwelling"):
        scene_of(town(buildings=[]), plan())
    with pytest.raises(BadInput, match="no street that cars"):
        scene_of(town(streets=[]), plan())
    with pytest.raises(BadInput, match="no courtyards"):
        scene_of(town(courtyards=[]), plan())
    with pytest.raises(BadInput, match="no option"):
        scene_of(town(), plan(), "what")
    with pytest.raises(BadInput, match="cars by courtyard"):
        scene_of(town(), plan(), residents=np.array([1, 2]))
    with pytest.raises(BadInput, match="cannot be made"):
        compare_options(town(), plan(), replications=0)


def test_fines_and_scruples_keep_drivers_from_breaking_rules():
    crowded = {"residents": {"cars": 60}, "visitors": {"cars": 0}}
    cheap = spend_night(town(), plan(**crowded, drivers={"fine": 0, "scruple": {"constant": 0}}))
    dear = spend_night(town(), plan(**crowded, drivers={"fine": 2000, "caught": 0.5}))
    broken = [int((~n.scene.supply.legal[n.columns["place"][n.columns["place"] >= 0]]).sum()) for n in (cheap, dear)]
    assert broken[0] > 10 and broken[1] == 0
    assert (dear.columns["place"] < 0).sum() > (cheap.columns["place"] < 0).sum()
    assert (cheap.columns["tries"] > 0).sum() >= broken[0] - 1  # rules are broken after a bay was sought in vain


def test_what_a_sign_tells_saves_tries():
    signs = [{"bays": ["kerb-south", "kerb-north"], "signed": True}]
    options = {"signed": {"lots": [LOT], "rules": signs}, "silent": {"lots": [LOT]}}
    tries = {name: spend_night(town(), plan(options=options, residents={"cars": 45}), name).columns["tries"].sum()
             for name in options}
    assert tries["signed"] < tries["silent"]


def test_bays_that_no_car_reaches_are_told_and_stay_empty():
    import shapely
    far = {"id": "far", "kind": "lot", "capacity": 50, "geometry": shapely.box(X0 + 60, Y0 + 400, X0 + 90, Y0 + 430)}
    rows = [*town().bays[["id", "kind", "capacity", "access", "street", "geometry"]].to_dict("records"), far]
    study = compare_options(town(bays=rows), plan(residents={"cars": 60}), replications=2)
    assert study.unreachable == ["far"] and study.cars["y"].max() < 100
    assert compare_options(town(), plan(), replications=1).unreachable == []


def test_cars_come_from_places():
    homes = scene_of(town(), plan()).homes
    assert cars_at(homes, ["cy-1", "cy-1", None, "elsewhere", "cy-7"]).tolist() == [0, 2, 0, 0, 0, 0, 0, 1]


def test_residents_may_come_from_elsewhere():
    scene = scene_of(town(), plan(), residents=np.arange(8))
    night = spend_night(town(), plan(), scene=scene)
    assert np.bincount(night.cars.home[night.cars.resident], minlength=8).tolist() == list(range(8))


def test_a_town_without_grids_bays_and_doors_still_has_a_night():
    study = compare_options(town(grids=[], bays=[], entrances=[]), plan(options={"lot": LOT_OPTION}), replications=2)
    means = study.metrics.groupby("option").mean()
    assert means.loc["as it is", "unserved"] > means.loc["lot", "unserved"] and (means["deficit"] == 0).all()
    assert np.isnan(means.loc["as it is", "occupancy"])
    assert compare_options(town(), plan(residents={"cars": 0}, visitors={"cars": 0}), replications=2).rows("as it is")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), cars=st.integers(0, 90), taken=st.integers(0, 30), opens=st.floats(0, 30_000),
       lasts=st.floats(1, 40_000), access=st.sampled_from(["public", "residents", "permit", "private", "customers"]))
def test_no_rule_lets_two_cars_into_one_bay(seed, cars, taken, opens, lasts, access):
    rule = {"bays": ["office", "kerb-south"], "access": access, "from_s": opens, "until_s": opens + lasts, "taken": taken}
    night = spend_night(town(), plan(rules=[rule], residents={"cars": cars}, visitors={"cars": 9}), seed=seed)
    assert audit(night) == []
    assert all((standing <= night.scene.supply.capacity).all() for standing in night.hourly)
