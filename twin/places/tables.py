"""The tables of a district: one a kind, the same names in the GeoPackage, in code and in the documentation.

Every row of every table has ``id`` (unique over all tables of the district), ``geometry``, ``source`` (where it
came from, such as ``osm:way/4211`` or ``synthetic``) and ``observed_at`` (when it was last known to be so, UTC).
Lengths are metres, angles radians counter-clockwise from east. Missing values are null, never zero or "".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnKind = Literal["text", "real", "integer", "truth", "time"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what it holds, its unit (empty if none) and the values it is limited to."""

    name: str
    kind: ColumnKind
    meaning: str
    unit: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of a district: the kind of place, its geometry types and its columns."""

    name: str
    meaning: str
    geometry: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> list[str]:
        """Names of all columns in the order of the file, common ones included, geometry last."""
        return [c.name for c in (*COMMON, *self.columns)] + ["geometry"]


COMMON = (
    Column("id", "text", "unique within the district, over all tables"),
    Column("source", "text", "where the row came from, such as osm:way/4211, cityjson:NL.IMBAG.1 or synthetic"),
    Column("observed_at", "time", "when this was last known to be so"),
)

POLYGON = ("Polygon", "MultiPolygon")
LINE = ("LineString", "MultiLineString")

BUILDINGS = Table(
    "buildings", "a roofed structure, as its footprint; courtyards inside it are holes", POLYGON, (
        Column("name", "text", "name on the map"),
        Column("use", "text", "residential, school, office, retail ... as the source says"),
        Column("height", "real", "from the ground to the highest point of the roof; 0 for one underground", "m"),
        Column("height_source", "text", "how the height was known", values=("measured", "levels", "assumed")),
        Column("levels", "integer", "storeys above ground"),
        Column("base", "real", "height of the underside above the ground (bridges, building parts); negative underground", "m"),
        Column("roof", "text", "shape of the roof", values=("flat", "gabled", "hipped", "surfaces")),
        Column("roof_height", "real", "from the eaves to the ridge", "m"),
        Column("roof_heading", "real", "direction of the ridge of a gabled roof", "rad"),
        Column("part_of", "text", "id of the building that this is a part of"),
        Column("courtyard", "text", "id of the courtyard that it belongs to"),
    ))
COURTYARDS = Table(
    "courtyards", "a courtyard (院落, micro-grid): a plot within its wall, wings included", POLYGON, (
        Column("name", "text", "name or house number"),
        Column("address", "text", "street and number"),
        Column("grid", "text", "id of the grid that it lies in (household scheme)"),
        Column("walled", "truth", "whether its outline is a wall that nobody walks through"),
    ))
ENTRANCES = Table(
    "entrances", "a door or passage into a courtyard or a building, as a point on its outline", ("Point",), (
        Column("courtyard", "text", "id of the courtyard (or building) that it opens into"),
        Column("leads_to", "text", "id of what lies outside it: a street or another courtyard"),
        Column("kind", "text", "what it is", values=("front", "back", "side", "passage", "emergency")),
        Column("state", "text", "whether one gets through", values=("open", "locked", "blocked", "unknown")),
        Column("width", "real", "clear width", "m"),
        Column("step_free", "truth", "passable with a wheelchair or a stretcher on wheels"),
        Column("heading", "real", "outward direction", "rad"),
    ))
PARTS = Table(
    "parts", "a grid part (部件): something on the street with a place of its own", ("Point", *LINE), (
        Column("kind", "text", "what it is", values=(
            "lamp", "hydrant", "camera", "gate", "barrier", "wall", "bollard", "tree", "metro_entrance",
            "bus_stop", "bench", "bin", "sign", "toilet", "manhole")),
        Column("name", "text", "name or number on the part"),
        Column("width", "real", "clear width of a gate, thickness of a wall", "m"),
        Column("height", "real", "height of the part, mounting height of a camera", "m"),
        Column("heading", "real", "direction that it faces", "rad"),
        Column("state", "text", "condition, or open / locked for a gate"),
    ))
STREETS = Table(
    "streets", "a street, lane or footway, as its centre line", LINE, (
        Column("name", "text", "name on the map"),
        Column("kind", "text", "what it is", values=(
            "motorway", "avenue", "street", "lane", "service", "footway", "cycleway", "steps", "crossing")),
        Column("width", "real", "between the kerbs or walls, footways included", "m"),
        Column("width_source", "text", "how the width was known", values=("measured", "lanes", "assumed")),
        Column("oneway", "text", "for vehicles, along the line", values=("no", "forward", "backward")),
        Column("on_foot", "truth", "whether people may walk there"),
        Column("layer", "integer", "0 on the ground, above it positive, below it negative"),
    ))
BAYS = Table(
    "bays", "where a vehicle may park: one bay, a kerb row, a lot or a garage", (*POLYGON, *LINE, "Point"), (
        Column("kind", "text", "what it is", values=("bay", "kerb", "lane", "lot", "garage")),
        Column("name", "text", "name on the map"),
        Column("capacity", "integer", "vehicles that fit"),
        Column("access", "text", "who may park", values=("public", "residents", "permit", "private", "customers")),
        Column("street", "text", "id of the street that it is reached from"),
    ))
AREAS = Table(
    "areas", "ground that is not a street: squares, parks, water, fields", POLYGON, (
        Column("kind", "text", "what it is", values=(
            "square", "pedestrian", "park", "grass", "pitch", "water", "ground", "platform", "floor")),
        Column("name", "text", "name on the map"),
        Column("on_foot", "truth", "whether people may walk there"),
    ))
GRIDS = Table(
    "grids", "a cell of an administrative scheme; schemes overlap, levels nest", POLYGON, (
        Column("scheme", "text", "which division", values=("household", "functional", "residential", "video")),
        Column("level", "text", "which level of it", values=(
            "district", "subdistrict", "community", "grid", "courtyard")),
        Column("parent", "text", "id of the cell one level up"),
        Column("name", "text", "name of the cell"),
    ))
ZONES = Table(
    "zones", "a standing protection zone", POLYGON, (
        Column("kind", "text", "what it is", values=("core", "guard", "control")),
        Column("name", "text", "name of the zone"),
    ))
SURFACES = Table(
    "surfaces", "semantic surfaces of buildings, in three dimensions, as a city model gave them", POLYGON, (
        Column("building", "text", "id of the building that it bounds"),
        Column("kind", "text", "GroundSurface, WallSurface, RoofSurface ..., null where the model does not say"),
        Column("lod", "text", "level of detail that was taken"),
    ))

TABLES: dict[str, Table] = {t.name: t for t in (
    BUILDINGS, COURTYARDS, ENTRANCES, PARTS, STREETS, BAYS, AREAS, GRIDS, ZONES, SURFACES)}
