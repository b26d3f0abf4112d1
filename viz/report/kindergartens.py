"""The report on kindergartens: children of 0-3 over the next years as a heat map with intervals, sites, and the backtest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from twin.people import (
    Assumptions,
    Backtest,
    ChildrenForecast,
    Gate,
    Population,
    SitePlan,
    forecast_children,
    plan_sites,
    try_forecast,
)
from twin.places import District
from viz import words

WIDTH = 720
LOW, HIGH = np.array([247, 236, 211]), np.array([140, 45, 20])
HIDDEN = "#b9b6b0"


@dataclass(frozen=True)
class Kindergartens:
    """What the report says: the forecast, the sites by both goals, and how the forecast did on the past."""

    forecast: ChildrenForecast
    median: SitePlan
    centre: SitePlan
    backtest: Backtest
    real_past: bool


def plan_kindergartens(district: District, population: Population, gate: Gate, *, number: int = 2, years: int = 2,
                       assumptions: Assumptions | None = None, candidates: pd.DataFrame | None = None,
                       history: Path | None = None, seed: int = 1) -> Kindergartens:
    """Forecast, site by least walking and by nobody far, and try the forecast on a past (a drawn one without ``history``)."""
    used = assumptions or Assumptions()
    ahead = forecast_children(gate, population, years=years, assumptions=used, seed=seed)
    median, centre = (plan_sites(district, gate, ahead.expected, number=number, goal=goal, candidates=candidates)
                      for goal in ("median", "centre"))
    past = try_forecast(gate, population, used, history=history, years=years, seed=seed)
    return Kindergartens(ahead, median, centre, past, history is not None)


def page(found: Kindergartens, district: District, gate: Gate, language: str = "en") -> str:
    """The report as one HTML page that needs nothing else."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined)
    cells = found.forecast.cells
    last = cells[cells["year"] == cells["year"].max()]
    return environment.get_template("kindergartens.html.j2").render(
        t=lambda key, **values: words.text(f"kindergartens.{key}", language, **values), language=language,
        district=district.name, total=found.forecast.total.to_dict("records"), assumptions=asdict(found.forecast.assumptions),
        goals=[("median", found.median), ("centre", found.centre)], real_past=found.real_past,
        scores=found.backtest.scores().to_dict("records"), k=gate.k,
        cells=[{key: None if pd.isna(value) else value for key, value in row.items()} for row in last.to_dict("records")],
        drawing=_drawing(found, gate, last))


def _drawing(found: Kindergartens, gate: Gate, cells: pd.DataFrame) -> dict[str, object]:
    """The heat map: polygons with their colour, sites, and the size of the picture."""
    shapes = gate.schemes.cells.set_index("id")["geometry"]
    drawn = [(row.id, row.mean, shapes[row.id]) for row in cells.itertuples(index=False)]
    west, south, east, north = shapely.total_bounds([shape for *_, shape in drawn])
    scale = WIDTH / (east - west)
    most = max([float(mean) for _, mean, _ in drawn if not pd.isna(mean)], default=1.0)

    def at(x: float, y: float) -> str:
        return f"{(x - west) * scale:.1f},{(north - y) * scale:.1f}"

    polygons = []
    for name, mean, shape in drawn:
        share = 0.0 if pd.isna(mean) else float(mean) / max(most, 1e-9)
        red, green, blue = (LOW + share * (HIGH - LOW)).astype(int).tolist()
        middle = shape.representative_point()
        for part in shapely.get_parts(shape):
            polygons.append({"id": name, "points": " ".join(at(x, y) for x, y in part.exterior.coords),
                             "fill": HIDDEN if pd.isna(mean) else f"rgb({red},{green},{blue})",
                             "ink": "#ffffff" if share > 0.6 else "#2b2926", "at": at(middle.x, middle.y).split(","),
                             "told": "–" if pd.isna(mean) else str(int(mean))})
    sites = [{"goal": goal, "at": [float(v) for v in at(site.x, site.y).split(",")], "id": site.id}
             for goal, plan in (("median", found.median), ("centre", found.centre))
             for site in plan.candidates.iloc[list(plan.chosen.sites)].itertuples(index=False)]
    return {"width": WIDTH, "height": round((north - south) * scale), "polygons": polygons, "sites": sites, "most": int(most)}


__all__ = ["Kindergartens", "page", "plan_kindergartens"]
