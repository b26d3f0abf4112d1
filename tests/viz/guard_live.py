"""A live twin of two communities, west and east, with accounts that see one of them, both, or nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
from guard_web import PASSWORD, Web, guard_of_everyone
from plaza_case import CRS, X0, Y0

from twin.guard import Role
from twin.live import Operation
from twin.places import District, table_frame
from twin.store import open_store
from viz.app import create_app
from viz.library import Library
from viz.live.twin import Live

WEST, EAST = "community-west", "community-east"
UNITS = {WEST: "W-1", EAST: "E-1"}


def quarter(plaza, folder):
    """The plaza with a district of one subdistrict of two communities, and a camera in each; the path of its file."""
    district = District.open(plaza)
    cells = [("all", "district", None, (-100, -80, 100, 80)), ("sub", "subdistrict", "all", (-100, -80, 100, 80)),
             (WEST, "community", "sub", (-100, -80, 0, 80)), (EAST, "community", "sub", (0, -80, 100, 80))]

    def at(shape):
        return shapely.transform(shape, lambda xy: xy + np.array([X0, Y0]))

    district.tables["grids"] = table_frame("grids", [
        {"id": i, "scheme": "functional", "level": level, "parent": parent, "name": i, "geometry": at(shapely.box(*box))}
        for i, level, parent, box in cells], CRS, source="test")
    district.tables["parts"] = table_frame("parts", [
        {"id": f"cam-{side}", "kind": "camera", "geometry": at(shapely.Point(x, 0))} for side, x in (("w", -50), ("e", 50))],
        CRS, source="test")
    path = folder / "plaza.gpkg"
    district.save(path)
    return path


def report(kind, thing, x, value, seen, number=0):
    """A report as a feed sends it."""
    return {"id": f"{kind}-{thing}-{number}-{seen.timestamp():.6f}", "kind": kind, "object": thing,
            "observed_at": seen.isoformat(), "x": X0 + x, "y": Y0 + 1.0, "value": value}


def reports(seen, number=0):
    """A position and a count in each community, a case in each."""
    return [report("position", UNITS[WEST], -50.0, {"unit": "patrol"}, seen, number),
            report("position", UNITS[EAST], 50.0, {"unit": "patrol"}, seen, number),
            report("crowd", "cam-w", -50.0, {"peopleCount": 11}, seen, number),
            report("crowd", "cam-e", 50.0, {"peopleCount": 22}, seen, number)]


class LiveWeb(Web):
    """A web with a live twin behind it."""

    live: Live

    def feed(self, body, *, source="gps", **bound):
        """Report as a feed with a token of its own."""
        token = self.guard.devices.issue(source, **bound)
        return self.ask("POST", "/api/observations", json=body, headers={"Authorization": f"Bearer {token}"})

    def close(self):
        self.live.close()
        self.live.log.close()
        self.guard.close()


def live_web(plaza, runs, scenarios, folder):
    """The application with everything: a live twin, an account a role, and one for each community."""
    path = quarter(plaza, folder)
    guard = guard_of_everyone(folder / "guard")
    for name, role, grids in (("west", Role.COMMANDER, [WEST]), ("east", Role.COMMANDER, [EAST]),
                              ("both", Role.COMMANDER, ["sub"]), ("none", Role.COMMANDER, []),
                              ("viewer-west", Role.VIEWER, [WEST]), ("W-1", Role.FIELD, [WEST])):
        guard.accounts.add(name, [role], password=PASSWORD, grids=grids)
    library = Library(path, runs, scenarios)
    live = Live(open_store(folder / "live.sqlite"), library.district("plaza"), "plaza", place=str(path))
    now = datetime.now(UTC)
    live.declare(Operation(id="op-1", purpose="an evening", start=now - timedelta(hours=1), end=now + timedelta(hours=1)))
    web = LiveWeb(create_app(library, live=live, guard=guard), guard)
    web.live = live
    return web


def until(what, within_s=10.0):
    """Wait for something that is done beside."""
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
