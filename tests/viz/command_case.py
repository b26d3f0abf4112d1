"""A live plaza to test the command page with: a real SQLite log, accounts, and an hour of reports in it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from plaza_case import CRS, X0, Y0
from serving import serving

from twin.cases import CaseStep
from twin.guard import Guard, Role
from twin.live import Alarm, Note, Observation, Operation
from twin.live.row import Row
from twin.places import District, table_frame
from twin.store import open_store
from viz.library import Library
from viz.live.twin import Live

PASSWORD = "correct horse battery"
WEST, EAST = "grid-west", "grid-east"


def at(x, y):
    return X0 + x, Y0 + y


def _moved(shape):
    return shapely.transform(shape, lambda xy: xy + np.array([X0, Y0]))


@pytest.fixture(scope="session")
def watched_plaza(plaza, tmp_path_factory):
    """The plaza with two grids, three cameras and a gate."""
    district = District.open(plaza)
    grids = [
        ("sub", "subdistrict", None, (-100, -80, 100, 80)),
        (WEST, "grid", "sub", (-100, -80, 0, 80)),
        (EAST, "grid", "sub", (0, -80, 100, 80)),
    ]
    district.tables["grids"] = table_frame(
        "grids",
        [
            {"id": i, "scheme": "household", "level": level, "parent": parent, "name": i, "geometry": _moved(shapely.box(*box))}
            for i, level, parent, box in grids
        ],
        CRS,
        source="test",
    )
    parts = [
        ("cam-w", "camera", (-30, 0), 0.0),
        ("cam-m", "camera", (-10, -10), 0.0),
        ("cam-e", "camera", (40, 0), 0.0),
        ("gate-1", "gate", (0, 40), 0.0),
    ]
    district.tables["parts"] = table_frame(
        "parts",
        [
            {"id": i, "kind": kind, "geometry": _moved(shapely.Point(*xy)), "heading": heading, "width": 4.0, "state": "open"}
            for i, kind, xy, heading in parts
        ],
        CRS,
        source="test",
    )
    path = tmp_path_factory.mktemp("watched") / "plaza.gpkg"
    district.save(path)
    return path


def grid_of(x):
    return WEST if x < 0 else EAST


def position(unit, x, y, seen_s, *, kind="patrol", status="free", accuracy=5.0):
    us = int(seen_s * 1e6)
    return Row(
        f"{unit}-{us}",
        "live",
        "gps",
        "position",
        unit,
        us,
        us,
        *at(x, y),
        accuracy,
        grid_of(x),
        json.dumps({"unit": kind, "status": status}),
    )


def crowd(camera, x, y, seen_s, people, density):
    us = int(seen_s * 1e6)
    return Row(
        f"{camera}-{us}",
        "live",
        camera,
        "crowd",
        camera,
        us,
        us,
        *at(x, y),
        None,
        grid_of(x),
        json.dumps({"people_count": people, "density": density, "average_crowd_speed": 1.1}),
    )


def observed(kind, thing, value, seen, *, place=None, number=0, source="desk"):
    x, y = (None, None) if place is None else at(*place)
    return Observation(
        id=f"{kind}-{thing}-{number}-{seen.timestamp():.3f}",
        stream="live",
        source=source,
        kind=kind,
        object=thing,
        observed_at=seen,
        received_at=seen,
        x=x,
        y=y,
        grid=None if place is None else grid_of(place[0]),
        value=value,
    )


def an_hour(now):
    """What the log holds when somebody opens the page."""
    t = now.timestamp()
    rows = [
        crowd(c, x, y, t - 60 * m, people, density)
        for m in range(60, 0, -1)
        for c, x, y, people, density in (
            ("cam-w", -30, 0, 12, 0.2),
            ("cam-m", -10, -10, 20 + m % 3, 0.5),
            ("cam-e", 40, 0, 6, 0.1),
        )
    ]
    rows += [
        position(unit, x + 0.2 * k, y, t - 120 + k) for unit, x, y in (("P-01", -60, 0), ("P-02", 50, 0)) for k in range(118)
    ]
    rows += [position("M-07", -5, -12, t - 300, kind="medic")]
    steps = [
        observed(
            "case",
            "C-1",
            CaseStep(step="report", case="C-1", by="hotline-1", why="as reported", type="medical"),
            now - timedelta(minutes=30),
            place=(-40, 0),
        ),
        observed(
            "case",
            "C-2",
            CaseStep(step="report", case="C-2", by="hotline-1", why="as reported", type="rubbish"),
            now - timedelta(minutes=20),
            place=(60, 0),
        ),
        observed(
            "case",
            "C-2",
            CaseStep(step="dispatch", case="C-2", by="desk-1", why="nearest", units=("P-02",)),
            now - timedelta(minutes=19),
            place=(60, 0),
            number=1,
        ),
    ]
    alarm = observed(
        "alarm",
        "A-1",
        Alarm(state="raised", level=2, about="cam-m", measure="density", reading=2.4, limit=2.0),
        now - timedelta(minutes=5),
        place=(-10, -10),
        source="rule",
    )
    note = observed("note", "log-1", Note(text="Shift handed over", by="desk-1"), now - timedelta(minutes=40))
    return rows, [*steps, alarm, note]


def operation(now, **changes):
    return Operation(
        **{
            "id": "op-1",
            "purpose": "Evening on the square",
            "start": now - timedelta(hours=2),
            "end": now + timedelta(hours=2),
            **changes,
        }
    )


def fill(log, now, *, declared=True):
    rows, observations = an_hour(now)
    log.append(rows)
    log.append(observations)
    if declared:
        log.declare(operation(now))


@pytest.fixture
def live(watched_plaza, tmp_path):
    """A live plaza of one test, at a clock that stands still unless the test moves it."""
    log = open_store(tmp_path / "live.sqlite")
    now = datetime.now(UTC)
    fill(log, now)
    made = Live(log, District.open(watched_plaza), "plaza", place=str(watched_plaza), clock=lambda: now.timestamp())
    yield made
    made.close()
    log.close()


def accounts(folder):
    guard = Guard(folder)
    guard.accounts.add("desk-1", {Role.COMMANDER}, password=PASSWORD, grids=None)
    guard.accounts.add("west-1", {Role.COMMANDER}, password=PASSWORD, grids=[WEST])
    guard.accounts.add("viewer-1", {Role.VIEWER}, password=PASSWORD, grids=None)
    guard.accounts.add("P-01", {Role.FIELD}, password=PASSWORD, grids=None)
    guard.accounts.add("root-1", {Role.ADMIN}, password=PASSWORD, grids=None)
    return guard


@pytest.fixture(scope="module")
def live_served(watched_plaza, tmp_path_factory):
    """The application with a live plaza that keeps moving: its address, the live twin and the accounts."""
    from viz.app import create_app

    folder = tmp_path_factory.mktemp("live-served")
    log = open_store(folder / "live.sqlite")
    fill(log, datetime.now(UTC))
    (folder / "scenarios").mkdir()
    library = Library(watched_plaza, folder / "runs", folder / "scenarios")
    guard = accounts(folder)
    twin = Live(log, library.district("plaza"), "plaza", place=library.place("plaza"))
    over = threading.Event()

    def feed():
        k = 0
        while not over.wait(0.5):
            now = time.time()
            k += 1
            rows = [position("P-01", -60 + 0.5 * (k % 60), 0, now), position("P-02", 50 + 0.3 * (k % 60), 0, now)]
            if k % 4 == 0:
                rows += [
                    crowd("cam-w", -30, 0, now, 12, 0.2),
                    crowd("cam-m", -10, -10, now, 24, 0.6),
                    crowd("cam-e", 40, 0, now, 6, 0.1),
                ]
            log.append(rows)

    feeding = threading.Thread(target=feed, daemon=True)
    feeding.start()
    with serving(create_app(library, live=twin, guard=guard).server) as address:
        yield address, twin, guard
    over.set()
    feeding.join(timeout=5)
    twin.close()
    log.close()
    guard.close()


@contextmanager
def logged_in(address, account):
    """An HTTP client of somebody who has logged in."""
    import httpx

    with httpx.Client(base_url=address, follow_redirects=False) as client:
        answer = client.post("/login", data={"account": account, "password": PASSWORD, "next": "/"})
        assert answer.status_code == 303, answer.text
        yield client


__all__ = ["live", "live_served", "watched_plaza"]
