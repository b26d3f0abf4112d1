from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import shapely
from camera_case import boxes, corner
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.camera.crossing import Counter, Line
from twin.camera.identity import agreement
from twin.camera.sighting import sighted
from twin.camera.tracker import Present, Tracker
from twin.camera.walking import WalkingSpeed

RATE = 7.0


def _walk(paths: list[np.ndarray], lens, hidden=(), jitter=0.0, seed=0):
    """Tracks as (frame, number, x, y) of people on paths (frames, 2)."""
    tracker, rng, found = Tracker(lens, RATE), np.random.default_rng(seed), []
    frames = len(paths[0])
    for k in range(frames):
        places = np.array([p[k] for i, p in enumerate(paths) if (i, k) not in hidden]).reshape(-1, 2)
        drawn = boxes(lens, places)
        drawn[:, :4] += rng.normal(0, jitter, (len(drawn), 4))
        tracker.step(k, sighted(drawn, lens)[0])
    for k in range(frames):
        now = tracker.present(k)
        found += [(k, int(n), *p) for n, p in zip(now.numbers, now.places, strict=True)]
    return pd.DataFrame(found, columns=["frame", "id", "x", "y"])


def _line(start, end, frames=60):
    return np.linspace(start, end, frames)


def test_people_keep_their_numbers_where_their_ways_cross():
    lens = corner()
    paths = [_line((97, 212), (103, 216)), _line((103, 212), (97, 216)), _line((100, 222), (100, 211))]
    tracks = _walk(paths, lens, jitter=1.0)
    truth = pd.DataFrame([(k, i, *p[k]) for i, p in enumerate(paths) for k in range(60)], columns=["frame", "id", "x", "y"])
    marks = agreement(truth, tracks)
    assert marks.mota > 0.95
    assert marks.idf1 > 0.95
    assert marks.switches == 0


def test_somebody_hidden_for_a_second_was_there_in_between():
    lens = corner()
    path = _line((97, 214), (103, 214))
    tracks = _walk([path], lens, hidden={(0, k) for k in range(25, 32)})
    assert tracks["id"].nunique() == 1
    between = tracks[tracks["frame"] == 28][["x", "y"]].to_numpy()[0]
    assert np.hypot(*(between - path[28])) < 0.3


def test_a_flash_is_nobody():
    lens = corner()
    tracker = Tracker(lens, RATE)
    for k in range(20):
        places = np.array([[100.0, 215.0]]) if k in (5, 6) else np.empty((0, 2))
        tracker.step(k, sighted(boxes(lens, places), lens)[0])
    assert not len(tracker.present(6).numbers)


def test_unsure_boxes_half_under_a_sure_one_do_not_make_a_second_person():
    lens = corner()
    tracker = Tracker(lens, RATE)
    path = _line((97, 214), (103, 214), 80)
    for k in range(80):
        sure = boxes(lens, path[k:k + 1])
        ghost = sure + np.array([4, 3, 4, 3, -0.5])
        second = boxes(lens, path[k:k + 1] + np.array([0.7, 0])) if k < 10 else np.empty((0, 5))
        tracker.step(k, sighted(np.concatenate([sure, ghost, second]), lens)[0])
    assert len(tracker.present(70).numbers) == 1


def test_what_is_not_as_tall_as_a_person_is_none():
    lens = corner()
    at = np.array([[100.0, 214.0]])
    assert len(sighted(boxes(lens, at, 1.7), lens)[0].scores) == 1
    assert len(sighted(boxes(lens, at, 0.7), lens)[0].scores) == 0
    assert len(sighted(boxes(lens, at, 3.2), lens)[0].scores) == 0


def test_places_are_forgotten():
    lens = corner()
    tracker = Tracker(lens, RATE)
    for k in range(200):
        tracker.step(k, sighted(boxes(lens, np.array([[97 + k * 0.02, 214.0]])), lens)[0])
        tracker.forget(k - 30)
    assert len(tracker.present(190).numbers) == 1
    assert max(len(t.frames) for t in tracker._tracks) < 40


def test_walking_speed_is_that_of_the_walk():
    region = shapely.box(0, 0, 50, 50)
    measure = WalkingSpeed(region, RATE)
    for k in range(50):
        at = np.array([[5 + 1.3 * k / RATE, 10.0], [30.0, 5 + 0.9 * k / RATE]])
        speed, error = measure.step(k, Present(np.array([1, 2]), at, np.zeros((2, 2))))
    assert speed == pytest.approx(1.1, abs=1e-6)
    assert error > 0


def _present(xy):
    return np.array([7]), np.array([xy], float)


def test_a_crossing_counts_once_beyond_the_hysteresis_and_swaying_never():
    counter = Counter(Line.model_validate({"id": "a", "from": [0, 0], "to": [10, 0]}))
    sway = [(5, y) for y in (-1, -0.2, 0.2, -0.1, 0.25, -0.29, 0.1)]
    assert not [c for k, p in enumerate(sway) for c in counter.step(k, *_present(p))]
    assert [c.direction for c in counter.step(9, *_present((5, 0.4)))] == ["in"]
    assert [c.direction for c in counter.step(10, *_present((5, -0.4)))] == ["out"]


def test_passing_beside_the_end_of_a_line_is_no_crossing():
    counter = Counter(Line.model_validate({"id": "a", "from": [0, 0], "to": [10, 0]}))
    assert not [c for k, p in enumerate([(12, -2), (12, 2)]) for c in counter.step(k, *_present(p))]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 9.5), st.floats(-4, 4)), min_size=2, max_size=40))
def test_crossings_alternate_and_sum_to_where_somebody_ended(path):
    counter = Counter(Line.model_validate({"id": "a", "from": [0, 0], "to": [10, 0]}))
    sides = [c.direction for k, p in enumerate(path) for c in counter.step(k, *_present(p))]
    assert all(a != b for a, b in pairwise(sides))
    clear = [np.sign(y) for _, y in path if abs(y) >= 0.3]
    net = sides.count("in") - sides.count("out")
    assert net == ((clear[-1] - clear[0]) / 2 if clear else 0)


def test_agreement_of_a_hand_made_case():
    truth = pd.DataFrame([(k, i, float(i * 5), 0.0) for k in range(10) for i in (1, 2)], columns=["frame", "id", "x", "y"])
    perfect = agreement(truth, truth)
    assert (perfect.mota, perfect.idf1) == (1.0, 1.0)
    changed = truth.copy()
    changed.loc[(changed["id"] == 2) & (changed["frame"] >= 5), "id"] = 9  # the number changes half way
    changed = changed[~((changed["id"] == 1) & (changed["frame"] < 2))]  # and two sightings are missed
    marks = agreement(truth, changed)
    assert (marks.misses, marks.false, marks.switches) == (2, 0, 1)
    assert marks.mota == pytest.approx(1 - 3 / 20)
    assert marks.idf1 == pytest.approx(2 * (8 + 5) / (20 + 18))
