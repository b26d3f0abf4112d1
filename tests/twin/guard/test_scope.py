import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.guard import Grids, Principal, Role

TREE = Grids({"d": None, "s1": "d", "s2": "d", "c1": "s1", "c2": "s1", "c3": "s2", "g1": "c1"})


def who(*grids, everywhere=False):
    return Principal("c", frozenset({Role.COMMANDER}), None if everywhere else frozenset(grids))


def test_a_scope_is_the_cell_and_all_below_it():
    assert who("s1").scope(TREE) == {"s1", "c1", "c2", "g1"}
    assert who("s1", "c3").scope(TREE) == {"s1", "c1", "c2", "g1", "c3"}
    assert who("d").scope(TREE) == set(TREE.parents)
    assert who(everywhere=True).scope(TREE) is None


def test_an_empty_scope_sees_nothing_and_everywhere_sees_what_lies_in_no_grid():
    assert who().scope(TREE) == frozenset()
    assert not who().sees("c1", TREE)
    assert not who("d").sees(None, TREE)
    assert who(everywhere=True).sees(None, TREE)


def test_what_lies_in_several_schemes_is_seen_through_any_of_them():
    assert who("c3").sees(["c1", "c3"], TREE)
    assert not who("c2").sees(["c1", "c3"], TREE)


def test_a_cell_that_the_district_does_not_know_opens_nothing_else():
    assert who("elsewhere").scope(TREE) == {"elsewhere"}
    with pytest.raises(BadInput, match="no grid 'elsewhere'"):
        TREE.check(["d", "elsewhere"])


def test_a_circle_in_the_file_ends():
    assert Grids({"a": "b", "b": "a"}).under(["a"]) == {"a", "b"}


@given(st.lists(st.integers(-1, 30), min_size=1, max_size=30), st.sets(st.integers(0, 29), max_size=4))
def test_a_cell_is_seen_exactly_if_it_or_one_above_it_is_a_root(above, roots):
    """Parents come before their children, so that this is a forest; the walk up must agree with the walk down."""
    parents = {str(k): (str(p) if 0 <= p < k else None) for k, p in enumerate(above)}
    given_roots = {str(r) for r in roots}
    seen = Grids(parents).under(given_roots)

    def up(cell):
        while cell is not None:
            if cell in given_roots:
                return True
            cell = parents.get(cell)
        return False

    assert seen & set(parents) == {cell for cell in parents if up(cell)}


def test_the_grids_of_a_real_district():
    from sim.place import builtin
    from twin.places import District
    grids = Grids.of(District.open(builtin("xichangan")))
    roots = [cell for cell, parent in grids.parents.items() if parent is None]
    assert roots
    assert grids.under(roots) == set(grids.parents)
    leaf = next(cell for cell in grids.parents if cell not in set(grids.parents.values()))
    assert grids.under([leaf]) == {leaf}
