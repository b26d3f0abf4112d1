"""The printed report: layouts with maps, stills, intervals, assumptions, verification and run card, in one file."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sim.measures import readable
from sim.place import district_of
from sim.run import Run
from sim.study.folder import Study
from twin.errors import BadInput, HutongError, Unavailable
from twin.places import District
from viz.report import charts, contents, maps, verification
from viz.report.printing import to_pdf
from viz.report.words import LANGUAGES, text

STILL = (1000, 562)
SIDE_BY_SIDE = 2
"""Pictures that are drawn at the same time, each by a process of its own."""


def runs_of(paths: list[Path]) -> tuple[list[Run], list[dict[str, Any]], list[str]]:
    """The runs in folders of runs and studies; of a study that searched also the points that it tried, and its ends."""
    runs: list[Run] = []
    points: list[dict[str, Any]] = []
    ends: list[str] = []
    for path in paths:
        if (path / "study.yaml").is_file():
            study = Study(path)
            found = study.about.get("search")
            names = found["shown"] if found else study.layouts
            runs += [study.run_of(name) for name in names if study.seeds(name)]
            if found:
                points, ends = found["points"], found["ends"]
        else:
            runs.append(Run(path))
    return runs, points, ends


def report(paths: list[Path], *, language: str = "en", stills: bool = True, verified: Path | None = None,
           on_progress: Callable[[float], None] | None = None) -> str:
    """The report of runs and studies as one HTML page that needs nothing else.

    Raises :class:`BadInput` where the runs do not belong together (another scenario, or another engine).
    """
    if language not in LANGUAGES:
        raise BadInput(f"the language {language!r} is unknown", mend="say en or zh")
    runs, points, ends = runs_of(paths)
    comparisons = contents.require_layouts(runs)
    tests = verification.find(verified)
    names = contents.names_of(runs)
    district = district_of(runs[0].scenario)
    frame = maps.frame_of(district, runs)
    pictures = _stills(district, runs, frame, language, on_progress) if stills else []
    layouts = [{"name": name, "title": run.layout.title,
                "layout": Markup(maps.map_of(district, run, frame, f"{name}: {text('map_layout', language)}", density=False)),
                "density": Markup(maps.map_of(district, run, frame, f"{name}: {text('map_density', language)}", density=True)),
                "still": pictures[k] if stills else None} for k, (name, run) in enumerate(zip(names, runs, strict=True))]
    labels = {end: runs[0].measure(end).label(language) if end not in runs[0].info["takes"] else text(f"takes.{end}", language)
              for end in ends}
    counts = [sum(test.status == status for test in tests) for status in ("pass", "fail", "not applicable")]
    return _page().render(
        language=language, say=lambda key, **values: text(key, language, **values), title=runs[0].title, names=names,
        pairs=min(len(run.seeds) for run in runs), findings=contents.findings(comparisons, names, language),
        takes=contents.takes_lines(runs, language), measures=contents.measure_lines(runs, comparisons, language),
        tables=contents.in_columns(len(runs)), judged=max((sum(r.p is not None for r in c.rows) for c in comparisons), default=0),
        comparisons=list(zip(names[1:], comparisons, strict=True)), ground=Markup(maps.ground_symbol(district, frame)),
        layouts=layouts, levels=list(zip("ABCDEF", maps.LEVELS, strict=True)),
        chart=Markup(charts.waiting(runs, names, text("minutes", language), text("persons", language))),
        front=Markup(charts.front(points, ends, labels)) if points else "", streams=contents.streams(runs[0].scenario),
        assumptions=contents.assumptions(runs, language), tests=tests, counts=counts, cards=[contents.card(run) for run in runs],
        scenario=runs[0].scenario, number=readable)


def write(paths: list[Path], out: Path, *, language: str = "en", stills: bool = True, verified: Path | None = None,
          on_progress: Callable[[float], None] | None = None) -> None:
    """Write the report as ``.html`` or ``.pdf``, whole or not at all."""
    if out.suffix not in (".html", ".pdf"):
        raise BadInput("a report is written as .html or .pdf", where=str(out), mend="give -o a name that ends so")
    page = report(paths, language=language, stills=stills, verified=verified, on_progress=on_progress)
    if out.suffix == ".pdf":
        to_pdf(page, out)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.draft")
    draft.write_text(page, encoding="utf-8")
    draft.replace(out)


def _page() -> Any:
    return Environment(autoescape=True, loader=PackageLoader("viz", "report"), trim_blocks=True,
                       lstrip_blocks=True).get_template("report.html.j2")


def _stills(district: District, runs: list[Run], frame: maps.Frame, language: str,
            on_progress: Callable[[float], None] | None) -> list[dict[str, str]]:
    """A picture of each run at its densest moment, or why there is none."""
    finished = 0

    def draw(run: Run) -> dict[str, str]:
        nonlocal finished
        try:
            return _still(district, run, frame, language)
        except HutongError as error:
            return {"why": text("no_still", language, reason=str(error))}
        finally:
            finished += 1
            if on_progress is not None:
                on_progress(finished / len(runs))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(draw, runs))


def _still(district: District, run: Run, frame: maps.Frame, language: str) -> dict[str, str]:
    from PIL import Image

    from viz.stills import still
    seed = next((s for s in run.seeds if (run.path / "frames" / f"{s}.parquet").is_file()), None)
    if seed is None:
        raise Unavailable(text("no_frames", language))
    series = run.series[run.series["seed"] == seed]
    moment = float(series["time_s"].to_numpy()[int(np.argmax(series["density_max"].to_numpy()))])
    image = still(district, run, moment, _camera(frame), size=STILL, seed=seed)
    file = io.BytesIO()
    Image.fromarray(image).convert("RGB").save(file, format="JPEG", quality=84, optimize=True)
    clock = int(run.start_of_day_s + moment)
    return {"src": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode(),
            "about": text("still", language, clock=f"{clock // 3600 % 24:02d}:{clock // 60 % 60:02d}", seed=seed)}


def _camera(frame: maps.Frame) -> dict[str, Any]:
    """From the south-west onto the middle of what the maps show, far enough to see most of it."""
    x, y = (frame.west + frame.east) / 2, (frame.south + frame.north) / 2
    away = 0.95 * max(frame.width, frame.height * 1.3)
    heading, tilt = math.radians(248.0), math.radians(34.0)
    return {"position": (x + away * math.cos(tilt) * math.cos(heading), y + away * math.cos(tilt) * math.sin(heading),
                         away * math.sin(tilt)), "target": (x, y, 0.0), "fov_deg": 32.0}


__all__ = ["report", "runs_of", "write"]
