"""The courtyard sheet: one courtyard on paper, as one map, one table and one booklet. Places only, never
people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from twin.errors import BadInput
from twin.places.access import WayIn, access_graph, ways_in
from twin.places.district import District
from twin.places.sheet.map import PART_MARKS, courtyard_map, entrance_mark, part_mark
from twin.places.sheet.words import LANGUAGES, Words
from twin.places.walkable import street_widths

FIRE_LANE_M = 4.0
"""Clear width that a fire engine needs (GB 50016-2014, 7.1.8)."""
FIRE_REACH_M = 60.0
"""Fire access means a lane for engines within this distance of the plot: three hoses of 20 m."""
NOT_FOR_ENGINES = ("footway", "cycleway", "steps", "crossing", "motorway")
MOST_WAYS = 8
"""The sheet lists this many ways in, the best by every door first; the rest it counts."""


def courtyard_sheet(district: District, courtyard_id: str, *, language: str = "en") -> str:
    """Return the sheet of a courtyard as one HTML page for A4 paper that asks for nothing from outside.

    It has a map, a table of the place and of all ways in, and a booklet: the buildings, the ways in, what
    responders need to know, sources and dates. ``language`` is ``en`` or ``zh``. Raises :class:`BadInput` for
    an unknown courtyard or language.
    """
    if language not in LANGUAGES:
        raise BadInput(f"there is no sheet in the language {language!r}",
                       mend=f"choose {' or '.join(LANGUAGES)}")
    table, courtyard = district.find(courtyard_id)
    if table != "courtyards":
        raise BadInput(f"{courtyard_id!r} is in the table {table}", where=district.name,
                       mend="name a courtyard")
    words = Words(language)
    place = _Place(district, courtyard, words)
    return _template().render(
        language=language, words=words, name=place.title, id=courtyard_id, district=district,
        map=Markup(courtyard_map(district, courtyard.geometry, place.buildings["id"], place.numbers, words)),
        facts=place.facts(), ways=place.way_rows(), more=len(place.ways) - len(place.shown),
        buildings=place.building_rows(), about=place.about(), tell=place.tell(), sources=place.source_rows(),
        legend=_legend(words), attribution=district.attribution)


@cache
def _template() -> Template:
    loader = PackageLoader("twin.places", "sheet")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                       lstrip_blocks=True).get_template("courtyard_sheet.html.j2")


@dataclass(frozen=True)
class _Lane:
    """A street near the courtyard: its name, width, how that was known, and distances from the plot [m]."""

    name: str
    width: float
    source: str
    distance: float
    far: float


class _Place:
    """A courtyard with everything that its sheet says about it, worked out once."""

    def __init__(self, district: District, courtyard: pd.Series, words: Words) -> None:
        self.district, self.courtyard, self.words = district, courtyard, words
        self.plot: shapely.Geometry = shapely.make_valid(courtyard.geometry)
        self.graph = access_graph(district)
        self.ways = ways_in(district, courtyard.id, graph=self.graph)
        self.around = next((way for way in self.ways if way.through and way.state == "open"), None)
        self.step_free = next((way for way in self.ways if way.step_free and way.state == "open"), None)
        self.shown = _chosen(self.ways, [way for way in (self.step_free, self.around) if way])
        self.numbers = _number(self.ways, self.shown)
        self.buildings = _buildings_of(district.buildings, courtyard.id, self.plot)
        self.fire_lane = self._lane(FIRE_LANE_M)
        self.title = courtyard["name"] or courtyard["address"] or courtyard.id

    def facts(self) -> list[tuple[str, str]]:
        """The table of the place: word and value."""
        words, courtyard = self.words, self.courtyard
        return [(words("id"), courtyard.id), (words("name"), courtyard["name"] or words("unnamed")),
                (words("address"), courtyard["address"] or words("unknown")), (words("grid"), self._grid()),
                (words("area"), f"{self.plot.area:,.0f} m²"), (words("built"), f"{self._built():.0%}"),
                (words("buildings_count"), str(len(self.buildings))), (words("heights"), self._heights()),
                (words("hydrant"), self._hydrant()), (words("lane"), self._lane_at_the_door()),
                (words("fire_access"), self._fire_access())]

    def way_rows(self) -> list[dict[str, Any]]:
        """The table of ways in, the most usable first."""
        words = self.words
        return [{"mark": Markup(_mark(str(k), way.state)), "doors": self._doors(way),
                 "kind": words(way.kind or "unknown"), "state": way.state, "state_word": words(way.state),
                 "width": _metres(way.width, words), "step_free": _truth(way.step_free, words),
                 "leads_to": self._street_name(way), "length": f"{way.length:.0f} m",
                 "crosses": words.joint.join(self._name(node) for node in way.through) or "–"}
                for k, way in enumerate(self.shown, start=1)]

    def building_rows(self) -> list[dict[str, str]]:
        """The table of buildings, the largest first."""
        words = self.words
        largest = self.buildings.iloc[np.argsort(-self.buildings.area.to_numpy(), kind="stable")]
        return [{"id": row.id, "name": row.name_ or "–", "use": words(row.use or "unknown"),
                 "height": _metres(row.height, words), "known_by": self._known_by(row.height_source),
                 "levels": words("unknown") if pd.isna(row.levels) else str(row.levels),
                 "roof": words(row.roof or "unknown"), "footprint": f"{row.geometry.area:,.0f} m²"}
                for row in largest.rename(columns={"name": "name_"}).itertuples()]

    def about(self) -> list[str]:
        """A few sentences on the place."""
        walled = {True: "walled_yes", False: "walled_no"}.get(self.courtyard.walled, "walled_unknown")
        return [self.words("place_text", area=f"{self.plot.area:,.0f}", count=len(self.buildings),
                           built=f"{self._built():.0%}"), self.words(walled)]

    def tell(self) -> list[str]:
        """What responders need to know, one sentence each."""
        words = self.words
        told = [*self._tell_doors(), *self._tell_way_around()]
        free = self.step_free
        told.append(words("tell_step_free", doors=self._doors(free), width=_metres(free.width, words))
                    if free else words("tell_step_free_none"))
        lane = self.fire_lane
        told.append(words("tell_fire_yes", name=lane.name, distance=f"{lane.distance:.0f}") if lane
                    else words("tell_fire_no", text=self._fire_access()))
        told.append(words("tell_hydrant", text=self._hydrant()))
        guessed = int((~self.buildings["height_source"].isin(["measured", "levels"])).sum())
        if guessed:
            told.append(words("tell_heights", count=guessed, all=len(self.buildings)))
        return told

    def source_rows(self) -> list[dict[str, str]]:
        """Where the objects on the sheet come from: source, how many objects, first and last date."""
        near = shapely.buffer(self.plot, 2.0)
        entrances = self.district.entrances
        frames = [self.buildings, entrances[entrances["id"].isin(self.numbers)],
                  self.district.courtyards[self.district.courtyards["id"] == self.courtyard.id],
                  *(frame[frame.intersects(near)] for frame in (self.district.parts, self.district.streets))]
        columns = [frame[["source", "observed_at"]].assign(
            origin=frame["source"].fillna(self.words("unknown")).str.split(":").str[0])
            for frame in frames if len(frame)]
        rows = []
        for origin, group in pd.concat(columns).groupby("origin"):
            dates = group["observed_at"].dropna()
            span = sorted({day.date().isoformat() for day in (dates.min(), dates.max()) if pd.notna(day)})
            rows.append({"source": str(origin), "objects": str(len(group)),
                         "observed": " – ".join(span) or self.words("undated")})
        return rows

    def _tell_doors(self) -> list[str]:
        words = self.words
        state = {way.via[-1]: self.graph.get_edge_data(*self._ends(way.via[-1]))[way.via[-1]]["state"]
                 for way in self.ways}
        is_open = [str(self.numbers[door]) for door in state if state[door] == "open"]
        shut = [str(self.numbers[door]) for door in state if state[door] in ("locked", "blocked")]
        key = {0: "tell_open_none", 1: "tell_open_one"}.get(len(is_open), "tell_open_many")
        told = [words(key, count=len(is_open), doors=words.joint.join(is_open))]
        return [*told, words("tell_shut", doors=words.joint.join(shut))] if shut else told

    def _tell_way_around(self) -> list[str]:
        """How to come in through the neighbours if the nearest door fails."""
        around = self.around
        direct = next((way for way in self.ways if not way.through), None)
        if around is None or direct is None:
            return []
        through = self.words.joint.join(self._name(node) for node in around.through)
        return [self.words("tell_around", street=self._street_name(direct), courtyards=through,
                           doors=self._doors(around))]

    def _ends(self, door: str) -> tuple[str, str]:
        return next((u, v) for u, v, key in self.graph.edges(self.courtyard.id, keys=True) if key == door)

    def _doors(self, way: WayIn) -> str:
        return " → ".join(str(self.numbers[door]) for door in way.via)

    def _name(self, node: str) -> str:
        return str(self.graph.nodes[node]["name"] or node)

    def _street_name(self, way: WayIn) -> str:
        if way.from_street is None:
            return self.words("outside")
        return way.street_name or way.from_street

    def _built(self) -> float:
        roofs = shapely.union_all(shapely.make_valid(self.buildings.geometry.to_numpy()))
        return float(shapely.intersection(roofs, self.plot).area / max(self.plot.area, 1e-9))

    def _grid(self) -> str:
        """The grid cell and those above it, the widest first."""
        grids = self.district.grids.set_index("id")
        cell, chain = self.courtyard.grid or _cell_around(self.district.grids, self.plot), []
        while cell in grids.index and cell not in chain:
            chain.append(cell)
            cell = grids.at[cell, "parent"]
        return " › ".join(str(grids.at[c, "name"] or c) for c in chain[::-1]) or cell or self.words("unknown")

    def _heights(self) -> str:
        words, heights = self.words, self.buildings["height"].dropna()
        if heights.empty:
            return words("unknown")
        low, high = heights.min(), heights.max()
        span = f"{low:.1f} m" if round(low, 1) == round(high, 1) else f"{low:.1f}–{high:.1f} m"
        ways = Counter(self._known_by(source) for source in self.buildings["height_source"])
        return f"{span} ({words.joint.join(f'{count} {how}' for how, count in ways.most_common())})"

    def _known_by(self, source: str | None) -> str:
        return self.words("levels_source" if source == "levels" else source or "unknown")

    def _hydrant(self) -> str:
        parts = self.district.parts
        hydrants = parts[(parts["kind"] == "hydrant") & parts.geometry.notna()]
        if not len(hydrants):
            return self.words("hydrant_none")
        off = shapely.distance(hydrants.geometry.to_numpy(), self.plot)
        row = hydrants.iloc[int(np.argmin(off))]
        return self.words("hydrant_text", name=row["name"] or row["id"], distance=f"{off.min():.0f}")

    def _lane(self, least: float = 0.0, of: str | None = None) -> _Lane | None:
        """The nearest street of a least width that engines may use within reach; or a certain street."""
        streets = self.district.streets
        streets = streets[streets.geometry.notna() & (streets["layer"].fillna(0) == 0)]
        width = street_widths(streets)
        fits = (width >= least) & ~streets["kind"].isin(NOT_FOR_ENGINES).to_numpy()
        if of is not None:
            fits = (streets["id"] == of).to_numpy()
        off = np.maximum(shapely.distance(streets.geometry.to_numpy(), self.plot) - width / 2, 0.0)
        off[~fits] = np.inf
        if not len(off) or off.min() > FIRE_REACH_M:
            return None
        k = int(np.argmin(off))
        row = streets.iloc[k]
        corners = shapely.points(shapely.get_coordinates(self.plot))
        far = max(float(shapely.distance(corners, row.geometry).max()) - width[k] / 2, 0.0)
        return _Lane(row["name"] or self.words("unnamed"), float(width[k]),
                     self.words(row["width_source"] or "assumed"), float(off[k]), far)

    def _lane_at_the_door(self) -> str:
        street = next((way.from_street for way in self.ways if way.from_street and not way.through), None)
        lane = self._lane(of=street)
        if lane is None:
            return self.words("lane_none")
        return self.words("lane_text", name=lane.name, width=f"{lane.width:.1f}", source=lane.source)

    def _fire_access(self) -> str:
        lane = self.fire_lane
        if lane is None:
            return self.words("fire_no", need=f"{FIRE_LANE_M:g}", reach=f"{FIRE_REACH_M:g}")
        return self.words("fire_yes", name=lane.name, width=f"{lane.width:.1f}", source=lane.source,
                          distance=f"{lane.distance:.0f}", far=f"{lane.far:.0f}")


def _chosen(ways: Sequence[WayIn], spoken_of: Sequence[WayIn]) -> list[WayIn]:
    """The ways to list, in their order: those spoken of, the best one by each door, then the next best."""
    by_door = {way.via[-1]: way for way in reversed(ways)}
    first = [way for way in ways if by_door[way.via[-1]] is way]
    wanted = list(dict.fromkeys(way.via for way in [*spoken_of, *first, *ways]))[:MOST_WAYS]
    return [way for way in ways if way.via in wanted]


def _number(ways: Sequence[WayIn], shown: Sequence[WayIn]) -> dict[str, int]:
    """Number the entrances: the courtyard's own doors first, then those passed on the way to them."""
    own = [way.via[-1] for way in ways]
    passed = [door for way in shown for door in way.via[::-1]]
    return {door: k for k, door in enumerate(dict.fromkeys([*own, *passed]), start=1)}


def _buildings_of(buildings: gpd.GeoDataFrame, courtyard_id: str, plot: shapely.Geometry) -> gpd.GeoDataFrame:
    """The buildings that say that they belong to the courtyard, and those that stand in it and do not say."""
    inside = buildings["courtyard"].isna() & buildings.geometry.notna() & buildings.intersects(plot)
    shapes = shapely.make_valid(buildings.geometry.to_numpy()[inside.to_numpy()])
    shared = shapely.area(shapely.intersection(shapes, plot)) > 0.5 * shapely.area(shapes)
    inside[inside] = shared
    return buildings[(buildings["courtyard"] == courtyard_id) | inside]


def _cell_around(grids: gpd.GeoDataFrame, plot: shapely.Geometry) -> str | None:
    """Id of the smallest cell of the household scheme that holds the middle of the plot."""
    cells = grids[(grids["scheme"] == "household") & grids.contains(plot.representative_point())]
    return None if cells.empty else str(cells["id"].iloc[int(np.argmin(cells.area))])


def _metres(length: float | None, words: Words) -> str:
    return words("unknown") if length is None or pd.isna(length) else f"{length:.1f} m"


def _truth(value: bool | None, words: Words) -> str:
    return words({True: "yes", False: "no"}.get(value, "unknown")) if value is not None else words("unknown")


def _mark(number: str, state: str) -> str:
    return f'<svg viewBox="0 0 7 7" class="mark">{entrance_mark(3.5, 3.5, number, state)}</svg>'


def _legend(words: Words) -> list[tuple[Markup, str]]:
    """Marks of the map with their meaning."""
    doors = [(Markup(_mark("1", state)), f"{words('entrance')}: {words(state)}")
             for state in ("open", "unknown", "locked", "blocked")]
    parts = [(Markup(f'<svg viewBox="0 0 7 7" class="mark">{part_mark(kind, 3.5, 3.5)}</svg>'), words(word))
             for kind, word in zip(PART_MARKS, ("tree", "lamp", "camera", "hydrant_part"), strict=True)]
    return [*doors, *parts]
