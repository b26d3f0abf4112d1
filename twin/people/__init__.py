"""The residents: a synthetic population, the gate that its counts leave through, and forecasts.

``make_population`` and ``from_inputs`` make people, ``Gate`` or ``aggregate`` count them, ``forecast_children`` and
``plan_sites`` look ahead. The tables of a population are for ``twin`` and ``sim`` alone: what is shown comes from the gate.
"""

from twin.people.cohort import Assumptions, Backtest, Forecast, backtest, forecast
from twin.people.controls import Control
from twin.people.fit import Fit
from twin.people.gate import Gate, aggregate
from twin.people.marginals import CONTROLS, SIZES, Size
from twin.people.measures import MEASURES
from twin.people.planning import ChildrenForecast, SitePlan, forecast_children, plan_sites, try_forecast
from twin.people.popsim import Inputs, read_inputs
from twin.people.population import Population, from_inputs, make_population
from twin.people.release import LEAST_K, release
from twin.people.schedule import at_home, car_schedule, schedule
from twin.people.schemes import LEVELS, SCHEMES, Schemes
from twin.people.siting import Siting, site
from twin.people.subdistricts import subdistrict_size, subdistrict_totals
from twin.people.tasks import Task, make_task, whole_zone

__all__ = [
    "CONTROLS", "LEAST_K", "LEVELS", "MEASURES", "SCHEMES", "SIZES", "Assumptions", "Backtest", "ChildrenForecast", "Control",
    "Fit", "Forecast", "Gate", "Inputs", "Population", "Schemes", "SitePlan", "Siting", "Size", "Task", "aggregate", "at_home",
    "backtest", "car_schedule", "forecast", "forecast_children", "from_inputs", "make_population", "make_task", "plan_sites",
    "read_inputs", "release", "schedule", "site", "subdistrict_size", "subdistrict_totals", "try_forecast", "whole_zone",
]
