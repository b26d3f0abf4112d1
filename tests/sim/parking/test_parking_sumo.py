"""The same nights in SUMO micro. The full size is `hutong bench parking --against sumo`; here is a smaller grid."""

import pytest

from sim.parking.sumo_night import RATIOS, Meeting, meet, sumo_home
from twin.errors import BadInput, Unavailable

pytestmark = pytest.mark.sumo


@pytest.fixture(scope="module")
def met() -> list[Meeting]:
    """Four nights on 48 kerbs with 816 spaces, in both models."""
    try:
        sumo_home()
    except Unavailable as missing:
        pytest.skip(str(missing))
    return [meet(ratio, nodes=4, spaces=816) for ratio in RATIOS]


def test_as_many_cars_find_no_bay_as_in_sumo(met):
    assert [m.unparked_apart <= 0.03 for m in met] == [True] * 4
    assert met[0].sumo.unparked == 0 and met[3].sumo.unparked >= 41  # 857 cars and 816 spaces


def test_searches_lengthen_in_the_same_order_as_in_sumo(met):
    ours, sumo = [m.ours.search_s for m in met], [m.sumo.search_s for m in met]
    assert sorted(range(4), key=ours.__getitem__) == sorted(range(4), key=sumo.__getitem__) == [0, 1, 2, 3]
    assert ours[0] < 1 > sumo[0] and ours[1] < sumo[1] < 60 and ours[3] > 100 < sumo[3]


def test_a_night_takes_a_twentieth_of_the_time_of_sumo_at_most(met):
    assert min(m.times_faster for m in met) >= 20


def test_more_than_two_cars_for_each_space_are_refused():
    with pytest.raises(BadInput, match="3 cars for each space cannot be compared"):
        meet(3.0)
