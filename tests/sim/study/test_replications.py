"""Replications: whole or resumable, the same however they are run."""

import json

import pandas as pd
import pytest
from plaza_case import evening

import sim
from sim.scenario_file import dump
from sim.study import intervals, rehearse
from twin.errors import BadInput


@pytest.fixture(scope="module")
def short(plaza):
    return evening(plaza, duration_s=60, incidents=[])


@pytest.fixture(scope="module")
def run(short, tmp_path_factory):
    return rehearse(short, "checked", replications=2, out=tmp_path_factory.mktemp("runs") / "A", frames="all")


def test_the_folder_holds_what_is_documented(run):
    names = {str(p.relative_to(run.path)) for p in run.path.rglob("*") if p.is_file()}
    assert names == {"scenario.yaml", "run.json", "metrics.parquet", "series.parquet", "queues.parquet", "events.parquet",
                     "staff.parquet", "maps/1.npz", "maps/2.npz", "frames/1.parquet", "frames/2.parquet"}
    assert run.seeds == [1, 2] and run.layout_name == "checked"
    assert run.info["takes"]["lanes"] == 4
    assert run.scenario.demand["visitors"].people == 120
    assert len(run.frames(2)) == 60
    assert run.maps(1)["density_max"].shape == run.maps()["density_max"].shape


def test_workers_change_nothing(short, run, tmp_path):
    other = rehearse(short, "checked", replications=2, out=tmp_path / "A", workers=2)
    pd.testing.assert_frame_equal(other.metrics, run.metrics)
    pd.testing.assert_frame_equal(other.series, run.series)


def test_an_interrupted_run_goes_on(short, run, tmp_path):
    done = []

    def stop(seed, share):
        done.append(seed)
        if seed == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse(short, "checked", replications=2, out=tmp_path / "A", on_progress=stop)
    assert not (tmp_path / "A").exists() and (tmp_path / "A.part").is_dir()
    with pytest.raises(BadInput, match="interrupted"):
        sim.Run(tmp_path / "A")
    again = []
    resumed = rehearse(short, "checked", replications=2, out=tmp_path / "A", on_progress=lambda s, _: again.append(s))
    assert 1 in done and 1 not in again
    pd.testing.assert_frame_equal(resumed.metrics, run.metrics)
    assert not (tmp_path / "A.part").exists()


def test_another_scenario_does_not_go_on_in_the_same_folder(short, plaza, tmp_path):
    def stop(seed, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse(short, "checked", out=tmp_path / "A", on_progress=stop)
    with pytest.raises(BadInput, match="another scenario"):
        rehearse(short, "open", out=tmp_path / "A")


def test_nothing_is_written_for_bad_input(short, tmp_path):
    with pytest.raises(BadInput, match="choose one of"):
        rehearse(short, "Z", out=tmp_path / "A")
    (tmp_path / "B").mkdir()
    with pytest.raises(BadInput, match="there already"):
        rehearse(short, "open", out=tmp_path / "B")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["B"]


def test_intervals(run):
    measures = intervals(run)
    two = run.metrics["access_p50"]
    assert measures["people_entered"]["mean"] == run.metrics["people_entered"].mean()
    if two.notna().all():
        assert measures["access_p50"]["low"] < two.min() and measures["access_p50"]["high"] > two.max()
    json.dumps(measures)


def test_scenario_as_path(short, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(dump(short), encoding="utf-8")
    run = sim.rehearse(path, layout="open", seed=5)
    assert run.seeds == [5]
    assert (run.series.entered == run.series.left + run.series.inside).all()
