"""The measures of a rehearsal: what each is called, its unit, and which way is better.

``metrics.parquet`` of a run has one column for each. Measures that belong to one checkpoint, area or line carry its
name after a colon, such as ``wait_mean:north``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

FREE = 0.31
"""Density up to which everybody walks freely, level A of walkways [1/m2] (Fruin 1971)."""


@dataclass(frozen=True)
class MeasureKind:
    """A measure: ``better`` says which direction is an improvement, None where neither is. Values up to ``equal_up_to`` are
    equally good: nobody is better off for being even freer."""

    key: str
    unit: str
    english: str
    chinese: str
    better: Literal["less", "more"] | None = "less"
    equal_up_to: float = 0.0

    def label(self, language: str = "en") -> str:
        """What it is called in a language, ``en`` or ``zh``."""
        return self.chinese if language == "zh" else self.english


_ALL = (
    MeasureKind("people_entered", "persons", "people who entered", "进入人数", None),
    MeasureKind("people_left", "persons", "people who left", "离开人数", None),
    MeasureKind("people_not_let_in", "persons", "people still waiting outside at the end", "结束时仍在场外等候人数"),
    MeasureKind("people_waited_outside", "persons", "people who waited outside because there was no room",
                "因无空间在场外等候人数"),
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
    MeasureKind("stuck", "persons", "people who were stuck for over a minute at any time", "曾滞留超一分钟人数"),
    MeasureKind("gave_way", "times", "times that somebody gave way in a jam of two streams", "对向人流中让行次数", None),
    MeasureKind("gave_up", "times", "times that somebody who was stuck took another gate, exit or checkpoint",
                "滞留后改道次数"),
    MeasureKind("group_spread", "m", "mean way between the first and the last of a group", "同行人员首尾平均间距"),
    MeasureKind("group_waits", "persons", "people who waited for their group", "等候同伴人数", None),
    MeasureKind("group_wait_mean", "s", "mean wait for the group, of those who waited", "等候同伴平均时间"),
    MeasureKind("group_left_behind", "persons", "people who were waited for in vain, or waited in vain", "与同伴失散人数"),
    MeasureKind("cut_off", "persons", "people whose way was cut off", "去路被切断人数"),
    MeasureKind("density_max", "1/m²", "highest density", "最高密度", equal_up_to=FREE),
    MeasureKind("flow", "persons", "people who crossed", "通过人数", None),
    MeasureKind("served", "persons", "people served", "通过安检人数", None),
)
MEASURES: dict[str, MeasureKind] = {m.key: m for m in _ALL}


_LAB = (
    MeasureKind("people", "persons", "people who were due", "应到人数", None),
    MeasureKind("out", "persons", "people who got out", "到达终点人数", "more"),
    MeasureKind("inside", "persons", "people still inside at the end", "结束时仍在场内人数"),
    MeasureKind("not_let_in", "persons", "people still waiting outside at the end", "结束时仍在场外等候人数"),
    MeasureKind("waited_outside", "persons", "people who had to wait outside", "在场外等候过的人数"),
    MeasureKind("evacuation_p50", "s", "half of the people are out", "半数人员离开时刻"),
    MeasureKind("evacuation_p95", "s", "95 of 100 are out", "95%人员离开时刻"),
    MeasureKind("evacuation_p100", "s", "everybody is out", "全部人员离开时刻"),
    MeasureKind("travel_mean", "s", "mean time from coming in to getting out", "平均通行时间"),
    MeasureKind("incapacitated", "persons", "people overcome by smoke", "因烟气失能人数"),
    MeasureKind("dose_max", "1", "largest dose that anybody breathed", "最大吸入剂量"),
    MeasureKind("company_spread", "m", "mean way between the first and the last of a company", "同行人员首尾平均间距"),
    MeasureKind("company_spread_p95", "m", "way between the first and the last of a company, 95 of 100 below",
                "同行人员首尾间距95百分位"),
    MeasureKind("company_waits", "times", "times that somebody waited for their company", "等候同伴次数", None),
    MeasureKind("company_wait_mean", "s", "mean wait for the company, of those who waited", "等候同伴平均时间"),
    MeasureKind("left_behind", "persons", "people whom their company lost", "与同伴失散人数"),
    MeasureKind("end", "s", "when the run ended", "结束时刻", None),
    MeasureKind("crossed", "persons", "people who crossed", "通过人数", None),
    MeasureKind("flow", "1/s", "flow between the first and the last", "平均流量", "more"),
    MeasureKind("flow_middle", "1/s", "flow of the middle 70 of 100", "中段流量", "more"),
    MeasureKind("flow_per_m", "1/(m s)", "flow of the middle 70 of 100 per metre", "单位宽度流量", "more"),
    MeasureKind("density", "1/m²", "mean density", "平均密度"),
    MeasureKind("density_max", "1/m²", "highest density", "最高密度", equal_up_to=FREE),
    MeasureKind("speed", "m/s", "mean speed", "平均速度", "more"),
    MeasureKind("voronoi_density", "1/m²", "mean Voronoi density", "平均Voronoi密度"),
    MeasureKind("voronoi_speed", "m/s", "mean Voronoi speed", "平均Voronoi速度", "more"),
)
LAB_MEASURES: dict[str, MeasureKind] = MEASURES | {m.key: m for m in _LAB}
"""The measures of experiments; some share a name with those of events."""


def measure(column: str, among: dict[str, MeasureKind] = MEASURES) -> MeasureKind:
    """The measure that a column of ``metrics.parquet`` holds, its place in the label."""
    key, _, place = column.partition(":")
    kind = among[key]
    if not place:
        return kind
    return replace(kind, key=column, english=f"{place}: {kind.english}", chinese=f"{place}：{kind.chinese}")


def readable(value: float | None) -> str:
    """A number for reading: three significant figures, whole numbers and hundreds in full; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
