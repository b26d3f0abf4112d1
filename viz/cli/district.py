"""``hutong district``: import, make, show, check and export a district."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

import twin
from sim.measures import readable
from sim.place import builtin
from twin.errors import BadInput
from twin.places import District
from viz.cli import output

app = typer.Typer(no_args_is_help=True, help="Import a map, or make, look at, check and export a district.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="File to write.")]
Which = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]


@app.command("import")
def import_map(
        source: Annotated[Path, typer.Argument(help="OSM (XML, PBF), CityJSON, GeoJSON, GeoPackage, Shapefile, DXF, WKT.")],
        out: Out,
        crs: Annotated[str | None, typer.Option(help="CRS of the file where it states none, such as EPSG:28992.")] = None,
        file_format: Annotated[str | None, typer.Option("--format", help="Format, where the content leaves it open.")] = None,
        column: Annotated[list[str] | None, typer.Option(
            help="TABLE.COLUMN=SOURCE_COLUMN, such as buildings.height=H_MAX; may be repeated.")] = None,
        name: Annotated[str | None, typer.Option(help="Name of the district.")] = None,
        json: Json = False) -> None:
    """Bring a map in as a district."""
    from twin.sources import read, summary
    with output.busy(f"reading {source.name}"):
        result = read(source, crs=crs, format=file_format, columns=_mapping(column or []), name=name)
        result.district.save(out)
    found = summary(result)
    if json:
        output.print_json(found)
        return
    output.table(f"{out}  ({result.format}, {found['crs']})", ["", ""],
                 [[key, f"{value:,}"] for key, value in found.items() if isinstance(value, int)])
    for reason, count in found["dropped"].items():
        output.out.print(f"dropped {count:,}: {reason}")
    for note in result.notes:
        output.out.print(note)


def _mapping(pairs: list[str]) -> dict[str, dict[str, str]] | None:
    """``["buildings.height=H"]`` as ``{"buildings": {"height": "H"}}``."""
    mapping: dict[str, dict[str, str]] = {}
    for pair in pairs:
        target, equals, source_column = pair.partition("=")
        table, dot, column = target.partition(".")
        if not (equals and dot and table and column and source_column):
            raise BadInput(f"--column {pair} is not of the form TABLE.COLUMN=SOURCE_COLUMN",
                           mend="write it like buildings.height=H_MAX")
        mapping.setdefault(table, {})[column] = source_column
    return mapping or None


@app.command()
def synth(out: Out, name: Annotated[str, typer.Argument(help="Which built-in district.")] = "xichangan",
          seed: Annotated[int, typer.Option(min=0, help="Another seed makes another quarter.")] = 1,
          size: Annotated[str, typer.Option(help="full, or small for a first try.")] = "full", json: Json = False) -> None:
    """Generate a built-in district."""
    from twin.places.synthetic import generate
    with output.busy(f"generating {name}"):
        district = generate(name, seed=seed, size=size)
        district.save(out)
    _show_counts(district, out, json)


def _open(path: Path | None) -> District:
    return twin.open(path if path is not None else builtin("xichangan"))


def _show_counts(district: District, path: Path, json: bool) -> None:
    if json:
        output.print_json({**district.counts(), "crs": district.crs.to_string()})
    else:
        output.table(f"{path}  ({district.name}, {district.crs.to_string()})", ["table", "rows"],
                     [[key, f"{value:,}"] for key, value in district.counts().items()])


@app.command()
def show(path: Annotated[Path, typer.Argument(help="GeoPackage of a district.")],
         object_id: Annotated[str | None, typer.Argument(metavar="[OBJECT]", help="Id of an object.")] = None,
         json: Json = False) -> None:
    """Show what a district holds, or one object of it."""
    district = twin.open(path)
    if object_id is None:
        _show_counts(district, path, json)
        return
    table, row = district.find(object_id)
    values: dict[str, Any] = {"table": table} | {
        str(key): (value.wkt if key == "geometry" else None if pd.isna(value) else value) for key, value in row.items()}
    if json:
        output.print_json(values)
    else:
        output.table(object_id, ["", ""], [[key, str(value)[:300]] for key, value in values.items() if value is not None])


@app.command()
def check(path: Annotated[Path, typer.Argument(help="GeoPackage of a district.")], json: Json = False,
          limit: Annotated[int, typer.Option(help="Findings shown of each kind.")] = 5) -> None:
    """List courtyards with fewer than two ways out, invalid geometry, assumed heights and other faults."""
    from dataclasses import asdict

    from twin.places.check import check as find_faults
    with output.busy("checking"):
        findings = find_faults(twin.open(path))
    if json:
        output.print_json([asdict(finding) for finding in findings])
        return
    kinds = list(dict.fromkeys(finding.kind for finding in findings))
    for kind in kinds:
        of_kind = [finding for finding in findings if finding.kind == kind]
        output.out.print(f"[bold]{kind}[/bold]: {len(of_kind):,}")
        for finding in of_kind[:limit]:
            output.out.print(f"  {finding.id}: {finding.message}", markup=False)
    if not findings:
        output.out.print("nothing to mend")


@app.command("ways-in")
def ways_in(courtyard: Annotated[str, typer.Argument(help="Id of a courtyard.")], district: Which = None,
            json: Json = False) -> None:
    """All ways into a courtyard: doors, passages, and through the courtyards beside it."""
    from dataclasses import asdict

    from twin.places import ways_in as all_ways_in
    ways = all_ways_in(_open(district), courtyard)
    if json:
        output.print_json([asdict(way) for way in ways])
        return
    if not ways:
        output.out.print(f"{courtyard} has no known way in")
        return
    output.table(f"ways into {courtyard}", ["from", "through", "by", "kind", "state", "width m", "step-free"],
                 [[way.street_name or way.from_street or "?", " > ".join(way.through) or "–", " > ".join(way.via),
                   way.kind or "?", way.state, readable(way.width),
                   {True: "yes", False: "no", None: "unknown"}[way.step_free]] for way in ways])


@app.command()
def sheet(courtyard: Annotated[str, typer.Argument(help="Id of a courtyard.")], out: Out, district: Which = None,
          language: Annotated[str, typer.Option(help="en or zh.")] = "en") -> None:
    """Write the courtyard sheet: one courtyard, one map, one table, one booklet, as a page to print."""
    from twin.places import courtyard_sheet
    page = courtyard_sheet(_open(district), courtyard, language=language)
    out.write_text(page, encoding="utf-8")
    output.out.print(f"wrote {out}")


@app.command()
def export(path: Annotated[Path, typer.Argument(help="GeoPackage of a district.")],
           glb: Annotated[Path | None, typer.Option(help="Write the buildings as one GLB file.")] = None,
           tiles: Annotated[Path | None, typer.Option(help="Write 3D Tiles 1.1 into this folder.")] = None) -> None:
    """Write the buildings as GLB or as 3D Tiles 1.1."""
    from twin.places.solids import solids
    from twin.places.solids.glb import to_glb
    from twin.places.solids.tiles import write_tiles
    if glb is None and tiles is None:
        raise BadInput("nothing to export", mend="give --glb FILE or --tiles FOLDER")
    district = twin.open(path)
    if glb is not None:
        with output.busy("building the mesh"):
            to_glb(solids(district), glb)
        output.out.print(f"wrote {glb}")
    if tiles is not None:
        with output.busy("cutting tiles"):
            write_tiles(district, tiles)
        output.out.print(f"wrote {tiles}")
