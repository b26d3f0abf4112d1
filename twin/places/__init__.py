"""The district: its tables, walkable area, solids, access graph and courtyard sheets."""

from twin.places.access import WayIn, access_graph, complete_access, ways_in
from twin.places.check import Finding, check, summary
from twin.places.district import LOCAL_METRES, District, require_metric, table_frame
from twin.places.sheet import courtyard_sheet
from twin.places.solids import Mesh, solid, solids
from twin.places.solids.glb import to_glb
from twin.places.solids.tiles import write_tiles
from twin.places.tables import TABLES
from twin.places.walkable import on_ground, walkable_area

__all__ = [
    "LOCAL_METRES", "TABLES", "District", "Finding", "Mesh", "WayIn", "access_graph", "check", "complete_access",
    "courtyard_sheet", "on_ground", "require_metric", "solid", "solids", "summary", "table_frame", "to_glb",
    "walkable_area", "ways_in", "write_tiles",
]
