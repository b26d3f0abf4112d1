"""Recorded frames come back as they were, at any second, to within half a step of the stored grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.run import UNIT, Frame, FrameReader, FrameWriter, Run
from twin.errors import BadInput


def frames(seed, seconds):
    random = np.random.default_rng(seed)
    people = {k: random.uniform(-1500, 1500, 2) for k in range(random.integers(0, 40))}
    for t in range(seconds):
        for k in list(people):
            people[k] = np.clip(people[k] + random.normal(0, 1, 2), -1600, 1600)
            if random.random() < 0.05:
                del people[k]
        if random.random() < 0.5:
            people[max(people, default=0) + 40 + t] = random.uniform(-1500, 1500, 2)
        ids = np.array(sorted(people), np.uint32)
        xy = np.array([people[int(k)] for k in ids], np.float32).reshape(-1, 2)
        yield Frame(
            t, ids, xy, random.uniform(0, 2, len(ids)).astype(np.float32), random.integers(0, 6, len(ids)).astype(np.uint8)
        )


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), seconds=st.integers(1, 150))
def test_frames_come_back(tmp_path_factory, seed, seconds):
    path = tmp_path_factory.mktemp("frames") / "1.parquet"
    written = list(frames(seed, seconds))
    writer = FrameWriter(path)
    for frame in written:
        writer.write(frame)
    writer.close()
    reader = FrameReader(path)
    assert len(reader) == seconds
    for t in np.random.default_rng(seed).permutation(seconds):
        frame = reader.at(float(t) + 0.4)
        assert frame.time_s == t
        assert np.array_equal(frame.ids, written[t].ids) and np.array_equal(frame.state, written[t].state)
        assert np.abs(frame.xy - written[t].xy).max(initial=0) <= UNIT / 2 + 2e-4
        assert np.abs(frame.speed - written[t].speed).max(initial=0) <= 0.0101


def test_positions_off_the_grid_are_refused(tmp_path):
    writer = FrameWriter(tmp_path / "1.parquet")
    far = Frame(0, np.array([1], np.uint32), np.array([[1700.0, 0.0]], np.float32), np.ones(1, np.float32), np.zeros(1, np.uint8))
    with pytest.raises(OverflowError):
        writer.write(far)
    writer.close()


def test_what_is_no_run_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="hutong rehearse"):
        Run(tmp_path)
    (tmp_path / "A.part").mkdir()
    with pytest.raises(BadInput, match="interrupted"):
        Run(tmp_path / "A")
