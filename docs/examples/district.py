"""Open a district, look at its tables, ask for all ways into a courtyard, and measure its walkable ground."""

from pathlib import Path

import twin
from sim.place import builtin
from twin.places import walkable_area, ways_in

district = twin.open(builtin("xichangan"))
print(district)

pitched = district.buildings[district.buildings["roof"] == "gabled"]
print(f"{len(pitched):,} buildings with a gabled roof, {pitched['height'].median():.1f} m high in the median")

lanes = district.streets[district.streets["kind"] == "lane"]
print(lanes[["id", "name", "width"]].sort_values("width").head().to_string(index=False))

for way in ways_in(district, "cy-0001"):
    print(" > ".join(way.via), way.kind, way.state, way.width)

print(f"{walkable_area(district).area / 1e4:.1f} ha to walk on")

district.courtyards.to_file(Path("courtyards.geojson"))  # every table is a GeoDataFrame
