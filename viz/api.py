"""REST under ``/api``: what the pages show and do, for other programs. OpenAPI is at ``/api/openapi.json``.

Wrong input answers 422, an unknown name 404, each with ``{"error": "one sentence"}``.
"""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field

from sim.run import STATES
from sim.scenario import Layout, Scenario
from sim.study import compare, intervals
from twin.errors import BadInput, HutongError
from twin.places.tables import TABLES
from viz.jobs import Job, Jobs, Order
from viz.library import Library
from viz.rows import object_row, table_rows

MAPS = ("density_mean", "density_max", "pressure_max", "speed_mean", "person_s", "travel_time")
Limit = Annotated[int, Query(ge=1, le=100_000)]


class RehearsalOrder(BaseModel):
    """A rehearsal to start."""

    scenario: str
    layout: str
    replications: Annotated[int, Field(ge=1, le=200)] = 1
    seed: Annotated[int, Field(ge=0)] | None = None
    name: str | None = Field(default=None, pattern=r"^[\w][\w .-]{0,79}$", description="run folder; made up if missing")


class RunLine(BaseModel):
    """A finished run in the list."""

    name: str
    scenario: str
    layout: str
    seeds: list[int]
    wall_s: float


def add_api(server: FastAPI, library: Library, jobs: Jobs) -> None:
    """Add the routes to a FastAPI application."""
    for routes in (_district_routes(library), _scenario_routes(library), _run_routes(library),
                   _rehearsal_routes(library, jobs)):
        server.include_router(routes, prefix="/api")

    async def one_sentence(_request: Request, error: Exception) -> JSONResponse:
        unknown = isinstance(error, BadInput) and error.what.startswith("there is no")
        return JSONResponse({"error": " ".join(str(error).split())}, status_code=404 if unknown else 422)

    async def wrong_request(_request: Request, error: Exception) -> JSONResponse:
        first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": str(error)}
        place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
        return JSONResponse({"error": f"{place}: {first['msg']}." if place else f"{first['msg']}."}, status_code=422)

    server.add_exception_handler(HutongError, one_sentence)
    server.add_exception_handler(RequestValidationError, wrong_request)


def _district_routes(library: Library) -> APIRouter:
    routes = APIRouter(tags=["districts"])

    @routes.get("/districts")
    def list_districts() -> list[str]:
        """Names of the districts."""
        return library.districts()

    @routes.get("/districts/{name}")
    def describe_district(name: str) -> dict[str, Any]:
        """CRS, bounds, origin of local metres, attribution and the number of rows of every table."""
        district = library.district(name)
        return {"name": name, "crs": district.crs.to_string(), "bounds": district.bounds, "origin": district.origin,
                "attribution": district.attribution, "tables": district.counts()}

    @routes.get("/districts/{name}/scene", response_class=Response)
    def get_scene(name: str, request: Request) -> Response:
        """The static geometry as one binary message for the scene component."""
        return binary(library.packed_scene(name), request)

    @routes.get("/districts/{name}/tables/{table}")
    def list_rows(
        name: str, table: str, limit: Limit = 1000, offset: Annotated[int, Query(ge=0)] = 0
    ) -> dict[str, Any]:
        """Rows of one table without geometry, with local x and y [m] of a point inside each."""
        if table not in TABLES:
            raise BadInput(f"there is no table {table!r}", where=name, mend=f"choose one of {', '.join(TABLES)}")
        frame = library.district(name).tables[table]
        return {"total": len(frame), "rows": table_rows(library.district(name), table, offset, limit)}

    @routes.get("/districts/{name}/objects/{object_id:path}")
    def get_object(name: str, object_id: str) -> dict[str, Any]:
        """One object: its table, its row and its geometry as GeoJSON in the district's CRS."""
        return object_row(library.district(name), object_id)

    @routes.get("/districts/{name}/ways-in/{courtyard_id:path}")
    def list_ways_in(name: str, courtyard_id: str) -> list[dict[str, Any]]:
        """All ways into a courtyard, the most usable first."""
        from dataclasses import asdict

        from twin.places.access import ways_in
        return [plain(asdict(way)) for way in ways_in(library.district(name), courtyard_id)]

    @routes.get("/districts/{name}/sheets/{courtyard_id:path}", response_class=HTMLResponse)
    def get_sheet(name: str, courtyard_id: str, language: str = "en") -> HTMLResponse:
        """The printable courtyard sheet."""
        from twin.places.sheet import courtyard_sheet
        return HTMLResponse(courtyard_sheet(library.district(name), courtyard_id,
                                            language="zh" if language == "zh" else "en"))

    return routes


def _scenario_routes(library: Library) -> APIRouter:
    routes = APIRouter(tags=["scenarios"])

    @routes.get("/scenarios")
    def list_scenarios() -> list[str]:
        """Names of the scenarios."""
        return library.scenarios()

    @routes.get("/scenarios/{name}")
    def get_scenario(name: str) -> Scenario:
        """A scenario with every default filled in."""
        return library.scenario(name)

    @routes.get("/scenarios/{name}/layouts/{layout}")
    def get_layout(name: str, layout: str) -> Layout:
        """One layout of a scenario."""
        from sim.layout import chosen
        return chosen(library.scenario(name), layout)

    @routes.put("/scenarios/{name}/layouts/{layout}")
    def put_layout(name: str, layout: str, body: Layout) -> Layout:
        """Save a layout in the scenario file; the whole file is validated before anything is written."""
        library.save_layout(name, layout, body)
        return body

    @routes.get("/scenarios/{name}/layouts/{layout}/problems")
    def list_problems(name: str, layout: str) -> list[str]:
        """What cannot work in a layout, one sentence each."""
        from sim.site import problems
        scenario = library.scenario(name)
        return problems(library.district(library.district_name(scenario)), scenario, layout)

    @routes.get("/scenarios/{name}/layouts/{layout}/takes")
    def get_takes(name: str, layout: str) -> dict[str, float]:
        """What a layout needs: metres of barrier and fence, gates, lanes, posts, staff and staff-hours."""
        from sim.layout import takes
        scenario = library.scenario(name)
        return takes(library.district(library.district_name(scenario)), scenario, layout)

    return routes


def _run_routes(library: Library) -> APIRouter:
    routes = APIRouter(tags=["runs"])

    @routes.get("/runs")
    def list_runs() -> list[RunLine]:
        """Finished runs, newest first."""
        return [RunLine(name=e.name, scenario=e.scenario, layout=e.layout, seeds=e.seeds, wall_s=e.wall_s)
                for e in library.runs()]

    @routes.get("/runs/{name}")
    def get_run(name: str) -> dict[str, Any]:
        """What ``run.json`` holds: versions, seeds, host, timing, what the layout takes."""
        return library.run(name).info

    @routes.get("/runs/{name}/metrics")
    def get_metrics(name: str) -> dict[str, Any]:
        """Every measure with its mean, 95 % interval, unit and label, and its value in each replication."""
        run = library.run(name)
        per_run = run.metrics.set_index("seed")
        out = {}
        for key, values in intervals(run).items():
            out[key] = values | {"label": run.measure(key).label(), "label_zh": run.measure(key).label("zh"),
                                 "by_seed": plain(per_run[key].to_dict())}
        return out

    @routes.get("/runs/{name}/series")
    def get_series(
        name: str, seed: int | None = None, every_s: Annotated[int, Query(ge=1, le=3600)] = 10
    ) -> dict[str, Any]:
        """People inside, waiting and queueing and the highest density over time, as columns."""
        run = library.run(name)
        seed = run.seeds[0] if seed is None else seed
        rows = run.series[(run.series["seed"] == seed) & (run.series["time_s"] % every_s == 0)]
        return plain({column: rows[column].tolist() for column in rows.columns if column != "seed"})

    @routes.get("/runs/{name}/events")
    def get_events(name: str, seed: int | None = None) -> list[dict[str, Any]]:
        """Events in order of time."""
        run = library.run(name)
        rows = run.events if seed is None else run.events[run.events["seed"] == seed]
        return plain(rows.to_dict("records"))

    @routes.get("/runs/{name}/people")
    def get_people(name: str, t: float, seed: int | None = None, limit: Limit = 1000) -> dict[str, Any]:
        """The simulated people on the ground at a time: id, local x and y [m], speed [m/s], state."""
        frame = library.run(name).frames(seed).at(t)
        columns = zip(frame.ids[:limit].tolist(), frame.xy[:limit].tolist(), frame.speed[:limit].tolist(),
                      frame.state[:limit].tolist(), strict=True)
        return {"time_s": frame.time_s, "total": len(frame.ids), "rows": [
            {"id": i, "x": round(x, 2), "y": round(y, 2), "speed": round(v, 2), "state": STATES[s]}
            for i, (x, y), v, s in columns]}

    @routes.get("/runs/{name}/maps")
    def describe_maps(name: str, seed: int | None = None) -> dict[str, Any]:
        """Where the maps lie: local origin [m], cell [m], shape, and the range of each."""
        run = library.run(name)
        maps = run.maps(_known_seed(run.seeds, seed))
        return {"origin": (maps["origin"] - np.array(run.origin)).tolist(), "cell": float(maps["cell"]),
                "shape": list(maps["density_max"].shape),
                "ranges": {key: _range(maps[key]) for key in MAPS if key in maps}}

    @routes.get("/runs/{name}/maps/{which}", response_class=Response)
    def get_map(name: str, which: str, request: Request, seed: int | None = None, minus: str | None = None) -> Response:
        """One map as float32, rows from the south; ``minus`` names a run that is subtracted, cell by cell."""
        if which not in MAPS:
            raise BadInput(f"there is no map {which!r}", mend=f"choose one of {', '.join(MAPS)}")
        run = library.run(name)
        values = run.maps(_known_seed(run.seeds, seed))[which]
        if minus is not None:
            from viz.rows import map_difference
            values = map_difference(run, library.run(minus), which)
        return binary(np.ascontiguousarray(values, "<f4").tobytes(), request)

    @routes.get("/compare")
    def compare_runs(a: str, b: str, language: str = "en") -> dict[str, Any]:
        """Two runs, replications paired by seed: every measure with its difference (B - A) and 95 % interval."""
        comparison = compare(library.run(a), library.run(b))
        return plain(comparison.to_dict() | {"sentence": comparison.sentence(language)})

    @routes.get("/compare/page", response_class=HTMLResponse)
    def compare_page(a: str, b: str, language: str = "en") -> HTMLResponse:
        """The comparison as a printable page."""
        return HTMLResponse(compare(library.run(a), library.run(b)).to_html(language))

    return routes


def _rehearsal_routes(library: Library, jobs: Jobs) -> APIRouter:
    routes = APIRouter(tags=["rehearsals"])

    @routes.get("/rehearsals")
    def list_rehearsals() -> list[dict[str, Any]]:
        """Rehearsals that were started here, newest first."""
        return [job.to_dict() for job in jobs.all()]

    @routes.post("/rehearsals", status_code=202)
    def start_rehearsal(order: RehearsalOrder) -> dict[str, Any]:
        """Start a rehearsal in the background."""
        return order_rehearsal(library, jobs, order).to_dict()

    @routes.get("/rehearsals/{number}")
    def get_rehearsal(number: int) -> dict[str, Any]:
        """State, share that is done and seconds left."""
        return jobs.job(number).to_dict()

    @routes.delete("/rehearsals/{number}")
    async def cancel_rehearsal(number: int) -> dict[str, Any]:
        """Cancel it; what it had written is removed."""
        return (await asyncio.to_thread(jobs.cancel, number)).to_dict()

    return routes


def order_rehearsal(library: Library, jobs: Jobs, wanted: RehearsalOrder) -> Job:
    """Check that the scenario and layout exist and the name is free, and start the job."""
    from sim.layout import chosen
    scenario = library.scenario(wanted.scenario)
    chosen(scenario, wanted.layout)
    name = wanted.name or library.new_run_name(wanted.scenario, wanted.layout)
    if (library.runs_folder / name).exists():
        raise BadInput(f"the run {name!r} is there already", mend="give it another name")
    taken = {job.run for job in jobs.all() if job.state in ("waiting", "running")}
    if name in taken:
        if wanted.name:
            raise BadInput(f"the run {name!r} is being made", mend="give it another name, or wait")
        name = next(f"{name}-{k}" for k in range(2, 10_000) if f"{name}-{k}" not in taken
                    and not (library.runs_folder / f"{name}-{k}").exists())
    return jobs.start(Order(
        scenario=str(library.scenario_path(wanted.scenario)), layout=wanted.layout,
        out=str(library.runs_folder / name), replications=wanted.replications, seed=wanted.seed,
        workers=min(os.cpu_count() or 1, wanted.replications)))


def _known_seed(seeds: list[int], seed: int | None) -> int | None:
    if seed is not None and seed not in seeds:
        raise BadInput(f"seed {seed} was not rehearsed", mend=f"choose one of {', '.join(map(str, seeds))}")
    return seed


def _range(values: np.ndarray) -> list[float] | None:
    known = values[np.isfinite(values)]
    return [float(known.min()), float(known.max())] if len(known) else None


def binary(data: bytes, request: Request) -> Response:
    """Bytes for the browser; those that are gzipped already are passed on as such, where it takes that."""
    import gzip
    headers = {"Cache-Control": "no-cache"}
    if data[:2] == b"\x1f\x8b":
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            data = gzip.decompress(data)
    return Response(data, media_type="application/octet-stream", headers=headers)


def plain(value: Any) -> Any:
    """Numbers, texts and lists that JSON can hold; what is not known becomes null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, pd.Timestamp):
        return None if pd.isna(value) else value.isoformat()
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value


__all__ = ["RehearsalOrder", "add_api", "binary", "order_rehearsal", "plain"]
