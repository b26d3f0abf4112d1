"""Measures of trajectories against PedPy's on the same trajectories: a simulated door, and people in a real corridor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import shapely

from sim.crowd.measures import trajectories as ours
from sim.crowd.measures import voronoi
from sim.crowd.measures.density import SIGMA, SPEED_NOISE, DensityMaps
from sim.lab import Lab
from sim.lab.experiment import Experiment

pedpy = pytest.importorskip("pedpy")

FPS = 16.0
STEP = 4
CUT_OFF = 0.9
SEGMENTS = 4  # of a quarter of the cut-off circle


@dataclass
class Case:
    """Trajectories with their ground, an area and two lines to measure at."""

    tracks: pd.DataFrame
    walkable: shapely.Polygon
    area: shapely.Polygon
    first: shapely.LineString
    second: shapely.LineString

    def __post_init__(self):
        self.theirs = pedpy.TrajectoryData(data=self.tracks, frame_rate=FPS)
        self.speeds = ours.compute_individual_speed(tracks=self.tracks, fps=FPS, frame_step=STEP)
        self.cells = voronoi.compute_voronoi_cells(tracks=self.tracks, walkable=self.walkable, cut_off=CUT_OFF,
                                                   corners=4 * SEGMENTS)
        self.their_speeds = pedpy.compute_individual_speed(traj_data=self.theirs, frame_step=STEP, compute_velocity=True)
        self.their_cells = pedpy.compute_individual_voronoi_polygons(
            traj_data=self.theirs, walkable_area=pedpy.WalkableArea(self.walkable),
            cut_off=pedpy.Cutoff(radius=CUT_OFF, quad_segments=SEGMENTS))
        moving = self.tracks.merge(self.speeds[["id", "frame"]], on=["id", "frame"])
        self.their_moving = pedpy.TrajectoryData(data=moving, frame_rate=FPS)  # it refuses people without a speed
        self.their_area = pedpy.MeasurementArea(self.area)


def simulated():
    """80 people who leave a room by a door of 1 m."""
    walkable = shapely.union_all([shapely.box(0, 0, 8, 8), shapely.box(8, 3.5, 8.4, 4.5), shapely.box(8.4, 0, 12, 8)])
    lab = Lab.model_validate({
        "name": "door", "kind": "lab", "duration_s": 25, "fps": FPS, "walkable": walkable.wkt,
        "people": [{"area": shapely.box(0.5, 0.5, 7.5, 7.5).wkt, "count": 80, "goal": "out"}],
        "goals": {"out": shapely.box(11, 0, 12, 8).wkt}})
    tracks = Experiment(lab, 3).run().tracks
    return Case(tracks, walkable, shapely.box(6, 3, 8, 5), shapely.LineString([(6.1, 0), (6.1, 8)]),
                shapely.LineString([(8.21, 3.5), (8.21, 4.5)]))


@pytest.fixture(scope="module", params=["simulated", "corridor"])
def case(request):
    if request.param == "simulated":
        return simulated()
    file = request.getfixturevalue("data") / "pedestrians" / "uo-100-180-180.csv.gz"
    tracks = pd.read_csv(file)
    tracks = tracks[tracks["frame"].between(300, 618)]  # they overlook a passage in the very last frame
    walkable = shapely.from_wkt("POLYGON ((2.8 -6.5, 2.8 -4, 1.8 -4, 1.8 4, 2.8 4, 2.8 8, -1 8, -1 4, 0 4, 0 -4, -1 -4, "
                                "-1 -6.5, 2.8 -6.5))")
    tracks = tracks[shapely.contains_xy(walkable, tracks["x"], tracks["y"])].reset_index(drop=True)
    return Case(tracks, walkable, shapely.box(0, -2, 1.8, 2), shapely.LineString([(0, 2.0305), (1.8, 2.0305)]),
                shapely.LineString([(0, -2.0305), (1.8, -2.0305)]))


def by_frame(table, column):
    return table.set_index("frame")[column].sort_index()


def test_individual_speed(case):
    mine = case.speeds.set_index(["id", "frame"]).sort_index()
    theirs = case.their_speeds.set_index(["id", "frame"]).sort_index()
    assert len(mine) > 1000
    assert (mine.index == theirs.index).all()
    assert mine[["v_x", "v_y", "speed"]].to_numpy() == pytest.approx(theirs[["v_x", "v_y", "speed"]].to_numpy(), abs=1e-9)
    along = ours.compute_individual_speed(tracks=case.tracks, fps=FPS, frame_step=STEP, direction=(2.0, 1.0))
    their_along = pedpy.compute_individual_speed(traj_data=case.theirs, frame_step=STEP,
                                                 movement_direction=np.array([2.0, 1.0]) / np.sqrt(5))
    assert along.set_index(["id", "frame"])["speed"].sort_index().to_numpy() == pytest.approx(
        their_along.set_index(["id", "frame"])["speed"].sort_index().to_numpy(), abs=1e-9)


@pytest.mark.parametrize("which", ["first", "second"])
def test_n_t_and_flow(case, which):
    line = getattr(case, which)
    their_n, crossings = pedpy.compute_n_t(traj_data=case.theirs, measurement_line=pedpy.MeasurementLine(line))
    mine = ours.compute_n_t(tracks=case.tracks, line=line, fps=FPS)
    assert mine["n"].iloc[-1] > 15
    assert (mine["n"].to_numpy() == their_n["cumulative_pedestrians"].to_numpy()).all()
    assert mine["time_s"].to_numpy() == pytest.approx(their_n["time"].to_numpy())
    own = ours.compute_crossings(tracks=case.tracks, line=line)
    assert dict(zip(own["id"], own["frame"], strict=True)) == dict(zip(crossings["id"], crossings["frame"], strict=True))
    # Their flow over one interval that holds everybody: all but the first between the first and the last.
    theirs = pedpy.compute_flow(nt=their_n, crossing_frames=crossings, individual_speed=case.their_speeds,
                                delta_frame=int(crossings["frame"].max() - crossings["frame"].min()) + 1, frame_rate=FPS)
    assert ours.compute_flow(crossings=own, fps=FPS) == pytest.approx(theirs["flow"].iloc[0], rel=0.1)


def test_travel_times(case):
    lines = [pedpy.MeasurementLine(case.first), pedpy.MeasurementLine(case.second)]
    start, end = (pedpy.compute_n_t(traj_data=case.theirs, measurement_line=line)[1].set_index("id")["frame"] for line in lines)
    expected = ((end - start) / FPS).dropna()
    mine = ours.compute_travel_times(tracks=case.tracks, start=case.first, end=case.second, fps=FPS).set_index("id")["time_s"]
    assert len(mine) > 15
    assert mine.to_dict() == pytest.approx(expected[expected > 0].to_dict())


def test_classic_density_and_mean_speed(case):
    density = ours.compute_classic_density(tracks=case.tracks, area=case.area)
    theirs = pedpy.compute_classic_density(traj_data=case.theirs, measurement_area=case.their_area)
    assert density["density"].max() > 1
    assert density["density"].to_numpy() == pytest.approx(theirs["density"].to_numpy())
    speed = ours.compute_mean_speed(tracks=case.tracks, speeds=case.speeds, area=case.area)
    expected = pedpy.compute_mean_speed_per_frame(traj_data=case.their_moving, individual_speed=case.their_speeds,
                                                  measurement_area=case.their_area)
    expected = by_frame(expected, "speed")[speed["frame"]]
    assert by_frame(speed, "speed").to_dict() == pytest.approx(expected.to_dict())


def test_voronoi_cells_and_density(case):
    mine = case.cells.set_index(["id", "frame"])["density"].sort_index()
    theirs = case.their_cells.set_index(["id", "frame"])["density"].sort_index()
    assert mine.to_numpy() == pytest.approx(theirs.to_numpy(), rel=1e-6)
    density = voronoi.compute_voronoi_density(cells=case.cells, area=case.area)
    expected, _ = pedpy.compute_voronoi_density(individual_voronoi_data=case.their_cells, measurement_area=case.their_area)
    assert density["density"].max() > 1
    assert by_frame(density, "density").to_dict() == pytest.approx(by_frame(expected, "density").to_dict(), abs=1e-9)


def test_voronoi_cells_without_a_cut_off(case):
    tracks = case.tracks[case.tracks["frame"] % 40 == 0]
    mine = voronoi.compute_voronoi_cells(tracks=tracks, walkable=case.walkable)
    theirs = pedpy.compute_individual_voronoi_polygons(traj_data=pedpy.TrajectoryData(data=tracks, frame_rate=FPS),
                                                       walkable_area=pedpy.WalkableArea(case.walkable))
    assert mine.set_index(["id", "frame"])["density"].sort_index().to_numpy() == pytest.approx(
        theirs.set_index(["id", "frame"])["density"].sort_index().to_numpy(), rel=1e-6)


def test_voronoi_speed(case):
    _, parts = pedpy.compute_voronoi_density(individual_voronoi_data=case.their_cells, measurement_area=case.their_area)
    known = parts.merge(case.their_speeds[["id", "frame"]], on=["id", "frame"])
    theirs = pedpy.compute_voronoi_speed(traj_data=case.theirs, individual_speed=case.their_speeds,
                                         individual_voronoi_intersection=known, measurement_area=case.their_area)
    mine = voronoi.compute_voronoi_speed(cells=case.cells, speeds=case.speeds, area=case.area)
    assert mine["covered"].between(0, 1 + 1e-9).all() and (mine["covered"] > 0.9).any()
    integral = (mine["speed"] * mine["covered"]).to_numpy()
    assert integral == pytest.approx(by_frame(theirs, "speed")[mine["frame"]].to_numpy(), abs=1e-9)


def test_grid_density(case):
    west, south, east, north = case.walkable.bounds
    # PedPy's grid begins in the upper left corner of the ground, ours in the lower left one.
    rows, columns = round((north - south) / 0.5), int(np.ceil((east - west) / 0.5))
    some = case.tracks[case.tracks["frame"] % 40 == 0]
    theirs = pedpy.compute_density_profile(data=some, walkable_area=pedpy.WalkableArea(case.walkable), grid_size=0.5,
                                           density_method=pedpy.DensityMethod.CLASSIC)
    mine = ours.compute_grid_density(tracks=some, corner=(west, south), cell=0.5, shape=(rows, columns))
    frames = np.sort(some["frame"].unique()) - some["frame"].min()
    assert mine[frames].sum() * 0.25 == len(some)
    assert mine[frames] == pytest.approx(np.array([profile[::-1] for profile in theirs]))


def test_fundamental_diagram(case):
    density, _ = pedpy.compute_voronoi_density(individual_voronoi_data=case.their_cells, measurement_area=case.their_area)
    speed = pedpy.compute_mean_speed_per_frame(traj_data=case.their_moving, individual_speed=case.their_speeds,
                                               measurement_area=case.their_area)
    pairs = density.merge(speed, on="frame").query("density > 0")
    bins = np.floor(pairs["density"] / 0.2)
    expected = (pairs["density"] * pairs["speed"]).groupby(bins).mean()
    mine = ours.compute_fundamental_diagram(
        density=voronoi.compute_voronoi_density(cells=case.cells, area=case.area),
        speed=ours.compute_mean_speed(tracks=case.tracks, speeds=case.speeds, area=case.area), bin_width=0.2)
    assert len(mine) >= 4 and mine["frames"].tolist() == pairs.groupby(bins).size().tolist()
    assert mine["flow"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-6)
    assert mine["speed"].to_numpy() == pytest.approx(pairs["speed"].groupby(bins).mean().to_numpy(), rel=1e-6)


def test_gaussian_density_speed_and_pressure(case):
    """The maps' density, and the variance of velocity in their pressure, from PedPy's Gaussian profiles."""
    frame = int(case.speeds.groupby("frame").size().idxmax())
    people = case.tracks.merge(case.speeds[case.speeds["frame"] == frame], on=["id", "frame"])
    west, south, east, north = case.walkable.bounds
    cell = 0.25
    wide = {"walkable_area": pedpy.WalkableArea(shapely.box(west, south, east, north)), "grid_size": cell,
            "gaussian_width": SIGMA * 2 * np.sqrt(2 * np.log(2))}
    density = pedpy.compute_density_profile(data=people, density_method=pedpy.DensityMethod.GAUSSIAN, **wide)[0][::-1]
    mean = {name: pedpy.compute_speed_profile(data=people.assign(speed=values), speed_method=pedpy.SpeedMethod.GAUSSIAN,
                                              **wide)[0][::-1]
            for name, values in (("x", people["v_x"]), ("y", people["v_y"]), ("2", people["v_x"]**2 + people["v_y"]**2))}
    maps = DensityMaps(np.array([west, south]), cell, density.shape)
    mine = maps.add(people[["x", "y"]].to_numpy(), people[["v_x", "v_y"]].to_numpy()).copy()
    crowded = density > 0.5
    assert crowded.sum() > 50
    assert mine[crowded] == pytest.approx(density[crowded], rel=0.05)
    found = maps.maps()
    assert found["speed_mean"][crowded] == pytest.approx(np.sqrt(mean["2"][crowded]), rel=0.03, abs=0.01)
    pressure = density * np.maximum(mean["2"] - mean["x"]**2 - mean["y"]**2 - SPEED_NOISE**2, 0)
    pressed = (density > 2.1) & (pressure > 0.02)
    if pressed.any():
        assert found["pressure_max"][pressed] == pytest.approx(pressure[pressed], rel=0.1, abs=0.01)
    assert (found["pressure_max"][density < 1.9] == 0).all()
