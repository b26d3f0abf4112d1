"""The elements of an OpenStreetMap file, read in one pass, in whatever order they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from twin.errors import BadInput
from twin.sources.imported import Tally
from twin.sources.osm.tags import Tags
from twin.sources.projection import WGS84, utm_at


@dataclass(frozen=True)
class Node:
    """A point with tags."""

    id: int
    tags: Tags
    seen: datetime | None = None


@dataclass(frozen=True)
class Way:
    """A line, or a closed outline, through nodes."""

    id: int
    nodes: tuple[int, ...]
    tags: Tags
    seen: datetime | None = None

    @property
    def closed(self) -> bool:
        """Whether the way ends where it starts."""
        return len(self.nodes) > 3 and self.nodes[0] == self.nodes[-1]


@dataclass(frozen=True)
class Relation:
    """A group of elements; ``members`` are (``n``, ``w`` or ``r``, id, role)."""

    id: int
    members: tuple[tuple[str, int, str], ...]
    tags: Tags
    seen: datetime | None = None


@dataclass
class Elements:
    """What stands in the file. ``places`` has longitude and latitude of every node [deg], ``bounds`` is
    west, south, east, north as the file states them, None if it does not."""

    places: dict[int, tuple[float, float]] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    ways: dict[int, Way] = field(default_factory=dict)
    relations: dict[int, Relation] = field(default_factory=dict)
    bounds: tuple[float, float, float, float] | None = None


def read_elements(path: Path, tally: Tally) -> Elements:
    """Read a file (XML or PBF, also packed with gzip or bzip2)."""
    out = Elements()
    off_earth: set[int] = set()
    try:
        file = osmium.io.File(str(path), _suffix(path))
        reader = osmium.FileProcessor(file)
        out.bounds = _bounds(reader.header.box())
        for element in reader:
            _keep(element, out, off_earth, tally)
    except (RuntimeError, ValueError, OverflowError, UnicodeError, osmium.InvalidLocationError) as error:
        reason = [*str(error).strip().splitlines(), "damaged"][0]
        raise BadInput(f"the OpenStreetMap data cannot be read to its end ({reason})",
                       where=tally.where, mend="fetch the file again, it may be cut short") from error
    tally.drop("coordinates off the earth", len(off_earth))
    return out


def _suffix(path: Path) -> str:
    """The format in osmium's words, by the first bytes, so that the name of the file does not matter."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"\x1f\x8b"):
        return "osm.gz"
    if head.startswith(b"BZh"):
        return "osm.bz2"
    return "pbf" if b"OSMHeader" in head else "osm"


def _bounds(box: Any) -> tuple[float, float, float, float] | None:
    if not box.valid():
        return None
    low, high = box.bottom_left, box.top_right
    return (low.lon, low.lat, high.lon, high.lat) if low.lon < high.lon and low.lat < high.lat else None


def _keep(element: Any, out: Elements, off_earth: set[int], tally: Tally) -> None:
    if element.deleted:
        tally.drop("deleted element")
        return
    known = out.places if element.is_node() else out.ways if element.is_way() else out.relations
    if element.id in known:
        tally.drop("duplicate id")
        return
    tags, seen = dict(element.tags), _seen(element.timestamp)
    if element.is_node():
        if not element.location.valid():
            off_earth.add(element.id)
            return
        out.places[element.id] = (element.location.lon, element.location.lat)
        if tags:
            out.nodes.append(Node(element.id, tags, seen))
    elif element.is_way():
        out.ways[element.id] = Way(element.id, tuple(node.ref for node in element.nodes), tags, seen)
    elif element.is_relation():
        members = tuple((member.type, member.ref, member.role) for member in element.members)
        out.relations[element.id] = Relation(element.id, members, tags, seen)


def _seen(timestamp: datetime) -> datetime | None:
    return timestamp if timestamp.year > 1970 else None


class Ground:
    """The elements laid out on the ground: node ids to metres, ways to lines.

    ``xy`` is (n, 2) float64 in ``crs``; ``extent`` is the stated bounds, None if the file states none.
    """

    def __init__(self, elements: Elements, crs: CRS | None, tally: Tally) -> None:
        if not elements.places:
            raise BadInput("there is no node with a place in this file", where=tally.where,
                           mend="export the area again with its nodes")
        degrees = np.array(list(elements.places.values()), dtype=np.float64)
        box = elements.bounds or (*np.median(degrees, axis=0), *np.median(degrees, axis=0))
        self.crs = crs or utm_at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        transformer = Transformer.from_crs(WGS84, self.crs, always_xy=True)
        self.xy = np.column_stack(transformer.transform(degrees[:, 0], degrees[:, 1]))
        self.index = {node: i for i, node in enumerate(elements.places)}
        self.extent: shapely.Polygon | None = None
        if elements.bounds:
            self.extent = self._extent(elements.bounds, transformer, tally)
        if not np.isfinite(self.xy).any():
            raise BadInput(f"the place lies outside of what {self.crs.name} covers", where=tally.where,
                           mend="give a CRS for this place, or none to take its UTM zone")

    def _extent(self, bounds: tuple[float, float, float, float], transformer: Transformer,
                tally: Tally) -> shapely.Polygon | None:
        corners = np.array(shapely.box(*bounds).exterior.coords)
        corners = np.column_stack(transformer.transform(corners[:, 0], corners[:, 1]))
        extent = shapely.Polygon(corners) if np.isfinite(corners).all() else None
        if extent is None or not shapely.intersects(extent,
                                                    shapely.multipoints(self.xy[np.isfinite(self.xy).all(1)])):
            tally.note("the bounds in the header do not fit what is in the file and were ignored")
            return None
        return extent

    def point(self, node: int) -> shapely.Point | None:
        """Return the place of a node, None if the file does not have it."""
        i = self.index.get(node)
        return None if i is None else shapely.Point(self.xy[i])

    def complete(self, nodes: Iterable[int]) -> bool:
        """Return whether the file has a place for all of these nodes."""
        return all(node in self.index for node in nodes)

    def coordinates(self, nodes: Iterable[int]) -> NDArray[np.float64]:
        """Return the places of nodes that are all there, (n, 2) [m]."""
        return self.xy[[self.index[node] for node in nodes]]

    def runs(self, nodes: Iterable[int]) -> list[NDArray[np.float64]]:
        """Return the places along a way, (n, 2) each [m], broken where nodes are missing."""
        runs: list[list[int]] = [[]]
        for node in nodes:
            i = self.index.get(node)
            if i is not None:
                runs[-1].append(i)
            elif runs[-1]:
                runs.append([])
        return [self.xy[run] for run in runs if len(run) > 1]

    def line(self, way: Way, tally: Tally) -> shapely.Geometry | None:
        """Return a way as a line; what missing nodes leave of it, None if that is nothing."""
        runs = self.runs(way.nodes)
        if not self.complete(way.nodes):
            if runs:
                tally.mend("line shortened at missing nodes")
            else:
                tally.drop("missing nodes")
        if not runs:
            if self.complete(way.nodes):
                tally.drop("zero length")
            return None
        return shapely.LineString(runs[0]) if len(runs) == 1 else shapely.MultiLineString(runs)
