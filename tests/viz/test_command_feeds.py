"""Feeds within the server: what is asked for is started, and what is made up comes in until it is stopped."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from twin.errors import BadInput
from twin.places import District
from twin.places.synthetic import generate
from twin.store import open_store
from viz.live.feeds import Feeds
from viz.live.twin import Live


@pytest.fixture(scope="module")
def small() -> District:
    return generate(size="small")


@pytest.fixture
def live(small, tmp_path):
    log = open_store(tmp_path / "live.sqlite")
    noon = datetime(2026, 10, 1, 4, 30, tzinfo=UTC).timestamp() - time.time()  # 12:30 in China
    made = Live(log, small, "small", clock=lambda: time.time() + noon)
    yield made
    made.close()
    log.close()


def test_a_feed_that_is_none_is_one_sentence(live):
    with pytest.raises(BadInput, match="'pigeon' is no feed"):
        Feeds(live, ["pigeon"])


def test_the_made_up_day_is_there_at_once_and_goes_on(live):
    feeds = Feeds(live, ["synthetic"])
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            picture = live.picture()
            fresh = [unit for unit in picture.units if not unit.stale(live.now())]
            if fresh and picture.crowds and picture.cases:
                break
            time.sleep(0.2)
        assert fresh
        assert picture.crowds
        assert picture.cases
        assert live.operation().purpose == "a made-up day for demonstration"
        before = max(unit.at_s for unit in picture.units)
        until = time.monotonic() + 20
        while time.monotonic() < until and max(unit.at_s for unit in live.picture().units) <= before:
            time.sleep(0.2)
        assert before < max(unit.at_s for unit in live.picture().units) <= live.now() + 1
    finally:
        feeds.stop()
    count = len(live.log.read(kinds=["position"]))
    time.sleep(1.0)
    assert len(live.log.read(kinds=["position"])) == count
