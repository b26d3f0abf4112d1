"""What would happen: rehearsals of a district with people, layouts, staff and incidents."""

from sim.lab import Lab
from sim.lab.folder import rehearse_lab
from sim.numbering import let_go_of_models
from sim.run import Run
from sim.scenario import Scenario
from sim.scenario_file import load, load_any
from sim.study import compare, rehearse

let_go_of_models()

__all__ = ["Lab", "Run", "Scenario", "compare", "load", "load_any", "rehearse", "rehearse_lab"]
