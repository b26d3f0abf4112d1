"""Compare: two runs side by side under one camera, and the evidence for which is better."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import dash
import dash_mantine_components as dmc
from dash import Input, Output, dcc, html, no_update

from sim.measures import readable
from sim.study import Row
from sim.study import compare as compare_runs
from viz import shown, words
from viz.callbacks import answers
from viz.heat import RAMPS, UNITS, heat
from viz.jobs import Jobs
from viz.library import Library
from viz.pages import legend, panels, timeline
from viz.words import say

VIEWS = {"people": "view.people", "map": "view.map", "difference": "view.difference"}
MAPS = {"fruin": "map.fruin", "density_max": "map.density_max", "density_mean": "map.density_mean",
        "pressure_max": "map.pressure_max", "travel_time": "map.travel_time"}
CHOICES = {("compare-view", "data"): VIEWS, ("compare-map", "data"): MAPS}
SCENES = ("compare-scene-a", "compare-scene-b")
_COLUMNS = ["measure", "a", "b", "difference", "interval", "better"]


def layout(library: Library, asked: dict[str, str], language: str) -> html.Div:
    """The page; ``?a=`` and ``?b=`` choose the runs."""
    entries = library.runs()
    names = [entry.name for entry in entries]
    if len(names) < 2:
        return html.Main(
            panels.empty("compare.none", dcc.Link(say("nav.rehearse"), href="/rehearse", className="linkbutton")),
            className="alone",
            id="scene-main",
        )
    newest = entries[0]
    ordered = list(dict.fromkeys([e.name for e in entries if e.scenario == newest.scenario] + names))
    second, first = ordered[:2]  # the older of the two newest is A
    a = asked["a"] if asked.get("a") in names else first
    scenario = next(entry.scenario for entry in entries if entry.name == a)
    others = [e.name for e in entries if e.name != a and e.scenario == scenario] + [n for n in names if n != a]
    b = asked["b"] if asked.get("b") in names else (second if a == first else others[0])
    left = [
        panels.section(
            "compare.runs",
            html.Div(
                [
                    dmc.Select(id="compare-a", data=names, value=a, label="A", allowDeselect=False),
                    dmc.Select(id="compare-b", data=names, value=b, label="B", allowDeselect=False),
                ],
                className="stack",
            ),
        ),
        panels.section(
            "compare.view",
            dmc.SegmentedControl(
                id="compare-view",
                data=words.options(VIEWS, language),
                value="people",
                fullWidth=True,
                orientation="vertical",
                size="xs",
            ),
        ),
        panels.section(
            "playback.map",
            dmc.Select(
                id="compare-map",
                data=words.options(MAPS, language),
                value="density_max",
                allowDeselect=False,
                **words.marks(label="playback.map"),
            ),
        ),
        panels.section("compare.takes", html.Div(id="compare-takes")),
    ]
    pair = html.Div([_half("a"), _half("b")], className="pair", id="compare-pair")
    right = [panels.section("compare.says", html.P(id="compare-sentence", className="headline", role="status"),
                            html.P(id="compare-about", className="note"), html.P(id="compare-link", className="note")),
             html.Div(panels.table("compare-table", []), style={"height": "calc(100% - 150px)", "minHeight": "320px"})]
    return panels.page("compare", left=left, middle=[pair, html.Div(id="compare-band", className="overlay band"),
                                                     html.Div(id="compare-legend", className="overlay legend")],
                       right=right, bottom=[timeline.timeline("compare", curves=False)])


def _half(side: str) -> html.Div:
    return html.Div([panels.scene(f"compare-scene-{side}", linkedTo="compare", overlays=[], enableEvents=["click"],
                                  playhead={"t": 0, "rate": 5, "playing": False}),
                     html.Div(id=f"compare-plate-{side}", className="overlay plate")])


def register(app: dash.Dash, library: Library, _jobs: Jobs) -> None:
    """Callbacks of the page."""
    timeline.register_timeline(app, "compare", list(SCENES), curves=False)
    for side in ("a", "b"):
        _one_run(app, library, side)
    _maps(app, library)

    @answers(
        app,
        Output("compare-facts", "data"),
        Output("compare-marks", "children"),
        Output("compare-band", "children"),
        Input("compare-a", "value"),
        Input("compare-b", "value"),
    )
    def time(a: str, b: str) -> Any:
        runs = [library.run(a), library.run(b)]
        seed = _common_seed(runs[0].seeds, runs[1].seeds)
        told = timeline.facts(runs[0], runs[0].seeds[0] if seed is None else seed)
        told["duration"] = max(
            told["duration"], timeline.facts(runs[1], runs[1].seeds[0] if seed is None else seed)["duration"]
        )
        shown = [
            html.B(say("band.simulated")),
            html.Span(runs[0].title, className="grow"),
        ]
        return (
            {key: told[key] for key in ("duration", "day_s")},
            timeline.marks("compare", runs[0], runs[0].seeds[0]),
            shown,
        )

    @answers(
        app,
        Output("compare-sentence", "children"),
        Output("compare-about", "children"),
        Output("compare-table", "rowData"),
        Output("compare-table", "columnDefs"),
        Output("compare-takes", "children"),
        Output("compare-link", "children"),
        Input("compare-a", "value"),
        Input("compare-b", "value"),
        Input("language", "data"),
    )
    def evidence(a: str, b: str, language: str) -> Any:
        comparison = compare_runs(library.run(a), library.run(b))
        better = {"A": "A", "B": "B", None: ""}
        rows = [
            {
                "id": row.key,
                "measure": _named(row, language),
                "a": row.mean_a,
                "b": row.mean_b,
                "difference": row.difference,
                "interval": interval(row.low, row.high),
                "better": better[row.better]
                or (words.text("compare.same", language) if row.low is not None and not row.real else ""),
                "real": row.real,
            }
            for row in comparison.rows
        ]
        number = {
            "valueFormatter": {
                "function": "params.value == null ? '–' : "
                "d3.format(Math.abs(params.value) >= 100 ? ',.0f' : '.3~g')(params.value)"
            },
            "type": "rightAligned",
            "width": 62,
            "suppressHeaderFilterButton": True,
        }
        heads = panels.columns(
            _COLUMNS,
            language,
            measure={
                "flex": 1,
                "minWidth": 170,
                "wrapText": True,
                "autoHeight": True,
                "cellClassRules": {"real": "params.data.real"},
            },
            a=number,
            b=number,
            difference=number | {"width": 68},
            interval={"width": 116, "suppressHeaderFilterButton": True},
            better={"width": 72, "suppressHeaderFilterButton": True, "cellClassRules": {"real": "params.data.real"}},
        )
        needs = panels.facts([(say(f"takes.{key}"), f"{x:g}  →  {y:g}" if x != y else f"{x:g}")
                              for key, (x, y) in comparison.takes.items()])
        page = f"/api/compare/page?{urlencode({'a': a, 'b': b, 'language': language})}"
        return (comparison.sentence(language), say("compare.pairs", n=len(comparison.seeds)), rows, heads, needs,
                html.A(say("compare.page"), href=page, target="_blank"))


def _one_run(app: dash.Dash, library: Library, side: str) -> None:
    other = "b" if side == "a" else "a"

    @answers(
        app,
        Output(f"compare-scene-{side}", "sceneUrl"),
        Output(f"compare-scene-{side}", "streamUrl"),
        Output(f"compare-scene-{side}", "overlays"),
        Output(f"compare-scene-{side}", "setView"),
        Output(f"compare-plate-{side}", "children"),
        Input(f"compare-{side}", "value"),
        Input(f"compare-{other}", "value"),
    )
    def show(name: str, beside: str) -> Any:
        run = library.run(name)
        seed = _common_seed(run.seeds, library.run(beside).seeds)
        kept = [s for s in run.seeds if (run.path / "frames" / f"{s}.parquet").is_file()]
        if seed not in kept:
            seed = kept[0] if kept else None
        district_name = library.run_district(run)
        drawn = shown.overlays(library.district(district_name), run)
        stream = no_update if seed is None else f"/ws/run/{quote(name)}?seed={seed}"
        return (f"/api/districts/{quote(district_name)}/scene", stream, drawn,
                # The two scenes share one camera: one of them sets it.
                (shown.view(run, drawn) or no_update) if side == "a" else no_update,
                [html.B(side.upper()), " · ".join(filter(None, [run.layout_name, name]))])


def _common_seed(a: list[int], b: list[int]) -> int | None:
    return next((seed for seed in a if seed in b), None)


def _maps(app: dash.Dash, library: Library) -> None:
    @answers(
        app,
        Output("compare-scene-a", "heat"),
        Output("compare-scene-b", "heat"),
        Output("compare-legend", "children"),
        Output("compare-pair", "className"),
        Output("compare-scene-a", "visible"),
        Output("compare-scene-b", "visible"),
        Input("compare-view", "value"),
        Input("compare-map", "value"),
        Input("compare-a", "value"),
        Input("compare-b", "value"),
    )
    def show(view: str, which: str, a: str, b: str) -> Any:
        people = {"people": view == "people"}
        if view == "people":
            return None, None, legend.people("speed"), "pair", people, people
        left, right = library.run(a), library.run(b)
        if view == "difference":
            key = "density_max" if which == "fruin" else which
            shown = heat(right, key, minus=left)
            top = shown["range"][1]
            scale = legend.ramp("legend.difference", "diverging", f"−{top:g}", f"+{top:g} {UNITS[key]}", "0")
            return shown, None, [html.Div(say(f"map.{key}"), className="note"), scale], "pair single", people, people
        maps = [heat(run, which) for run in (left, right)]
        top = max(m["range"][1] for m in maps)
        for one in maps:
            one["range"] = [0.0, top]
        scale = legend.fruin("map.fruin") if which == "fruin" else legend.ramp(
            f"map.{which}", RAMPS[which], "0", f"{top:g} {UNITS[which]}")
        return maps[0], maps[1], scale, "pair", people, people


def _named(row: Row, language: str) -> str:
    """A measure with its unit."""
    unit = words.either(f"unit.{row.unit}", row.unit, language)
    return f"{row.label_zh if language == 'zh' else row.label} [{unit}]"


def interval(low: float | None, high: float | None) -> str:
    """A 95 % interval with three figures."""
    if low is None or high is None:
        return "–"
    return f"{readable(low)} … {readable(high)}"


