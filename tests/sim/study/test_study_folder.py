"""The study folder: whole replications, the same numbers however it was computed, and refusals that lose nothing."""

import json

import pandas as pd
import pytest
import yaml
from study_case import small_event

from sim.scenario import Layout
from sim.study import compare, engine, rehearse
from sim.study.compare import common_random_numbers
from sim.study.crew import Crew
from sim.study.folder import Study, begin
from sim.study.replication import read_metrics, replicate
from sim.study.stopping import Precision, reached, replicate_all
from twin.errors import BadInput

ALONE = Crew(1)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return small_event(tmp_path_factory.mktemp("strip"), {"open": 0, "checked": 5, "two": 2})


@pytest.fixture(scope="module")
def done(short, tmp_path_factory):
    study = begin(tmp_path_factory.mktemp("study") / "s", short, ["checked", "two"])
    replicate_all(study, ALONE, replications=4, frames="first")
    return study


def test_the_folder_holds_whole_replications_only(done):
    assert {p.name for p in done.folder("two", 1).iterdir()} == {
        "metrics.json", "maps.npz", "frames.parquet", "series.parquet", "queues.parquet", "events.parquet", "staff.parquet"}
    assert not (done.folder("two", 2) / "frames.parquet").exists()
    assert done.seeds("two") == [1, 2, 3, 4] == done.common_seeds()
    assert not any(done.path.rglob(".*")), "no drafts are left"
    table = Study(done.path).metrics()
    assert list(table.layout) == ["checked"] * 4 + ["two"] * 4
    assert table[table.layout == "two"].wait_mean.mean() > table[table.layout == "checked"].wait_mean.mean()


def test_other_processes_find_the_same_to_the_last_bit_and_go_on_where_it_stopped(done, short, tmp_path):
    study = begin(tmp_path / "s", short, ["checked", "two"])
    told = []

    def stop(finished, of):
        told.append((finished, of))
        if finished == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Crew(2) as crew:
        replicate_all(study, crew, replications=4, on_progress=stop)
    kept = {(name, seed): (study.folder(name, seed) / "metrics.json").stat().st_mtime_ns
            for name in study.layouts for seed in study.seeds(name)}
    assert len(kept) == 3
    again = begin(tmp_path / "s", short, ["checked", "two"])
    replicate_all(again, ALONE, replications=4, on_progress=lambda finished, of: told.append((finished, of)))
    assert told[-1] == (5, 5), "what was finished is not computed again"
    assert all((again.folder(*key) / "metrics.json").stat().st_mtime_ns == when for key, when in kept.items())
    pd.testing.assert_frame_equal(again.metrics(), done.metrics(), check_exact=True)
    for name in ("series.parquet", "queues.parquet", "events.parquet", "staff.parquet", "maps.npz"):
        assert (again.folder("two", 3) / name).read_bytes() == (done.folder("two", 3) / name).read_bytes()


def test_a_layout_of_a_study_is_a_run_like_any_other(done, short, tmp_path):
    run = done.run_of("two")
    direct = rehearse(short, "two", replications=4, out=tmp_path / "two")
    pd.testing.assert_frame_equal(run.metrics, direct.metrics, check_exact=True)
    assert run.info["takes"] == direct.info["takes"] and run.info["versions"] == direct.info["versions"]
    assert len(run.frames(1)) == 100 and run.maps(3).keys() == direct.maps(3).keys()
    row = next(r for r in compare(done.run_of("checked"), run).rows if r.key == "wait_mean")
    assert row.real and row.better == "A"
    written = (run.path / "run.json").stat().st_mtime_ns
    assert done.run_of("two").path.joinpath("run.json").stat().st_mtime_ns == written


def test_common_seeds_make_differences_sharper(tmp_path):
    loaded = small_event(tmp_path, {"four": 4, "three": 3}, people=40, duration_s=170, until_s=40, service={"lognormal": [8, 4]})
    study = begin(tmp_path / "s", loaded)
    replicate_all(study, ALONE, replications=5)
    four, three = (study.measures(name)["wait_mean"].to_numpy() for name in study.layouts)
    assert common_random_numbers(four, three) > 2, "against independent seeds, whose variances add up"
    apart = four.var(ddof=1) + three.var(ddof=1)
    assert common_random_numbers(four, three) == pytest.approx(apart / (three - four).var(ddof=1))
    assert common_random_numbers(four, four) == float("inf")
    with pytest.raises(BadInput, match="2 pairs"):
        common_random_numbers(four[:2], three[:2])


def test_a_wanted_precision_is_reached_or_told_to_be_missed(short, tmp_path):
    wide = Precision(0.5, "access_p50")
    study = begin(tmp_path / "s", short, ["checked"])
    now = replicate_all(study, ALONE, replications=2, precision=wide)
    assert [r.n for r in now] == [5] and now[0].enough
    assert now[0].share <= 0.5 / 1.5
    tight = Precision(0.001, "access_p50", most=6)
    missed = replicate_all(study, ALONE, precision=tight)
    assert [r.n for r in missed] == [6] and not missed[0].enough and missed == reached(study, tight)


@pytest.mark.parametrize(("share", "measure", "most"), [(0.0, "wait_mean", 10), (2.0, "wait_mean", 10), (0.1, "wait_mean", 2)])
def test_precisions_that_cannot_be_had(share, measure, most):
    with pytest.raises(BadInput):
        Precision(share, measure, most)


def test_a_measure_that_is_not_there(done):
    with pytest.raises(BadInput, match=r"choose one of .*wait_mean"):
        done.require_measure("weight")


def test_more_replications_and_layouts_join(short, tmp_path):
    study = begin(tmp_path / "s", short, ["checked"])
    replicate_all(study, ALONE, replications=1)
    wider = begin(tmp_path / "s", short, ["two"])
    assert wider.layouts == ["checked", "two"] == Study(tmp_path / "s").layouts
    wider.add({"three": Layout()})
    assert Study(tmp_path / "s").scenario.layouts["three"] == Layout()
    with pytest.raises(BadInput, match="another layout 'two'"):
        wider.add({"two": Layout()})


def test_a_study_of_something_else_is_refused_and_nothing_is_lost(done, short, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in done.path.rglob("*")}
    with pytest.raises(BadInput, match=r"study of another scenario .*duration_s"):
        begin(done.path, short.model_copy(update={"duration_s": 90.0}))
    changed = short.model_copy(update={"layouts": {**short.layouts, "two": Layout()}})
    with pytest.raises(BadInput, match="'two' has changed"):
        begin(done.path, changed, ["two"])
    with pytest.raises(BadInput, match="begun with the seed 1"):
        begin(done.path, short, seed=9)
    with pytest.raises(BadInput, match="choose one of"):
        begin(tmp_path / "new", short, ["none"])
    with pytest.raises(BadInput, match="folder"):
        begin(tmp_path / "new", short.model_copy(update={"layouts": {"a/b": Layout()}}))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="something else"):
        begin(tmp_path / "full", short)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]
    with pytest.raises(BadInput, match="not a study"):
        Study(tmp_path / "full")
    assert before == {p: p.stat().st_mtime_ns for p in done.path.rglob("*")}


def test_results_of_another_engine_do_not_mix(done, short, tmp_path):
    study = begin(tmp_path / "s", short, ["checked"])
    about = yaml.safe_load((study.path / "study.yaml").read_text(encoding="utf-8"))
    about["versions"]["engine"] = "0123456789ab"
    (study.path / "study.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    with pytest.raises(BadInput, match=r"engine 0123456789ab.*do not belong together"):
        begin(study.path, short, ["checked"]).complete([("checked", 1)], ALONE)
    order = done.orders([("checked", 99)])[0]
    with pytest.raises(BadInput, match="same Hutong on every worker"):
        replicate(type(order)(order.scenario, order.layout, order.seed, "0123456789ab"))
    run = done.run_of("two")
    old = rehearse(short, "checked", out=tmp_path / "old")
    info = json.loads((old.path / "run.json").read_text(encoding="utf-8"))
    info["versions"]["engine"] = "0123456789ab"
    (old.path / "run.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(BadInput, match=r"old was made by engine 0123456789ab, two by engine \w+"):
        compare(type(old)(old.path), run)
    del info["versions"]["engine"]  # a run from before engines had names
    (old.path / "run.json").write_text(json.dumps(info), encoding="utf-8")
    assert compare(type(old)(old.path), run).seeds == [1]


def test_engines_are_named_by_their_sources():
    event, parking = engine.engine("event"), engine.engine("parking")
    assert event != parking and len(event) == len(parking) == 12
    assert engine.versions()["engine"] == event
    assert engine.differs({"hutong": "1"}, {"hutong": "2"}) == ("Hutong 1", "Hutong 2")


def test_replications_keep_their_time(done):
    assert read_metrics(done.folder("two", 1))["timing"]["cpu_s"] > 0
