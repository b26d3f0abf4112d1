"""The pedestrian engine: the ground that people walk on, the crowd, and what is measured of it."""

from pathlib import Path

from sim.crowd import kernel as _kernel
from sim.crowd.cache import drop_stale as _drop_stale
from sim.crowd.ground import Ground
from sim.crowd.measures import DensityMaps, FlowLine, fruin_level, walkable_share
from sim.crowd.parameters import Parameters
from sim.crowd.people import Crowd, Snapshot

__all__ = ["Crowd", "DensityMaps", "FlowLine", "Ground", "Parameters", "Snapshot", "fruin_level",
           "walkable_share"]

_drop_stale(Path(str(_kernel.advance.stats.cache_path)), sorted(Path(__file__).parent.glob("*.py")))
