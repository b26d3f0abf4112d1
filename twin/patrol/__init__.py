"""Patrol: what was seen and when, who can be where how soon, where posts cover best, and a fair rota."""

from twin.patrol.coverage import Coverage, RiskPlace, Watch, coverage, gaps, watch_of
from twin.patrol.ground import DensityMap, FootGround, pace_in_crowd
from twin.patrol.posts import Cover, Post, Round, best_posts, maximal_cover, round_time
from twin.patrol.reach import Arrival, Reach, isochrones, nearest_units, places_within, reach
from twin.patrol.rota import Rota, Shift, make_rota

__all__ = [
    "Arrival", "Cover", "Coverage", "DensityMap", "FootGround", "Post", "Reach", "RiskPlace", "Rota", "Round", "Shift", "Watch",
    "best_posts", "coverage", "gaps", "isochrones", "make_rota", "maximal_cover", "nearest_units", "pace_in_crowd",
    "places_within", "reach", "round_time", "watch_of",
]
