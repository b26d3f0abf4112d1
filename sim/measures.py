"""The measures of a rehearsal: what each is called, its unit, and which way is better.

``metrics.parquet`` of a run has one column for each. Measures that belong to one checkpoint, area or line carry its
name after a colon, such as ``wait_mean:north``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class MeasureKind:
    """A measure: ``better`` says which direction is an improvement, None where neither is."""

    key: str
    unit: str
    english: str
    chinese: str
    better: Literal["less", "more"] | None = "less"

    def label(self, language: str = "en") -> str:
        """What it is called in a language, ``en`` or ``zh``."""
        return self.chinese if language == "zh" else self.english


_ALL = (
    MeasureKind("people_entered", "persons", "people who entered", "进入人数", None),
    MeasureKind("people_left", "persons", "people who left", "离开人数", None),
    MeasureKind("people_not_let_in", "persons", "people still waiting outside at the end", "结束时仍在场外等候人数"),
    MeasureKind("reached_venue", "persons", "people who reached their place", "到达场地人数", "more"),
    MeasureKind("person_min_above_2", "person min", "person-minutes above 2 /m²", "密度超过2人/m²的人分钟"),
    MeasureKind("person_min_above_3_5", "person min", "person-minutes above 3.5 /m²", "密度超过3.5人/m²的人分钟"),
    MeasureKind("person_min_above_5", "person min", "person-minutes above 5 /m²", "密度超过5人/m²的人分钟"),
    MeasureKind("density_peak", "1/m²", "highest density anywhere", "最高密度"),
    MeasureKind("pressure_peak", "1/s²", "highest crowd pressure anywhere", "最高人群压力"),
    MeasureKind("wait_mean", "s", "mean wait at checkpoints", "安检平均等待"),
    MeasureKind("wait_p95", "s", "wait at checkpoints, 95 of 100 below", "安检等待95百分位"),
    MeasureKind("queue_max", "persons", "longest queue of a checkpoint", "最长排队人数"),
    MeasureKind("lane_throughput", "persons/min", "people through a lane per minute while it had a queue",
                "每通道每分钟通过人数", "more"),
    MeasureKind("access_p50", "s", "time from entering to the place, half below", "入场用时中位数"),
    MeasureKind("access_p95", "s", "time from entering to the place, 95 of 100 below", "入场用时95百分位"),
    MeasureKind("egress_p50", "s", "time from leaving the place to the exit, half below", "离场用时中位数"),
    MeasureKind("egress_p95", "s", "time from leaving the place to the exit, 95 of 100 below", "离场用时95百分位"),
    MeasureKind("egress_p100", "s", "time from leaving the place to the exit, the last", "离场用时最长"),
    MeasureKind("clearance_p50", "s", "half of the leaving crowd is out, after the first leaves", "半数人员离场时刻"),
    MeasureKind("clearance_p95", "s", "95 of 100 are out, after the first leaves", "95%人员离场时刻"),
    MeasureKind("clearance_p100", "s", "the last is out, after the first leaves", "全部离场时刻"),
    MeasureKind("response_mean", "s", "mean time until help is there", "平均到场时间"),
    MeasureKind("response_max", "s", "longest time until help is there", "最长到场时间"),
    MeasureKind("unanswered", "incidents", "incidents that nobody had reached at the end", "未到场事件数"),
    MeasureKind("stuck_max", "persons", "most people stuck for over a minute at once", "同时滞留超一分钟人数"),
    MeasureKind("cut_off", "persons", "people whose way was cut off", "去路被切断人数"),
    MeasureKind("density_max", "1/m²", "highest density", "最高密度"),
    MeasureKind("flow", "persons", "people who crossed", "通过人数", None),
    MeasureKind("served", "persons", "people served", "通过安检人数", None),
)
MEASURES: dict[str, MeasureKind] = {m.key: m for m in _ALL}


def measure(column: str) -> MeasureKind:
    """The measure that a column of ``metrics.parquet`` holds, its place in the label."""
    key, _, place = column.partition(":")
    kind = MEASURES[key]
    if not place:
        return kind
    return MeasureKind(column, kind.unit, f"{place}: {kind.english}", f"{place}：{kind.chinese}", kind.better)


def readable(value: float | None) -> str:
    """A number for reading: three significant figures, whole numbers and hundreds in full; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
