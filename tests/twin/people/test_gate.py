"""What leaves through the gate, and an attacker who tries to work out what does not."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from twin.errors import BadInput
from twin.people import MEASURES, SCHEMES, Gate, Task, aggregate, make_population, make_task, whole_zone
from twin.people.measures import counts_by_place
from twin.people.suppression import Attack, suppressed
from twin.places import synthetic

K = 5


class Outsider:
    """Knows the map and what the gate said of two schemes, all levels and their crossings; nothing else."""

    def __init__(self, gate: Gate, measure: str, first: str, second: str, *, category: str = "all",
                 primary_only: bool = False, truth=None) -> None:
        cells = gate.schemes.cells
        rows, counts, self.names, self.regions = [csr_array((1, len(gate.schemes.places)))], [0], [], []
        mine = cells["scheme"].isin([first, second])
        inside = csr_array(gate.schemes.inside.astype(float))
        fine = bool(MEASURES[measure].categories)
        for scheme, level in sorted(set(zip(cells["scheme"][mine], cells["level"][mine], strict=True))):
            if fine and level == "courtyard":
                continue
            told = gate.aggregate(measure, scheme=scheme, level=level)
            of = gate.schemes.rows(scheme, level)
            for k, count in zip(of, told[category], strict=True):
                row = inside[[k]]
                if primary_only:
                    exact = int((row @ truth)[0])
                    count = pd.NA if 0 < exact < K else exact
                self.regions.append(row)
                self.names.append(cells["id"][k])
                if not pd.isna(count):
                    rows.append(row)
                    counts.append(int(count))
        grid = (cells["level"] == "grid").to_numpy()
        a, b = (np.flatnonzero(grid & (cells["scheme"] == s).to_numpy()) for s in (first, second))
        if not fine and not primary_only:
            for line in gate.aggregate(measure, scheme=first, across=second).dropna().itertuples():
                both = inside[[gate.schemes.row_of[line.id]]].multiply(inside[[gate.schemes.row_of[line.id_2]]])
                rows.append(csr_array(both))
                counts.append(int(line.all))
        overlap = (inside[a] @ inside[b].T).tocoo()
        for x, y in zip(a[overlap.row], b[overlap.col], strict=True):
            both = csr_array(inside[[x]].multiply(inside[[y]]))
            for region, name in ((both, "and"), (inside[[x]] - both, "without"), (inside[[y]] - both, "without")):
                self.regions.append(csr_array(region))
                self.names.append(f"{cells['id'][x]} {name} {cells['id'][y]}")
        self.known, self.counts = csr_array(vstack(rows)), np.array(counts, float)

    def recovered(self, truth) -> list[str]:
        """Regions with 1 to k - 1 people which are proved to have fewer than k."""
        found = []
        for region, name in zip(self.regions, self.names, strict=True):
            if 0 < int((region @ truth)[0]) < K:
                cost = -region.toarray().ravel()
                answer = milp(cost, constraints=LinearConstraint(self.known, self.counts, self.counts),
                              integrality=np.ones(len(cost)), bounds=Bounds(0, np.inf))
                if answer.status == 0 and -answer.fun < K - 0.5:
                    found.append(name)
        return found


def _truth(population, gate, measure, category=None):
    column = 0 if category is None else MEASURES[measure].categories.index(category)
    return counts_by_place(population, measure, gate.schemes.places)[:, column]


@pytest.mark.parametrize("measure", ["people", "households"])
@pytest.mark.parametrize("pair", list(combinations(SCHEMES, 2)), ids="-".join)
def test_no_small_cell_of_the_built_in_district_is_recovered_by_differencing(full_place, measure, pair):
    _, population, gate = full_place
    assert Outsider(gate, measure, *pair).recovered(_truth(population, gate, measure)) == []


@pytest.mark.parametrize(("measure", "category"), [
    ("age", "0-3"), ("age", "80+"), ("cars", "2+"), ("children", "yes"), ("pigeons", "yes"), ("mobility_need", "yes")])
def test_no_small_category_is_recovered_by_differencing(small_place, measure, category):
    _, population, gate = small_place
    truth = _truth(population, gate, measure, category)
    for pair in combinations(SCHEMES, 2):
        assert Outsider(gate, measure, *pair, category=category).recovered(truth) == []


def test_families_of_the_built_in_district_are_not_recovered(full_place):
    _, population, gate = full_place
    truth = _truth(population, gate, "children", "yes")
    for other in ("residential", "functional", "video"):
        assert Outsider(gate, "children", "household", other, category="yes").recovered(truth) == []


def test_the_attack_succeeds_where_only_small_counts_themselves_are_hidden(full_place):
    _, population, gate = full_place
    truth = _truth(population, gate, "households")
    attack = Outsider(gate, "households", "household", "residential", primary_only=True, truth=truth)
    assert attack.recovered(truth)


def test_what_is_shown_is_true_and_never_small(full_place):
    _, population, gate = full_place
    for measure in ("people", "households"):
        truth = gate.schemes.inside.astype(int) @ _truth(population, gate, measure)
        for scheme, level in (("household", "courtyard"), ("household", "grid"), ("residential", "grid"), ("video", "grid")):
            told = gate.aggregate(measure, scheme=scheme, level=level)["all"]
            known = told.notna().to_numpy()
            np.testing.assert_array_equal(told[known].to_numpy(int), truth[gate.schemes.rows(scheme, level)][known])
            assert not ((told > 0) & (told < K)).any()
            assert known.mean() > (0.85 if scheme == "household" else 0.6)
            assert known.all() or (scheme, level) != ("household", "grid")
    assert gate.aggregate("people", level="district")["all"].tolist() == [50_000]


def test_a_hidden_total_hides_its_categories(small_place):
    _, _, gate = small_place
    ages = ["0-3", "4-6", "7-17", "18-59", "60-79", "80+"]
    shown = 0
    for scheme in SCHEMES:
        told = gate.aggregate("age", scheme=scheme)
        hidden = told["all"].isna()
        assert told.loc[hidden, ages].isna().all().all()
        assert not (told.loc[~hidden, ages].isna().sum(axis=1) == 1).any()  # the one that is left would follow from the rest
        full = told.dropna()
        shown += len(full)
        assert (full[ages].sum(axis=1) == full["all"]).all()
    assert shown


def test_a_count_that_would_give_another_away_goes_too():
    table = csr_array(np.array([[1, 1, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    counts = np.array([62, 2, 10, 20, 30])
    nothing = csr_array(np.zeros((0, 4), int))
    hidden = suppressed(table, counts, nothing, np.zeros(0, int), K)
    assert hidden.tolist() == [False, True, True, False, False]


def test_two_schemes_that_differ_by_three_people_do_not_both_show():
    table = csr_array(np.array([[1, 1, 0], [1, 1, 1]]))
    truth = np.array([10, 12, 3])
    region = csr_array(np.array([[0, 0, 1]]))
    hidden = suppressed(table, table @ truth, region, region @ truth, K)
    assert hidden.sum() == 1


def test_bounds_are_exact():
    attack = Attack(csr_array(np.array([[1, 1, 0], [0, 1, 1]])), np.array([7, 4]))
    middle = np.array([0.0, 1.0, 0.0])
    assert (attack.least(middle), attack.most(middle)) == (0, 4)
    assert (attack.least(np.array([1.0, 0, 0])), attack.most(np.array([1.0, 0, 0]))) == (3, 7)


def test_the_gate_refuses_what_it_does_not_publish(small_place):
    district, population, gate = small_place
    for asked, sentence in (({"name": "income"}, "no measure 'income'"),
                            ({"name": "age", "level": "courtyard"}, "not counted by courtyard"),
                            ({"scheme": "postal"}, "no cells of postal/grid"),
                            ({"name": "age", "across": "video"}, "is not published")):
        with pytest.raises(BadInput, match=sentence):
            gate.aggregate(**asked)
    with pytest.raises(BadInput, match="would say too much"):
        Gate.of(district, population, k=2)


def test_the_function_and_the_gate_say_the_same(small_place):
    _, population, gate = small_place
    pd.testing.assert_frame_equal(aggregate(population, gate.schemes), gate.aggregate())


def test_a_task_names_courtyards_and_counts_only_what_is_published(small_place):
    _, population, gate = small_place
    task = make_task(gate, population, "cars", "grid-01")
    told = gate.aggregate("cars").set_index("id").loc["grid-01"]
    expected = None if told[["1", "2+"]].isna().any() else told["1"] + told["2+"]
    assert task.concerned == expected
    inside = set(gate.schemes.places[gate.schemes.inside[[gate.schemes.row_of["grid-01"]]].toarray().ravel()])
    assert task.courtyards and set(task.courtyards) <= inside
    ticked = task.tick(task.courtyards[0])
    assert (task.progress, ticked.progress) == (0, 1 / len(task.courtyards))
    with pytest.raises(BadInput, match="not a courtyard of this task"):
        task.tick("cy-9999")
    with pytest.raises(BadInput, match="cannot be about"):
        make_task(gate, population, "income", "grid-01")


def test_a_task_never_names_a_courtyard_so_small_that_it_points_at_a_household(small_place):
    _, population, gate = small_place
    households = dict(zip(gate.schemes.places, _truth(population, gate, "households"), strict=True))
    small = {place for place, n in households.items() if 0 < n < K}
    assert small
    for grid in gate.aggregate()["id"]:
        named = set(make_task(gate, population, "cars", grid).courtyards) & small
        here = gate.schemes.places[gate.schemes.inside[[gate.schemes.row_of[grid]]].toarray().ravel()]
        assert named in (set(), small & set(here))


@pytest.mark.parametrize("about", ["pigeons", "cars", "children"])
def test_names_and_published_counts_together_tell_of_nobody(small_place, about):
    """Whoever is named has one at least: with all lists and all counts of cells, nobody may be proved to have under k."""
    _, population, gate = small_place
    name, category = {"pigeons": ("pigeons", "yes"), "cars": ("cars", None), "children": ("children", "yes")}[about]
    cells = gate.schemes.cells[gate.schemes.cells["level"] != "courtyard"]
    inhabited = set(gate.schemes.places[_truth(population, gate, "households") > 0])
    lists = {cell: set(make_task(gate, population, about, cell).courtyards) for cell in cells["id"]}
    inside = {cell: set(gate.schemes.places[gate.schemes.inside[[gate.schemes.row_of[cell]]].toarray().ravel()]) & inhabited
              for cell in cells["id"]}
    left_out = {place for cell in lists if lists[cell] for place in inside[cell] - lists[cell]}
    # Where somebody is left out of a list, the others of this list which no other list tells with everybody are concerned.
    told_with_all = {place for cell in lists if lists[cell] == inside[cell] for place in lists[cell]}
    named = {place for cell in lists for place in lists[cell] if lists[cell] != inside[cell]} - told_with_all - left_out
    for scheme, level in sorted(set(zip(cells["scheme"], cells["level"], strict=True))):
        for line in gate.aggregate(name, scheme=scheme, level=level).itertuples(index=False):
            row = dict(zip(["id", "name", *MEASURES[name].categories, "all"], line, strict=True))
            counts = [row[c] for c in (MEASURES[name].categories[1:] if category is None else (category,))]
            known = named & inside[row["id"]]
            if known and not any(pd.isna(c) for c in counts):
                assert sum(counts) - len(known) + 1 >= K


def test_five_pigeon_keepers_in_four_courtyards_are_not_named():
    district = synthetic.generate(size="small")
    population = make_population(district, seed=4)
    homes = population.households
    homes["pigeons"] = False
    big = homes["place"].value_counts().loc[lambda n: n >= K].index[:4]
    for place, number in zip(big, (2, 1, 1, 1), strict=True):
        homes.loc[homes.index[homes["place"] == place][:number], "pigeons"] = True
    gate = Gate.of(district, population)
    task = make_task(gate, population, "pigeons", gate.aggregate("people", level="district")["id"].iloc[0])
    assert set(task.courtyards) == set(homes["place"])
    assert task.concerned in (None, 5)


def test_a_task_over_several_grids_is_read_back(small_place, tmp_path):
    _, population, gate = small_place
    grids = gate.aggregate()["id"].tolist()[:3]
    together = make_task(gate, population, "cars", grids)
    parts = [make_task(gate, population, "cars", grid) for grid in grids]
    assert set(together.courtyards) == {place for part in parts for place in part.courtyards}
    ticked = together.tick(together.courtyards[0])
    assert Task.open(ticked.save(tmp_path / "task.json")) == ticked
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    with pytest.raises(BadInput, match="not a task"):
        Task.open(tmp_path / "other.json")
    with pytest.raises(BadInput, match="no grid lies in the zone"):
        make_task(gate, population, "cars", [])


def test_a_drawn_zone_becomes_whole_grids(full_place):
    district, _, gate = full_place
    spot = district.courtyards.geometry.iloc[0].representative_point().buffer(1)
    assert len(whole_zone(gate, spot)) == 1
