"""What a camera measures beside what a rehearsal from now says that it would: on its card, over one time."""

from __future__ import annotations

import base64
import re
import time

import numpy as np
import pytest
from command_case import X0, Y0, crowd, live, watched_plaza

import sim
from sim.now import scenario_from
from sim.run import Run
from viz.pages import command_card, command_whatif
from viz.pages.command_view import Places

__all__ = ["live", "watched_plaza"]
RUN = "from-now"


@pytest.fixture
def rehearsed(live, tmp_path):
    """The live plaza with a minute rehearsed from now, west of x = 20 alone; nobody is in view of the camera in the middle."""
    version = live.version
    live.log.append([crowd("cam-m", -10, -10, live.now() - 1, 0, 0.0)])
    until = time.monotonic() + 5
    while live.version == version and time.monotonic() < until:
        time.sleep(0.01)
    now = command_whatif.now_of(live, live.picture(), Places(live.district))
    now = type(now)(now.moment, [count for count in now.counts if count.camera == "cam-w"])
    scenario = scenario_from(now, live.district, live.place, minutes=1)
    west = [(X0 + x, Y0 + y) for x, y in ((-100, -60), (20, -60), (20, 60), (-100, 60))]
    sim.rehearse(scenario.model_copy(update={"area": west}), "now", replications=1, out=tmp_path / "runs" / RUN)
    live.runs_folder = tmp_path / "runs"
    return live


def test_what_a_camera_would_count_is_known_even_where_nobody_is_now(rehearsed):
    run = Run(rehearsed.runs_folder / RUN)
    assert set(run.scenario.measure.areas) == {"cam-w"}
    t, people = command_whatif.people_in_view(rehearsed, RUN, "cam-m")
    assert t[0] == run.scenario.start.timestamp()
    assert np.diff(t).tolist() == [10.0] * 6
    frames = run.frames(run.seeds[0])
    for k in (0, 6):
        near = np.hypot(*(frames.at(10.0 * k).xy - [-10.0, -10.0]).T) < 24.9
        assert abs(people[k] - near.sum()) <= 2  # its ground is a circle of 25 m, drawn with corners


def test_a_camera_outside_the_rehearsal_is_not_said_to_count_nobody(rehearsed):
    t, people = command_whatif.people_in_view(rehearsed, RUN, "cam-e")
    assert len(t) == len(people) == 0
    assert "line-simulated" not in _card(rehearsed, "cam-e")


def test_the_card_shows_both_curves_over_one_time(rehearsed):
    card = _card(rehearsed, "cam-w")
    assert "line-measured" in card
    assert "line-simulated" in card
    t, people = command_whatif.people_in_view(rehearsed, RUN, "cam-w")
    assert people.min() > 0
    assert f"'{people[0]:.0f}'" in card  # beside the count, what the rehearsal has at this moment
    coded = re.search(r"base64,([A-Za-z0-9+/=]+)", card)
    assert coded is not None
    measured, simulated = re.findall(r'<polyline points="([^"]*)"', base64.b64decode(coded[1]).decode())
    assert len(measured.split()) >= 25  # minutes of the last half hour
    assert len(simulated.split()) == len(t)
    ends = [float(curve.split()[-1].split(",")[0]) for curve in (measured, simulated)]
    assert ends[1] == 1000.0  # the rehearsal reaches beyond what was measured
    assert ends[0] < ends[1]


def test_without_a_rehearsal_nothing_simulated_is_shown(live):
    live._backfill()
    assert "line-simulated" not in _card(live, "cam-w", None)


def _card(live, camera, run=RUN):
    live._backfill()
    made = command_card._card(live, Places(live.district), live.picture(), "camera", camera, "en", run)
    return str(made.to_plotly_json())
