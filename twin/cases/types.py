"""Types of cases and how long they may take: data, to be edited where a city has rules of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT = "editable default"


@dataclass(frozen=True)
class CaseType:
    """One type of case: its names, the time until somebody is there and until it is handled, where these are from.

    ``arrive_min`` and ``handle_h`` count from the report. ``urgent`` cases are dispatched before all others.
    """

    id: str
    en: str
    zh: str
    arrive_min: float
    handle_h: float
    urgent: bool = False
    source: str = DEFAULT


TYPES: dict[str, CaseType] = {kind.id: kind for kind in (
    CaseType("rubbish", "Rubbish", "暴露垃圾", 60, 4,
             source="handling: 4 working hours in published tables of Chinese cities for filing and closing urban management "
             "events (市容环境 02 暴露垃圾); arrival: editable default"),
    CaseType("lamp_out", "Lamp out", "路灯不亮", 120, 24),
    CaseType("manhole", "Manhole cover missing or loose", "井盖缺损", 30, 4, True),
    CaseType("illegal_parking", "Illegal parking", "违章停车", 30, 4),
    CaseType("noise", "Noise", "噪声扰民", 60, 8),
    CaseType("street_vending", "Street vending", "无照游商", 30, 4),
    CaseType("facility_damaged", "Facility damaged", "设施损坏", 120, 72),
    CaseType("fire_hazard", "Fire hazard", "火灾隐患", 15, 24, True),
    CaseType("crowd", "Crowding", "人员聚集", 5, 1, True),
    CaseType("lost_child", "Lost child", "儿童走失", 5, 2, True),
    CaseType("medical", "Medical", "紧急医疗", 8, 1, True,
             source="arrival: 480 s of travel for advanced life support (NFPA 1710); handling: editable default"),
    CaseType("suspicious_object", "Suspicious object", "可疑物品", 5, 2, True),
    CaseType("housing", "Housing fault", "房屋设施", 240, 168),
    CaseType("other", "Other", "其他", 120, 72),
)}


def type_of(name: str) -> CaseType:
    """The type of that id; an unknown one is taken as ``other``, so that no case is lost for want of a type."""
    return TYPES.get(name, TYPES["other"])


def deadline_after(name: str, at: datetime) -> datetime:
    """When a case of this type that was reported then has to be handled."""
    return at + timedelta(hours=type_of(name).handle_h)
