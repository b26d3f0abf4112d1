"""Studies: replications of a layout, and the paired comparison of two runs."""

from sim.study.compare import Comparison, Row, compare, intervals
from sim.study.replications import rehearse

__all__ = ["Comparison", "Row", "compare", "intervals", "rehearse"]
