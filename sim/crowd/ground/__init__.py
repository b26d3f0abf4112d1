"""The ground that people walk on: walls, ways to goals, areas with a pace of their own, storeys."""

from sim.crowd.ground.ground import Ground

__all__ = ["Ground"]
