"""Who computes: the same results from this process, from others, and from Dask; lost workers cost only what they had."""

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from study_work import times_done, work, wrong

from sim.study import crew as crew_module
from sim.study.crew import Crew
from twin.errors import BadInput, Unavailable


def outcomes(crew, folder, seeds, function=work):
    got = {}
    with crew:
        crew.do(function, [(str(folder), seed) for seed in seeds], lambda order, value: got.update({order[1]: value}))
    return got


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return outcomes(Crew(1), tmp_path_factory.mktemp("alone"), range(8))


def test_threads_and_processes_find_the_same(alone, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        assert outcomes(Crew(executor=pool), tmp_path, range(8)) == alone
        assert pool.submit(int, "1").result() == 1  # whoever opened it closes it
    assert times_done(tmp_path) == dict.fromkeys(range(8), 1)


def test_a_lost_worker_costs_only_what_it_had(alone, tmp_path):
    (tmp_path / "fatal").touch()
    assert outcomes(Crew(2), tmp_path, range(8)) == alone
    assert not (tmp_path / "fatal").exists()
    again = [seed for seed, times in times_done(tmp_path).items() if times > 1]
    assert set(times_done(tmp_path)) == set(range(8)) and len(again) <= 1  # the other worker's, which the pool ends too


def test_workers_that_are_lost_again_and_again_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(crew_module, "PATIENCE", 1)

    class Broken(ThreadPoolExecutor):
        def submit(self, *_, **__):
            raise crew_module.BrokenExecutor

    with Broken(1) as pool, pytest.raises(Unavailable, match="lost again"):
        outcomes(Crew(executor=pool), tmp_path, range(2))


def test_an_error_stops_the_others_and_is_told(tmp_path):
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="two is wrong"):
        outcomes(Crew(executor=pool), tmp_path, range(60), wrong)
    assert len(times_done(tmp_path)) < 59


def test_a_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(crew_module, "REACHED_WITHIN_S", 0.5)
    with pytest.raises(BadInput, match="does not answer"), Crew(scheduler="tcp://127.0.0.1:9"):
        pass
    with pytest.raises(BadInput, match="cannot be used"), Crew(scheduler="nonsense://x"):
        pass


def test_dask_with_a_worker_that_is_killed(alone, tmp_path):
    distributed = pytest.importorskip("distributed")
    one, folder = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    folder.mkdir()
    seeds = range(40)
    want = outcomes(Crew(1), one, seeds)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                  silence_logs=logging.CRITICAL) as cluster:
        victims = [worker.pid for worker in cluster.workers.values()]
        got: dict[int, float] = {}

        def keep(order, value):
            got[order[1]] = value
            if len(got) == 10:
                os.kill(victims[0], signal.SIGKILL)

        with Crew(scheduler=cluster.scheduler_address) as crew:
            crew.do(work, [(str(folder), seed) for seed in seeds], keep)
    assert got == want and {s: got[s] for s in alone} == alone
    twice = [seed for seed, times in times_done(folder).items() if times > 1]
    assert len(twice) <= 2, "only what the killed worker had finished, and nobody had fetched, may be done twice"
