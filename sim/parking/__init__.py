"""The parking night: who parks where, what it costs them, and what another layout would change."""

from sim.parking.night import Night, Scene, scene_of, spend_night
from sim.parking.plan import AS_IT_IS, Option, ParkingPlan

__all__ = ["AS_IT_IS", "Night", "Option", "ParkingPlan", "Scene", "scene_of", "spend_night"]
