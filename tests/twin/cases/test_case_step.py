"""A step says what its kind needs and cannot carry personal data."""

from __future__ import annotations

import re

import pytest
from case_steps import moment, step
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from twin.cases import CaseStep
from twin.cases.private import without_personal_numbers, without_personal_text

REFUSED = [
    "call 138 0013 8000", "tel. (010) 6512-3456", "打一三八零零一三八零零零", "１３８００１３８０００", "id 11010519491231002X",
    "138\u200b0013\u200b8000", "１3８-00 13.80 00", "write to a@b.cn", "京A12345 blocks the lane", "沪 AD12345", "粤B·12345",
    "张先生 at the door", "Mr. Smith complains", "٠١٢٣٤٥٦٧٨", "   ", "bell \x07",
]
ALLOWED = [
    "rubbish at the gate of 12号, bin 4 full", "since 2026-01-05 08:30", "自2026年1月5日起, 3 lamps out",
    "at 08:30 and again 09:15:20",
    "50000 m2 covered", "lane 3.5 m wide, 120 m long", "部件 123456 损坏",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_belongs_to_a_person(text: str) -> None:
    with pytest.raises(ValidationError):
        step("note", why=text)


@pytest.mark.parametrize("text", ALLOWED)
def test_lets_ordinary_reports_through(text: str) -> None:
    assert step("note", why=text).why == text


@given(st.text("0123456789", min_size=7, max_size=18), st.lists(st.sampled_from(["", " ", "-", ".", "/", "\u200d"]), min_size=18,
                                                               max_size=18), st.text("abc 的", max_size=8))
def test_no_way_of_separating_digits_gets_a_number_through(digits: str, between: list[str], around: str) -> None:
    written = "".join(digit + gap for digit, gap in zip(digits, between, strict=False))
    try:
        without_personal_text(f"{around}{written}{around} 5")
    except ValueError:
        return
    assert re.search(r"(19|20)\d\d[-/.]\d", written.replace("\u200d", "")), "only what reads as a day may pass"


@pytest.mark.parametrize("name", ["john", "zhang-wei", "李明", "deskjohn", "P 12", "13800138000", "", "x" * 60])
def test_a_worker_is_a_call_sign_or_a_role(name: str) -> None:
    with pytest.raises(ValidationError):
        step("note", by=name)


@pytest.mark.parametrize("name", ["P-12", "MED3", "desk", "desk-subdistrict", "agency-NYPD", "core-north-gate-2", "unit-85"])
def test_call_signs_and_roles_are_workers(name: str) -> None:
    assert step("note", by=name).by == name


def test_ids_hold_no_telephone_and_no_identity_number() -> None:
    for number in ("13800138000", "c-13800138000", "11010519491231002X"):
        with pytest.raises(ValueError, match="telephone or identity"):
            without_personal_numbers(number)
    assert without_personal_numbers("nyc311-60879417") == "nyc311-60879417"


@pytest.mark.parametrize(("kind", "says", "complaint"), [
    ("report", {"type": None}, "needs type"), ("dispatch", {"units": ()}, "needs units"),
    ("assess", {"rating": None}, "needs rating"), ("merge", {}, "needs duplicate_of"),
    ("merge", {"duplicate_of": "c-1"}, "of itself"), ("close", {"rating": 3}, "has no rating"),
    ("note", {"level": "district"}, "has no level"), ("handle", {"deadline": moment(60)}, "has no deadline"),
    ("assess", {"rating": 6}, "less than or equal to 5"), ("assess", {"rating": True}, "valid integer"),
    ("note", {"person": "x"}, "not permitted"), ("report", {"type": "Rubbish!"}, "match pattern"),
    ("note", {"evidence": [{"sha256": "ab", "media": "photo"}]}, "match pattern"),
])
def test_a_step_says_what_its_kind_needs_and_nothing_else(kind: str, says: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        step(kind, **says)


def test_a_step_survives_json() -> None:
    photo = {"sha256": "0" * 64, "media": "photo"}
    one = step("report", level="subdistrict", grid="grid-07", deadline=moment(60), evidence=(photo,))
    assert CaseStep.model_validate_json(one.model_dump_json()) == one
