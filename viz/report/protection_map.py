"""The map of a protection plan as SVG: zones, grids, posts, rounds, reserves, risk places, blind spots, moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import shapely
from markupsafe import Markup, escape
from shapely.geometry.base import BaseGeometry

from sim.protection import Move, Plan

COLOURS = {"police": "#1f4e9c", "guard": "#3d2c6b", "steward": "#c77700", "medic": "#b3243a", "fire": "#e0451f",
           "traffic": "#2b7a78", "volunteer": "#6a8f3c"}
"""One colour a kind of staff."""
_ZONES = {"control": ("#4c78a8", 0.10), "guard": ("#b279a2", 0.16), "core": ("#e45756", 0.22)}
_WIDTH = 1100.0


class _Sheet:
    """District coordinates on a sheet: y up there, y down here, one decimal."""

    def __init__(self, bounds: tuple[float, float, float, float]) -> None:
        self._west, south, east, self._north = bounds
        self.scale = _WIDTH / (east - self._west)
        self.height = (self._north - south) * self.scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        return round((x - self._west) * self.scale, 1), round((self._north - y) * self.scale, 1)

    def path(self, shape: BaseGeometry) -> str:
        """The path data of polygons and lines."""
        parts = []
        for part in shapely.get_parts(shape):
            rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
            for ring in rings:
                xy = shapely.get_coordinates(ring)
                x, y = np.round((xy[:, 0] - self._west) * self.scale, 1), np.round((self._north - xy[:, 1]) * self.scale, 1)
                pairs = " ".join(f"{a:g},{b:g}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
                parts.append(f"M{pairs}" + ("Z" if part.geom_type == "Polygon" else ""))
        return "".join(parts)


def plan_map(plan: Plan, *, blind: pd.DataFrame | None = None, moves: Sequence[Move] = (),
             risk_colour: dict[str, str] | None = None) -> Markup:
    """The map; ``blind`` are blind spots with ``x, y``, ``risk_colour`` fills risk places by id."""
    sheet = _Sheet(plan.district.bounds)
    body = [*_ground(plan, sheet), *_zones(plan, sheet), *_rounds(plan, sheet), *_blind(blind, sheet),
            *_risks(plan, sheet, risk_colour), *_stations(plan, sheet), *_moves(moves, sheet)]
    return Markup(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {sheet.height:.0f}" role="img" '
                  f'aria-label="{escape(plan.scenario.title or plan.scenario.name)}">' + "".join(body) + "</svg>")


def _ground(plan: Plan, sheet: _Sheet) -> Iterable[str]:
    buildings = plan.district.buildings.geometry
    houses = shapely.simplify(shapely.union_all(buildings[buildings.notna()].to_numpy()), 1.0)
    yield f'<path d="{sheet.path(houses)}" fill="#e4e1da"/>'
    yield from (f'<path d="{sheet.path(area)}" fill="none" stroke="#8a8a8a" stroke-width="0.7" stroke-dasharray="3 3"><title>'
                f'{escape(name)}</title></path>' for name, area in plan.grids.items())


def _zones(plan: Plan, sheet: _Sheet) -> Iterable[str]:
    for zone in sorted(plan.zones, key=lambda zone: -zone.area.area):
        colour, opacity = _ZONES[zone.spec.kind]
        yield (f'<path d="{sheet.path(zone.area)}" fill="{colour}" fill-opacity="{opacity}" stroke="{colour}" stroke-width="2">'
               f"<title>{escape(zone.spec.id)} ({zone.spec.kind})</title></path>")


def _rounds(plan: Plan, sheet: _Sheet) -> Iterable[str]:
    for walk, spec in zip(plan.rounds, plan.layout.rounds, strict=True):
        line = shapely.simplify(shapely.LineString(walk.way), 1.0)
        yield (f'<path d="{sheet.path(line)}" fill="none" stroke="{COLOURS[spec.kind]}" stroke-width="1.6" stroke-opacity="0.55">'
               f"<title>{escape(spec.id)}: {spec.patrols} × {spec.staff}, {walk.seconds / 60:.0f} min</title></path>")


def _blind(blind: pd.DataFrame | None, sheet: _Sheet) -> Iterable[str]:
    for row in blind.itertuples() if blind is not None else ():
        x, y = sheet.at(row.x, row.y)
        yield f'<circle cx="{x:g}" cy="{y:g}" r="2.2" fill="#000" fill-opacity="0.7"><title>{escape(row.id)}</title></circle>'


def _risks(plan: Plan, sheet: _Sheet, colours: dict[str, str] | None) -> Iterable[str]:
    for risk in plan.risks:
        x, y = sheet.at(*risk.xy)
        r = 4 + 1.2 * risk.spec.weight**0.5
        fill = (colours or {}).get(risk.spec.id, "#ffd84d")
        yield (f'<path d="M{x:g},{y - r:.1f} {x + r:.1f},{y:g} {x:g},{y + r:.1f} {x - r:.1f},{y:g}Z" fill="{fill}" stroke="#222">'
               f"<title>{escape(risk.spec.title or risk.spec.id)}: {risk.spec.weight:g}</title></path>")


def _stations(plan: Plan, sheet: _Sheet) -> Iterable[str]:
    for station in plan.stations:
        if station.role == "round":
            continue
        x, y = sheet.at(*station.home)
        r, colour = 1.2 + 0.7 * station.staff**0.5, COLOURS[station.kind]
        title = f"<title>{escape(station.id)}: {station.staff} {station.kind}</title>"
        if station.role == "reserve":
            yield f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}" fill="{colour}">{title}</rect>'
        else:
            yield f'<circle cx="{x:g}" cy="{y:g}" r="{r:.1f}" fill="{colour}" fill-opacity="0.85" stroke="#fff">{title}</circle>'


def _moves(moves: Sequence[Move], sheet: _Sheet) -> Iterable[str]:
    for move in moves:
        (x1, y1), (x2, y2) = sheet.at(*move.from_xy), sheet.at(*move.to_xy)
        yield (f'<path d="M{x1:g},{y1:g} {x2:g},{y2:g}" stroke="#111" stroke-width="2.5" stroke-dasharray="7 4"><title>'
               f"{escape(move.post)}</title></path>"
               f'<circle cx="{x2:g}" cy="{y2:g}" r="6" fill="none" stroke="#111" stroke-width="2.5"/>')


def legend(plan: Plan) -> Markup:
    """What the signs of the map mean."""
    kinds = sorted({station.kind for station in plan.stations})
    signs = [f'<span><i style="background:{COLOURS[kind]};border-radius:50%"></i>{kind}</span>' for kind in kinds]
    signs += [f'<span><i style="background:{colour};opacity:.6"></i>{name} zone</span>' for name, (colour, _) in _ZONES.items()]
    signs += ['<span><i style="background:#ffd84d;border:1px solid #222;transform:rotate(45deg)"></i>risk place</span>',
              '<span><i style="background:#555"></i>reserve (square)</span>',
              '<span><i style="background:#000;border-radius:50%;width:5px;height:5px"></i>blind spot</span>']
    return Markup('<p class="legend">' + " ".join(signs) + "</p>")
