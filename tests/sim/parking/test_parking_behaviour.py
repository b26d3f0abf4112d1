"""Known behaviour of parking on the grid, and its plot."""

import numpy as np

from sim.parking.behaviour import Known, more_bays


def test_new_bays_take_off_who_gives_up_in_a_straight_line_and_little_of_the_search_of_the_others():
    """PARKAGENT (Benenson, Martens and Birfir 2008), with cars that give up after ten minutes."""
    known = Known({0.5: 0.0, 0.98: 38.0}, more_bays(steps=4))
    assert known.straight < -0.99
    bays, gave_up = (np.array([getattr(s, name) for s in known.supply], float) for name in ("bays", "gave_up"))
    assert -1.0 <= np.polyfit(bays, gave_up, 1)[0] < -0.8  # nearly every new bay serves one more car
    # Of all cars, those that gave up included, the mean is no more than the share of these: it is not weak.
    assert known.change("mean_all_s") < -0.5 and known.change("gave_up") < -0.8
    first, last = known.supply[0], known.supply[-1]
    assert 0 < first.mean_found_s - last.mean_found_s < 5.0 < first.mean_all_s - last.mean_all_s
    assert all(s.gave_up <= s.long for s in known.supply)


def test_the_plot_shows_the_curve_and_the_occupancies_of_the_source():
    known = Known({0.5: 0.0, 0.85: 4.0, 0.98: 38.0}, [])
    text = known.plot().svg()
    assert text.startswith("<svg") and "Levy et al. 2013" in text and "mean search" in text
