"""Measures of trajectories whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from sim.crowd.measures import trajectories, voronoi

FPS = 10.0


def walkers(speeds, frames=101, start=0.0):
    """People who walk east side by side, one row a person and frame."""
    rows = [(k, f, start + v * f / FPS, 1.0 + k) for k, v in enumerate(speeds) for f in range(frames)]
    return pd.DataFrame(rows, columns=["id", "frame", "x", "y"])


def test_speed_crossings_flow_and_travel_time_of_steady_walkers():
    tracks = walkers([1.0, 1.25, 0.5])
    speeds = trajectories.compute_individual_speed(tracks=tracks, fps=FPS, frame_step=5)
    assert speeds.groupby("id")["speed"].mean().tolist() == pytest.approx([1.0, 1.25, 0.5])
    assert len(speeds) == 3 * (101 - 10)
    start, end = (shapely.LineString([(x, 0), (x, 9)]) for x in (1.03, 4.03))
    crossed = trajectories.compute_crossings(tracks=tracks, line=start)
    assert crossed["id"].tolist() == [1, 0, 2] and crossed["frame"].tolist() == [9, 11, 21]
    assert trajectories.compute_flow(crossings=crossed, fps=FPS) == pytest.approx(2 / 1.2)
    assert trajectories.compute_flow(crossings=crossed, fps=FPS, width=2.0) == pytest.approx(1 / 1.2)
    assert np.isnan(trajectories.compute_flow(crossings=crossed[:1], fps=FPS))
    times = trajectories.compute_travel_times(tracks=tracks, start=start, end=end, fps=FPS)
    assert times["time_s"].tolist() == pytest.approx([3.0, 2.4, 6.0])
    assert len(trajectories.compute_travel_times(tracks=tracks, start=end, end=start, fps=FPS)) == 0
    n = trajectories.compute_n_t(tracks=tracks, line=start, fps=FPS)
    assert n["n"].iloc[[0, 9, 11, 21, -1]].tolist() == [0, 1, 2, 3, 3]


def test_somebody_who_leaves_and_comes_back_has_not_walked_the_way_between():
    tracks = walkers([1.0])
    gap = tracks[(tracks["frame"] < 40) | (tracks["frame"] > 60)]
    speeds = trajectories.compute_individual_speed(tracks=gap, fps=FPS, frame_step=5)
    assert not speeds["frame"].between(35, 65).any()
    assert len(trajectories.compute_crossings(tracks=gap, line=shapely.LineString([(5, 0), (5, 9)]))) == 0


def test_densities_of_a_square_of_people():
    x, y = (c.ravel() for c in np.meshgrid(np.arange(0.25, 4, 0.5), np.arange(0.25, 4, 0.5)))
    tracks = pd.DataFrame({"id": np.arange(64), "frame": 7, "x": x, "y": y})
    ground, middle = shapely.box(0, 0, 4, 4), shapely.box(1.1, 1.1, 2.9, 2.9)
    assert trajectories.compute_classic_density(tracks=tracks, area=ground)["density"].tolist() == [4.0]
    assert (trajectories.compute_grid_density(tracks=tracks, corner=(0, 0), cell=1.0, shape=(4, 4)) == 4).all()
    cells = voronoi.compute_voronoi_cells(tracks=tracks, walkable=ground, cut_off=1.0)
    assert cells["density"].to_numpy() == pytest.approx(np.full(64, 4.0))
    assert voronoi.compute_voronoi_density(cells=cells, area=middle)["density"].iloc[0] == pytest.approx(4.0)
    speeds = pd.DataFrame({"id": np.arange(64), "frame": 7, "speed": np.where(x < 2, 1.0, 0.5)})
    speed = voronoi.compute_voronoi_speed(cells=cells, speeds=speeds, area=middle)
    assert speed["speed"].iloc[0] == pytest.approx(0.75) and speed["covered"].iloc[0] == pytest.approx(1.0)


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(1, 49)), min_size=1, max_size=25))
@example([(1, 22), (1, 44), (2, 26), (2, 40)])
def test_cells_share_out_the_ground(places):
    """All of the ground is somebody's, nobody's twice, and everybody stands in their own, twins on one spot included."""
    ground = shapely.box(0, 0, 10, 5)
    xy = np.array(places) / 10
    cells = voronoi.voronoi_cells(xy=xy, walkable=ground)
    assert shapely.area(cells).sum() == pytest.approx(50.0)
    assert (shapely.distance(cells, shapely.points(xy)) < 1e-4).all()
    near = voronoi.voronoi_cells(xy=xy, walkable=ground, cut_off=0.5)
    assert (shapely.area(near) <= np.minimum(shapely.area(cells), np.pi * 0.25) + 1e-9).all()


def test_nobodys_cell_reaches_through_an_obstacle_to_another_piece_of_ground():
    ground = shapely.box(0, 0, 10, 2).difference(shapely.box(4, 0, 6, 2))
    cells = voronoi.voronoi_cells(xy=np.array([[3.0, 1.0], [9.5, 1.0]]), walkable=ground)
    assert shapely.area(cells) == pytest.approx([8.0, 7.5], abs=0.6)
    assert cells[0].bounds[2] <= 4


def test_fundamental_diagram_pairs_by_frame():
    density = pd.DataFrame({"frame": [1, 2, 3, 4], "density": [0.5, 0.6, 2.1, 0.0]})
    speed = pd.DataFrame({"frame": [2, 1, 3, 4, 5], "speed": [1.0, 1.2, 0.5, 1.3, 9.0]})
    table = trajectories.compute_fundamental_diagram(density=density, speed=speed, bin_width=0.5)
    assert table["frames"].tolist() == [2, 1]
    assert table["speed"].tolist() == pytest.approx([1.1, 0.5])
    assert table["flow"].tolist() == pytest.approx([0.6, 1.05])
