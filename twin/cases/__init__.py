"""Cases: the six-step loop at three levels, its indicators, and the hot spots of place and hour."""

from twin.cases.book import CaseBook, Counts, Refusal
from twin.cases.case import OPEN, RULES, Case, Refused, Rules, State, Taken, apply
from twin.cases.step import CaseStep, Evidence, Kind, Level, Result
from twin.cases.types import TYPES, CaseType

__all__ = [
    "OPEN", "RULES", "TYPES", "Case", "CaseBook", "CaseStep", "CaseType", "Counts", "Evidence", "Kind", "Level", "Refusal",
    "Refused", "Result", "Rules", "State", "Taken", "apply",
]
