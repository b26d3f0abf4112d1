"""``hutong patrol``: what was seen, who can be where, where posts cover best, and the rota."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

import twin
from sim.measures import readable
from sim.place import builtin
from twin.errors import BadInput
from twin.places import District
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="Patrol: coverage, reach, posts and the rota.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Which = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]
Units = Annotated[Path | None, typer.Option("--units", help="CSV with unit, time and x, y or lon, lat; the last of each counts.")]


def _open(path: Path | None) -> District:
    return twin.open(path if path is not None else builtin("xichangan"))


@app.command("coverage")
def show_coverage(
        tracks: Annotated[Path, typer.Argument(help="CSV with unit, time (ISO 8601 or seconds) and x, y or lon, lat.")],
        district: Which = None, within: Annotated[float, typer.Option(help="Seen within so many minutes counts.")] = 60.0,
        radius: Annotated[float, typer.Option(help="How far a unit sees [m].")] = 30.0,
        risks: Annotated[Path | None, typer.Option(help="CSV of risk places: id, x, y, weight, every_min.")] = None,
        limit: Annotated[int, typer.Option(min=1, help="Places shown.")] = 20, json: Json = False) -> None:
    """How long ago every stretch of street and every courtyard gate was last seen."""
    from twin.patrol import FootGround, coverage, gaps, watch_of
    from twin.patrol.tracks import read_tracks
    place = _open(district)
    walked = read_tracks(tracks, place.crs)
    with output.busy("looking along the streets"):
        ground = FootGround.of(place)
        found = coverage(ground, watch_of(place, ground), walked, radius_m=radius)
        open_gaps = gaps(found, _risks(risks)) if risks is not None else None
    shares = {kind: found.share(60 * within, kind) for kind in ("street", "gate")}
    worst = found.places.sort_values(["age_s", "longest_gap_s", "id"], ascending=[False, False, True]).head(limit)
    if json:
        output.print_json({"fixes": found.fixes, "off_ground": found.off_ground, "since_s": found.since_s,
                           "until_s": found.until_s, "within_min": within, "streets_seen": shares["street"],
                           "gates_seen": shares["gate"],
                           "places": found.places.to_dict("records"),
                           "gaps": None if open_gaps is None else open_gaps.to_dict("records")})
        return
    output.out.print(f"seen within {within:g} min: streets {_percent(shares['street'])} by length, "
                     f"gates {_percent(shares['gate'])}")
    output.table("longest unseen", ["place", "kind", "age min", "passes", "longest gap min"],
                 [[row.id, row.kind, _minutes(row.age_s), str(row.passes), _minutes(row.longest_gap_s)]
                  for row in worst.itertuples()])
    if open_gaps is not None:
        output.table("risk places overdue", ["place", "age min", "promised min", "weight"],
                     [[row.id, _minutes(60 * row.age_min), f"{row.every_min:g}", f"{row.weight:g}"]
                      for row in open_gaps.itertuples()])


def _risks(path: Path) -> list[Any]:
    from pydantic import ValidationError

    from twin.patrol import RiskPlace
    rows = _csv(path).to_dict("records")
    try:
        return [RiskPlace.model_validate({str(key): str(value) for key, value in row.items() if not pd.isna(value)})
                for row in rows]
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", where=str(path),
                       mend="give columns id, x, y, weight, every_min") from None


@app.command("reach")
def show_reach(at: Annotated[str, typer.Option("--at", help="Place as x,y in metres of the district, or the id of an object.")],
               minutes: Annotated[float, typer.Option(help="Within so many minutes on foot.")] = 5.0, district: Which = None,
               units: Units = None,
               out: Annotated[Path | None, typer.Option("-o", "--out", help="GeoJSON of the reach to write.")] = None,
               json: Json = False) -> None:
    """Who can be at a place within some minutes on foot, and from where."""
    from twin.patrol import FootGround, isochrones, nearest_units, reach
    from twin.patrol.tracks import read_tracks
    place = _open(district)
    spot = _spot(place, at)
    last: dict[str, tuple[float, float]] = {}
    if units is not None:
        rows = read_tracks(units, place.crs).sort_values("t_s").groupby("unit").last()
        last = {str(name): (float(row["x"]), float(row["y"])) for name, row in rows.iterrows()}
    with output.busy("walking"):
        ground = FootGround.of(place)
        found = reach(ground, spot, minutes, units=last)
        area = isochrones(ground, found.times, [minutes])[0]
        soonest = nearest_units(ground, spot, last) if last else []
    if out is not None:
        _write_geojson(out, area, place, minutes)
    if json:
        output.print_json({"at": list(spot), "minutes": minutes, "area_m2": area.area,
                           "within": [{"unit": a.unit, "seconds": a.seconds} for a in found.units],
                           "nearest": [{"unit": a.unit, "seconds": a.seconds} for a in soonest]})
        return
    output.out.print(f"{area.area / 1e4:,.1f} ha of ground are within {minutes:g} min of {spot[0]:.0f}, {spot[1]:.0f}")
    if soonest:
        output.table("soonest", ["unit", "minutes"], [[a.unit, readable(a.seconds / 60)] for a in soonest])


def _spot(district: District, text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) == 2:
        try:
            return float(parts[0]), float(parts[1])
        except ValueError:
            raise BadInput(f"--at {text} is not a place",
                           mend="write it like 446150,4417400, or give the id of an object") from None
    point = district.find(text)[1].geometry.representative_point()
    return point.x, point.y


def _write_geojson(path: Path, area: Any, district: District, minutes: float) -> None:
    import json

    import geopandas as gpd
    shape = gpd.GeoSeries([area], crs=district.crs)
    if not district.crs.is_engineering:
        shape = shape.to_crs(4326)
    feature = {"type": "Feature", "properties": {"minutes": minutes}, "geometry": shape.iloc[0].__geo_interface__}
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    draft.replace(path)


@app.command("posts")
def choose_posts(number: Annotated[int, typer.Option(min=1, max=500, help="How many posts there are to be.")] = 8,
                 minutes: Annotated[float, typer.Option(help="A gate is covered if a post is so near on foot.")] = 2.0,
                 district: Which = None,
                 every: Annotated[float, typer.Option(min=10, help="Sites are this far apart along the streets [m].")] = 100.0,
                 there: Annotated[Path | None, typer.Option(help="CSV of the posts there are: id, x, y.")] = None,
                 moves: Annotated[int, typer.Option(min=0, help="How many of those may be given up.")] = 0,
                 seconds: Annotated[float, typer.Option(min=0.1, help="Time for the search [s].")] = 20.0,
                 json: Json = False) -> None:
    """Which posts to add or move so that most courtyard gates are soon reached on foot."""
    from twin.patrol import FootGround, best_posts, watch_of
    place = _open(district)
    with output.busy("walking from every site"):
        ground = FootGround.of(place)
        gates = watch_of(place, ground).places
        sites = watch_of(place, ground, piece_m=every).places
        sites = sites[sites["kind"] == "street"][["id", "x", "y"]]
        gates = gates[gates["kind"] == "gate"]
        posted = 0
        if there is not None:
            own = _posts(there)
            sites, posted = pd.concat([own, sites], ignore_index=True), len(own)
        xy = sites[["x", "y"]].to_numpy(dtype=float)
        found = best_posts(ground, xy, gates[["x", "y"]].to_numpy(), number=number, reach_min=minutes,
                           there=range(posted), moves=moves, seconds=seconds)
    names = sites["id"].tolist()
    rows = [{"site": names[k], "x": float(xy[k, 0]), "y": float(xy[k, 1]), "new": k in found.added} for k in found.chosen]
    if json:
        output.print_json({"covered": found.covered, "bound": found.bound, "gap": found.gap, "method": found.method,
                           "gates": len(gates), "sites": len(sites), "posts": rows,
                           "given_up": [names[k] for k in found.given_up]})
        return
    output.out.print(f"{_percent(found.covered)} of {len(gates):,} gates within {minutes:g} min; at most {_percent(found.bound)} "
                     f"can be ({found.method})")
    output.table("posts", ["site", "x", "y", ""],
                 [[r["site"], f"{r['x']:.0f}", f"{r['y']:.0f}", "new" if r["new"] else ""] for r in rows])
    if found.given_up:
        output.out.print("given up: " + ", ".join(names[k] for k in found.given_up))


def _posts(path: Path) -> pd.DataFrame:
    table = _csv(path)
    if not {"id", "x", "y"} <= set(table.columns):
        raise BadInput("posts need id, x and y", where=str(path), mend="give these columns, metres of the district")
    xy = table[["x", "y"]].apply(pd.to_numeric, errors="coerce")
    if xy.isna().to_numpy().any():
        line = int(np.argmax(xy.isna().any(axis=1).to_numpy()))
        raise BadInput("a post has no place", where=f"{path} line {line + 2}", mend="give x and y in metres of the district")
    return table[["id"]].astype(str).join(xy)


def _csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise BadInput("this is not a CSV file", where=str(path), mend="export it again as CSV") from error


@app.command()
def rota(plan: Annotated[Path, typer.Argument(help="YAML: units, start, days, shifts with what each area needs.")],
         out: Annotated[Path | None, typer.Option("-o", "--out", help="CSV to write.")] = None, json: Json = False) -> None:
    """Make a rota: areas rotate, rest is kept, shifts and nights are even."""
    from twin.patrol.rota_plan import read_rota_plan
    made = read_rota_plan(plan).rota()
    rows = made.rows.assign(start=[t.isoformat() for t in made.rows["start"]], end=[t.isoformat() for t in made.rows["end"]])
    if out is not None:
        draft = out.with_name(f".{out.name}.part")
        rows.to_csv(draft, index=False)
        draft.replace(out)
    if json:
        output.print_json({"rows": rows.to_dict("records"), "fairness": made.fairness.to_dict("records")})
        return
    by_shift = [[str(shift), ", ".join(f"{area}: {' '.join(group['unit'])}" for area, group in one.groupby("area"))]
                for shift, one in made.rows.groupby("shift", sort=False)]
    output.table(str(plan), ["shift", "who"], by_shift)
    output.table("fairness", ["unit", "shifts", "nights", "hours", "areas"],
                 [[row.unit, str(row.shifts), str(row.nights), f"{row.hours:g}", str(row.areas)]
                  for row in made.fairness.itertuples()])


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def _minutes(seconds: float) -> str:
    return "never" if np.isinf(seconds) else readable(seconds / 60)
