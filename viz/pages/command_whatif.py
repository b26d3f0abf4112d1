"""What if from now: a rehearsal that begins with the live state of this minute, shown beside the live picture."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import dash
import dash_mantine_components as dmc
import numpy as np
import shapely
import shapely.affinity
from dash import ALL, Input, Output, State, dcc, html, no_update

from sim.now import REACH, CaseNow, Count, Now, UnitNow, scenario_from, view
from sim.run import Run
from sim.scenario_file import dump
from sim.where import area
from twin.errors import BadInput
from twin.guard import Permission
from viz import words
from viz.callbacks import answers
from viz.jobs import Jobs, Order
from viz.library import Library
from viz.live.picture import Picture
from viz.live.rights import asker
from viz.live.twin import Live
from viz.pages import panels
from viz.pages.command_acts import require
from viz.pages.command_view import Places
from viz.words import say

LOOKS = {"live": "command.look.live", "beside": "command.look.beside", "simulated": "command.look.simulated"}
KEPT_SCENARIOS = ".from-now"
STEP_S = 10
_KINDS = {"medic": "medic", "patrol": "police", "guard": "police", "traffic": "police"}
_CASE_KINDS = {"medical": "medic", "lost_child": "steward", "suspicious_object": "police"}
MOST_CASES = 20
IN_RUN = 0.9
"""A camera's count can be read off a run that rehearses so much of the ground that it sees [share]."""


def button() -> html.Div:
    """The button in the band, and how far the rehearsal is."""
    begin = html.Button(
        say("command.whatif"),
        id="command-whatif-quick",
        type="button",
        className="bandbutton",
        **words.marks(title="command.whatif.title"),
    )
    return html.Div([html.Div(id="command-whatif-state", className="whatif", role="status"), begin], className="row")


def section(language: str) -> html.Section:
    """How far ahead, and what is shown of it."""
    return panels.section(
        "command.whatif",
        html.Div(
            [
                dmc.NumberInput(
                    id="command-whatif-min",
                    value=15,
                    min=1,
                    max=120,
                    size="xs",
                    w=92,
                    suffix=" min",
                    **words.marks(label="command.whatif.minutes"),
                ),
                dmc.Button(say("command.whatif.start"), id="command-whatif-start", size="xs"),
            ],
            className="row",
        ),
        html.Div(
            [
                dmc.SegmentedControl(
                    id="command-look", data=words.options(LOOKS, language), value="live", size="xs", fullWidth=True
                ),
                html.Div([html.Span(say("command.lead")), html.B(id="command-lead-said")], className="spark-name"),
                dmc.Slider(
                    id="command-lead",
                    value=0,
                    min=0,
                    max=15,
                    step=0.5,
                    label=None,
                    size="sm",
                    updatemode="drag",
                    **words.marks(label="command.lead"),
                ),
            ],
            id="command-whatif-look",
            className="stack",
            hidden=True,
        ),
        dcc.Store(id="command-job"),
        dcc.Store(id="command-run"),
        dcc.Store(id="command-sim-facts"),
        dcc.Interval(id="command-job-tick", interval=1000, disabled=True),
    )


def running(number: int, share: float, left: str) -> html.Div:
    """A bar, the time left, and how to cancel."""
    bar = html.Progress(value=f"{share:.3f}", max="1", **{"aria-label": words.text("command.whatif")})
    cancel = html.Button(say("job.cancel"), id={"cancel-from-now": number}, type="button", className="bandbutton")
    return html.Div([bar, say("command.whatif.running", share=f"{100 * share:.0f}", left=left), cancel], className="row")


def now_of(live: Live, picture: Picture, places: Places) -> Now:
    """What of a picture a rehearsal begins with."""
    x0, y0 = live.origin
    counts = [
        Count(camera.id, int(camera.value["people_count"]), (at[0] + x0, at[1] + y0))
        for camera in picture.crowds
        if camera.value.get("people_count") is not None
        and not camera.stale(picture.at_s)
        and (at := places.of(camera)) is not None
    ]
    units = [
        UnitNow(u.id, (u.x + x0, u.y + y0), _KINDS.get(str(u.value.get("unit")), "steward"))  # type: ignore[arg-type]
        for u in picture.on_shift
        if u.x is not None and u.y is not None
    ]
    cases = [
        CaseNow(case.id, case.place, _CASE_KINDS.get(case.type, "police"))  # type: ignore[arg-type]
        for case in picture.open_cases
        if case.place is not None and case.type in _CASE_KINDS and case.state.value == "reported"
    ][:MOST_CASES]
    moment = datetime.fromtimestamp(picture.at_s, UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    return Now(moment.replace(microsecond=0), counts, units, {p.id: str(p.value.get("state")) for p in picture.parts}, cases)


def start(
    live: Live, library: Library, jobs: Jobs, picture: Picture, places: Places, minutes: float, chosen: str | None = None
) -> int:
    """Begin a rehearsal in the background; returns the number of its job."""
    layout = None
    if chosen and chosen != "none":
        scenario, name = chosen.split("/", 1)
        layout = library.scenario(scenario).layouts[name]
    moment = datetime.fromtimestamp(picture.at_s, UTC)
    made = scenario_from(
        now_of(live, picture, places),
        live.district,
        live.place,
        minutes=minutes,
        layout=layout,
        name=f"from-now-{moment:%Y%m%d-%H%M%S}",
    )
    folder = library.runs_folder / KEPT_SCENARIOS
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{made.name}.yaml"
    file.write_text(dump(made), encoding="utf-8")
    out = library.runs_folder / library.new_run_name(made.name, "now")
    return jobs.start(Order(str(file), "now", str(out))).id


def register(app: dash.Dash, library: Library, jobs: Jobs, live: Live) -> None:
    """Callbacks of the rehearsal from now."""
    places = Places(live.district)
    live.runs_folder = library.runs_folder

    @answers(
        app,
        Output("command-job", "data"),
        Output("command-job-tick", "disabled", allow_duplicate=True),
        Output("command-whatif-state", "children", allow_duplicate=True),
        Input("command-whatif-start", "n_clicks"),
        Input("command-whatif-quick", "n_clicks"),
        State("command-whatif-min", "value"),
        State("command-zones", "value"),
        State("command-time", "data"),
        prevent_initial_call=True,
    )
    def begin(
        clicks: int | None, quick: int | None, minutes: float | str | None, zones: str | None, shown: dict[str, Any]
    ) -> Any:
        if not clicks and not quick:
            return no_update, no_update, no_update
        from viz.pages.command import seen

        who = asker(live)
        require(who, Permission.REHEARSE)
        if not isinstance(minutes, int | float):
            raise BadInput("the rehearsal needs a length", mend="give minutes")
        number = start(live, library, jobs, seen(live, who, shown.get("at")), places, float(minutes), zones)
        return number, False, say("command.whatif.waiting")

    @answers(
        app,
        Output("command-whatif-state", "children"),
        Output("command-run", "data"),
        Output("command-job-tick", "disabled"),
        Output("command-look", "value"),
        Input("command-job-tick", "n_intervals"),
        State("command-job", "data"),
        prevent_initial_call=True,
    )
    def follow(_n: int | None, number: int | None) -> Any:
        if number is None:
            return no_update, no_update, True, no_update
        job = jobs.job(number)
        if job.state in ("waiting", "running"):
            left = "" if job.left_s is None else f"{job.left_s:.0f} s"
            return running(number, job.share, left), no_update, False, no_update
        if job.state == "done":
            people_in_view(live, job.run)
            return say("command.whatif.done"), job.run, True, "beside"
        return html.Span(job.error or say("command.whatif.stopped"), className="error"), no_update, True, no_update

    @answers(
        app,
        Output("command-job-tick", "disabled", allow_duplicate=True),
        Input({"cancel-from-now": ALL}, "n_clicks"),
        State("command-job", "data"),
        prevent_initial_call=True,
    )
    def cancel(clicks: list[int | None], number: int | None) -> Any:
        if not any(clicks) or number is None:
            return no_update
        require(asker(live), Permission.REHEARSE)
        jobs.cancel(number)
        return False

    @answers(
        app,
        Output("command-second", "children"),
        Output("command-whatif-look", "hidden"),
        Output("command-lead", "max"),
        Output("command-sim-facts", "data"),
        Input("command-run", "data"),
    )
    def second(run: str | None) -> Any:
        if not run:
            return None, True, no_update, None
        made = library.run(run)
        scene = panels.scene(
            "command-simulated",
            label="command.look.simulated",
            linkedTo="command",
            enableEvents=[],
            sceneUrl=f"/api/districts/{quote(live.name)}/scene",
            streamUrl=f"/ws/run/{quote(run)}?seed={made.seeds[0]}",
            colorBy="density",
        )
        facts = {"start": made.scenario.start.timestamp(), "duration": made.scenario.duration_s}
        band = html.Div(
            [
                html.B(say("band.simulated")),
                html.Span(made.scenario.title, className="grow"),
                html.Span(id="command-sim-clock"),
                dcc.Link(say("command.whatif.open"), href=f"/playback?run={quote(run)}"),
            ],
            className="overlay band",
        )
        return [scene, band], False, made.scenario.duration_s / 60, facts

    app.clientside_callback(
        "(look, run) => run && look !== 'live' ? (look === 'simulated' ? 'pair second-only' : 'pair') : 'pair single'",
        Output("command-pair", "className"),
        Input("command-look", "value"),
        Input("command-run", "data"),
    )
    # Not outputs: the second scene is there only once something was rehearsed.
    app.clientside_callback(
        "(facts, lead, time, language, theme) => hutong.command.simulated(facts, lead, language, theme)",
        Output("command-lead-said", "children"),
        Input("command-sim-facts", "data"),
        Input("command-lead", "value"),
        Input("command-time", "data"),
        Input("language", "data"),
        Input("theme", "data"),
    )


def people_in_view(live: Live, run: str, camera: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What the cameras would count in a rehearsal: times (n,) [s since 1970] and people (n,), of one camera or of all.

    Nothing (0,) for a camera whose ground is not in the rehearsal: that nobody was rehearsed there does not say that nobody
    would be there.
    """
    folder, none = live.runs_folder, np.zeros(0)
    if folder is None or not (folder / run / "run.json").is_file():
        return none, none
    t, counts = _counted(str(folder / run), live)
    if camera is not None:
        return (t, counts[camera]) if camera in counts else (none, none)
    return t, np.sum(list(counts.values()), axis=0) if counts else np.zeros(len(t))


def _grounds(run: Run, live: Live) -> dict[str, shapely.Geometry]:
    """The ground (local metres) that each reporting camera sees, of those whose ground the run rehearses."""
    rehearsed = None if run.scenario.area is None else area(live.district, run.scenario.area, "area")
    places, (x0, y0) = Places(live.district), live.origin
    found = {}
    for camera in live.picture().crowds:
        at = places.of(camera)
        if at is None or (rehearsed is not None and rehearsed.distance(shapely.Point(at)) > REACH):
            continue
        seen = view(live.district, Count(camera.id, 0, (at[0] + x0, at[1] + y0)))
        if seen is None:
            continue
        ground = shapely.affinity.translate(seen, -x0, -y0)
        if rehearsed is None or rehearsed.intersection(ground).area > IN_RUN * ground.area:
            found[camera.id] = ground
    return found


@lru_cache(maxsize=8)
def _counted(path: str, live: Live) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """People in every measured area of a run, and on the ground of every other camera, every ten seconds."""
    run = Run(path)
    frames = run.frames(run.seeds[0])
    times = np.arange(0, run.scenario.duration_s + 1, STEP_S, dtype=float)
    areas = {name: area(live.district, ref, f"area {name}") for name, ref in run.scenario.measure.areas.items()}
    areas |= {name: ground for name, ground in _grounds(run, live).items() if name not in areas}
    counts = {name: np.zeros(len(times)) for name in areas}
    for shape in areas.values():
        shapely.prepare(shape)
    for k, t in enumerate(times):
        xy = frames.at(t).xy
        for name, shape in areas.items():
            west, south, east, north = shape.bounds
            near = xy[(xy[:, 0] >= west) & (xy[:, 0] <= east) & (xy[:, 1] >= south) & (xy[:, 1] <= north)]
            counts[name][k] = shapely.contains_xy(shape, near[:, 0], near[:, 1]).sum() if len(near) else 0
    return run.scenario.start.timestamp() + times, counts


__all__ = ["LOOKS", "button", "now_of", "people_in_view", "register", "section", "start"]
