"""What is measured of a crowd: maps of density, flow through lines, tracks."""

from sim.crowd.measures.density import FRUIN_QUEUE, FRUIN_WALKWAY, DensityMaps, FlowLine, fruin_level, walkable_share

__all__ = ["FRUIN_QUEUE", "FRUIN_WALKWAY", "DensityMaps", "FlowLine", "fruin_level", "walkable_share"]
