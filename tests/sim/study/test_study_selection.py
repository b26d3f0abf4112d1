"""Selection of the best, on queues whose answer is known; corrections for many measures; precision of what is promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from study_queues import BEST, GAP, SYSTEMS, TRUTH, outcomes

from sim.study.correction import levels, p_value
from sim.study.selection import allocation, correct_selection, select
from twin.errors import BadInput

TRIALS, FIRST_STAGE, RUNS = 200, 20, 130


@pytest.fixture(scope="module")
def trials():
    """Outcomes (trials, systems, runs); a procedure that asks for more goes on in fresh runs."""
    return np.array([outcomes(trial, RUNS) for trial in range(TRIALS)])


def queue(trials, trial):
    more: dict[int, np.ndarray] = {}

    def simulate(system: int, seed: int) -> float:
        block, run = divmod(seed - 1, RUNS)
        if block and block not in more:
            more[block] = outcomes(1000 * block + trial, RUNS)
        return float((more[block] if block else trials[trial])[system, run])

    return simulate


def test_the_queues_are_what_the_formula_says(trials):
    error = trials.mean(axis=(0, 2)) - TRUTH
    # they begin empty, and 100 customers are left out: what is left of that is small beside the gap
    assert np.abs(error).max() < 0.06 < GAP < 0.2, error
    assert TRUTH[BEST] == pytest.approx(2.112, abs=0.001) and len(SYSTEMS) == 8


def test_kn_is_right_in_95_of_100_trials_with_fewer_runs_than_equal_allocation(trials):
    found = [select(queue(trials, t), len(SYSTEMS), method="kn", probability=0.95, indifference=GAP, first_stage=FIRST_STAGE)
             for t in range(TRIALS)]
    right = np.mean([f.best == BEST for f in found])
    spent = float(np.mean([f.total for f in found]))
    running = np.cumsum(trials, axis=2) / np.arange(1, RUNS + 1)
    equal = (running.argmin(axis=1) == BEST).mean(axis=0)  # how often an equal share of runs each is right
    enough = [n for n in range(1, RUNS + 1) if (equal[n - 1:] >= 0.95).all()]
    needed = len(SYSTEMS) * (enough[0] if enough else RUNS)
    print(f"KN right {right:.3f} with {spent:.0f} runs; equal allocation needs {needed}, and with as many runs is right "
          f"{equal[int(spent) // len(SYSTEMS) - 1]:.3f}")
    assert right >= 0.95 and all(f.sure for f in found)
    assert spent < 0.8 * needed
    assert right > equal[int(spent) // len(SYSTEMS) - 1]


def test_ocba_spends_where_it_helps(trials):
    found = [select(queue(trials, t), len(SYSTEMS), method="ocba", indifference=GAP / 2, first_stage=FIRST_STAGE)
             for t in range(TRIALS)]
    right, spent = np.mean([f.best == BEST for f in found]), np.mean([f.total for f in found])
    given_to = np.mean([f.runs for f in found], axis=0)
    running = np.cumsum(trials, axis=2) / np.arange(1, RUNS + 1)
    equal = (running.argmin(axis=1) == BEST).mean(axis=0)[int(spent) // len(SYSTEMS) - 1]
    print(f"OCBA right {right:.3f} with {spent:.0f} runs, equal allocation of as many {equal:.3f}")
    assert right >= 0.9 and right > equal + 0.05
    assert given_to[BEST] > 2 * given_to[1] and given_to[6] > 2 * given_to[1], "the two best get most, the worst least"


def test_more_is_better_turns_the_choice_round():
    found = select(lambda k, seed: k + 0.1 * np.sin(seed), 4, indifference=0.5, better="more")
    assert found.best == 3 and found.means[3] == pytest.approx(3, abs=0.1)


def test_common_seeds_let_kn_stop_sooner():
    def noisy(common):
        def simulate(k, seed):
            return k * 0.3 + float(np.random.default_rng([seed] if common else [seed, k]).normal())
        return simulate
    together, apart = (select(noisy(common), 4, indifference=0.3).total for common in (True, False))
    assert together == 40 < apart


def test_layouts_that_are_equally_good_come_to_an_end():
    found = select(lambda k, seed: float(np.random.default_rng([seed, k]).normal()), 3, indifference=0.5)
    assert found.sure and found.total < 3000
    short = select(lambda k, seed: float(np.random.default_rng([seed, k]).normal()), 3, indifference=0.01, most=60)
    assert not short.sure and short.total <= 60
    assert not select(lambda k, seed: float(np.random.default_rng([seed, k]).normal()), 3, method="ocba", most=40).sure


@pytest.mark.parametrize("wrong", [{"systems": 1}, {"probability": 1.0}, {"first_stage": 2}, {"indifference": None},
                                   {"indifference": -1.0}])
def test_selections_that_cannot_be(wrong):
    with pytest.raises(BadInput):
        select(lambda k, seed: float(seed), **{"systems": 3, "indifference": 1.0} | wrong)


def test_a_system_without_a_number_is_told():
    with pytest.raises(BadInput, match="system 2 gave no number for the seed 1"):
        select(lambda k, _: float("nan") if k == 1 else 0.0, 3, indifference=1.0)


def test_ocba_knows_the_textbook_case():
    share = allocation(np.array([1.0, 2.0, 3.0]), np.ones(3), 0)
    assert share[1] / share[2] == pytest.approx(4)  # squared distances 1 and 4
    assert share[0] == pytest.approx(np.sqrt(share[1] ** 2 + share[2] ** 2))
    sure = correct_selection(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([8, 8]), 0)
    assert sure == pytest.approx(stats.norm.cdf(2.0))


def test_p_values_are_students():
    values = np.random.default_rng(3).normal(0.4, 1, 9)
    assert p_value(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert p_value(np.zeros(3)) == 1 and p_value(np.ones(3)) == 0 and p_value(np.ones(1)) is None


def test_holm_by_hand():
    p = np.array([0.03, 0.001, 0.04, 0.012])
    assert levels(p, "holm") == pytest.approx([0.05 / 2, 0.05 / 4, 0.05 / 2, 0.05 / 3])  # stops at 0.03 >= 0.025
    assert list(p < levels(p, "holm")) == [False, True, False, True]
    assert list(p < levels(p, "bonferroni")) == [False, True, False, True]
    assert levels(np.empty(0), "holm").size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_finds_what_bonferroni_finds_and_no_more_than_none(p):
    p = np.array(p)
    held, strict, plain = (p < levels(p, how) for how in ("holm", "bonferroni", "none"))
    assert (held >= strict).all() and (plain >= held).all()


def test_holm_holds_the_error_over_many_measures():
    random = np.random.default_rng(5)
    false = plain = 0
    for _ in range(600):
        p = np.array([p_value(values) for values in random.normal(size=(20, 8))])
        false += bool((p < levels(p, "holm")).any())
        plain += bool((p < levels(p, "none")).any())
    assert false / 600 < 0.07 < 0.5 < plain / 600
