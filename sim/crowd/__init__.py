"""The pedestrian engine: the ground that people walk on, the crowd, and what is measured of it."""

from pathlib import Path

from sim.crowd.cache import compiled_beside as _compiled_beside

with _compiled_beside(Path(__file__).parent):
    from sim.crowd.behaviour import company as _company  # noqa: F401 (compiled with the rest)
    from sim.crowd.ground import Ground
    from sim.crowd.ground import sight as _sight  # noqa: F401
    from sim.crowd.measures import DensityMaps, FlowLine, fruin_level, walkable_share
    from sim.crowd.parameters import Parameters
    from sim.crowd.people import Crowd, Snapshot

__all__ = ["Crowd", "DensityMaps", "FlowLine", "Ground", "Parameters", "Snapshot", "fruin_level",
           "walkable_share"]
