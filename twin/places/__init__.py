"""The district: its tables, walkable area, solids, access graph and courtyard sheets."""

from twin.places.district import LOCAL_METRES, District, require_metric, table_frame
from twin.places.tables import TABLES
from twin.places.walkable import on_ground, walkable_area

__all__ = [
    "LOCAL_METRES", "TABLES", "District", "on_ground", "require_metric", "table_frame", "walkable_area",
]
