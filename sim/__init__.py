"""What would happen: rehearsals of a district with people, layouts, staff and incidents."""

from sim.run import Run
from sim.scenario import Scenario
from sim.scenario_file import load
from sim.study import compare, rehearse

__all__ = ["Run", "Scenario", "compare", "load", "rehearse"]
