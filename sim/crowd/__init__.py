"""The pedestrian engine: the ground that people walk on, the crowd, and what is measured of it."""

from sim.crowd.ground import Ground
from sim.crowd.measures import DensityMaps, FlowLine, fruin_level
from sim.crowd.parameters import Parameters
from sim.crowd.people import Crowd, Snapshot

__all__ = ["Crowd", "DensityMaps", "FlowLine", "Ground", "Parameters", "Snapshot", "fruin_level"]
