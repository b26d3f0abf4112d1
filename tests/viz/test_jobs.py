import time

import pytest

from twin.errors import BadInput
from viz.jobs import Jobs, Order, work


@pytest.fixture
def jobs():
    running = Jobs()
    yield running
    running.close()


def until(job, *states, seconds=90):
    end = time.monotonic() + seconds
    while job.state not in states and time.monotonic() < end:
        time.sleep(0.1)
    assert job.state in states, (job.state, job.error)


def order(library, name, **changes):
    return Order(**{"scenario": str(library.scenario_path("evening")), "layout": "open",
                    "out": str(library.runs_folder / name), **changes})


def test_the_shares_grow_to_one(library):
    told = []
    work(order(library, "new"), told.append)
    shares = [t["share"] for t in told if "share" in t]
    assert told[-1] == {"done": True} and shares == sorted(shares) and all(0 <= s <= 1 for s in shares)
    assert library.run("new").seeds == [1]


def test_bad_input_fails_in_one_sentence_and_the_next_job_starts(library, jobs):
    wrong = jobs.start(order(library, "wrong", layout="nothing"))
    next_one = jobs.start(order(library, "right"))
    until(wrong, "failed")
    assert "there is no layout 'nothing'" in wrong.error and "\n" not in wrong.error and "Traceback" not in wrong.error
    until(next_one, "done")
    assert next_one.left_s is None and next_one.to_dict()["run"] == "right"


def test_cancelling_leaves_nothing_behind(library, jobs):
    job = jobs.start(order(library, "gone", replications=50))
    waiting = jobs.start(order(library, "never"))
    end = time.monotonic() + 60
    while job.share < 0.011 and job.state == "running" and time.monotonic() < end:
        time.sleep(0.1)
    assert job.left_s is not None and job.left_s > 0
    jobs.cancel(waiting.id)
    jobs.cancel(job.id)
    assert job.process is not None and job.process.poll() is not None
    assert (job.state, waiting.state) == ("cancelled", "cancelled")
    assert not list(library.runs_folder.glob("gone*")) and not list(library.runs_folder.glob("never*"))


def test_unknown_jobs_are_refused(jobs):
    with pytest.raises(BadInput, match="there is no job 7"):
        jobs.cancel(7)
