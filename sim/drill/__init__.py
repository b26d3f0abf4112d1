"""The drill: trainers rehearse people on a rehearsal that runs, takes orders, and can be played again to the last bit."""

from sim.drill.again import Change, counterfactual, replay
from sim.drill.drill import STEP, Decision, Drill, Line
from sim.drill.folder import Record, Recording
from sim.drill.marks import answers, marks
from sim.drill.order import VERBS, Order, parse
from sim.drill.plan import EVERYBODY, TRAINER, DrillPlan, Inject, dump, load, with_injects

__all__ = ["EVERYBODY", "STEP", "TRAINER", "VERBS", "Change", "Decision", "Drill", "DrillPlan", "Inject", "Line", "Order",
           "Record", "Recording", "answers", "counterfactual", "dump", "load", "marks", "parse", "replay", "with_injects"]
