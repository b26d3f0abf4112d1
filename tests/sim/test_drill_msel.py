"""The events list as a table: what is written is read back, and what cannot be used is said with its row."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from drill_plan_case import small_drill
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from plaza_case import plaza

from sim.drill import with_injects
from sim.drill.msel import clock, read, seconds_of, write
from sim.drill.plan import Inject
from twin.errors import BadInput

__all__ = ["plaza"]

letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff")
texts = st.text(letters, max_size=40).map(str.strip)
injects = st.lists(st.builds(
    Inject, serial=st.integers(1, 9999), at_s=st.integers(0, 359_990).map(lambda tenths: tenths / 10), event=texts,
    inject=texts.filter(bool), inject_zh=texts, method=texts.filter(bool), sender=texts.filter(bool), to=texts.filter(bool),
    expected=st.sampled_from(["", "open gate:a", "open gate:a ; close gate:b | raise level:2"]), objective=texts,
    note=texts, within_s=st.integers(1, 999).map(float)), max_size=6)


@settings(max_examples=25, deadline=None)
@given(injects, st.sampled_from(["csv", "xlsx"]))
def test_what_is_written_is_read_back(tmp_path_factory, some, ending):
    file = tmp_path_factory.mktemp("msel") / f"list.{ending}"
    write(file, some)
    back = read(file)
    assert [one.model_dump() for one in back] == [one.model_dump() for one in some]


@given(st.integers(0, 360_000))
def test_the_clock_reads_what_it_writes(seconds):
    assert seconds_of(clock(seconds), "here") == seconds


@pytest.mark.parametrize(("cell", "seconds"), [
    ("90", 90), ("1:30", 90), ("0:01:30", 90), ("1:00:00", 3600), (90.0, 90), (time(0, 1, 30), 90), (timedelta(seconds=90), 90)])
def test_times_come_in_the_forms_of_spreadsheets(cell, seconds):
    assert seconds_of(cell, "here") == seconds


def test_a_text_that_looks_like_a_formula_stays_a_text(tmp_path):
    inject = Inject(serial=1, at_s=5, inject="=1+1", note="@all")
    for ending in ("csv", "xlsx"):
        write(tmp_path / f"a.{ending}", [inject])
        assert read(tmp_path / f"a.{ending}")[0].inject == "=1+1"
    assert "'=1+1" in (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    assert load_workbook(tmp_path / "a.xlsx").active["D2"].data_type == "s"


@pytest.mark.parametrize(("rows", "says"), [
    ([], "the list is empty"), ([["serial", "inject"]], "no column 'scenario time'"),
    ([["serial", "scenario time", "inject", "wheels"]], "nobody knows the column 'wheels'"),
    ([["serial", "scenario time", "inject"], [1, "soon", "x"]], "row 2: 'soon' is no scenario time"),
    ([["serial", "scenario time", "inject"], [1, "0:10", "x"], ["two", "0:20", "x"]], "row 3: serial"),
    ([["serial", "scenario time", "inject"], [1, "0:10", ""]], "row 2: inject")])
def test_bad_lists_are_refused_with_their_row(tmp_path, rows, says):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(BadInput, match=says):
        read(tmp_path / "a.xlsx")


def test_files_that_are_no_lists_are_refused(tmp_path):
    for name, content in (("a.xlsx", b"no workbook"), ("a.csv", b"\xff\xfe\x00"), ("a.txt", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInput):
            read(tmp_path / name)
    with pytest.raises(BadInput, match="no such file"):
        read(tmp_path / "nothing.csv")


@pytest.mark.parametrize(("change", "says"), [
    ({"at_s": 10.0}, "inject 2 at 10 s stands after inject 1 at 60 s; sort them by time"),
    ({"serial": 1}, "two injects have the serial 1"), ({"at_s": 999.0}, "comes after the end at 240 s"),
    ({"expected": "open gate:south"}, "inject 2: there is no gate:south; choose one of gate:east, gate:north"),
    ({"expected": "send kind:medic to incident:flood"}, "there is no incident:flood"),
    ({"to": "press"}, "goes to 'press', which is no role"), ({"objective": "fame"}, "names the objective 'fame'")])
def test_injects_that_do_not_fit_their_drill_are_refused_and_nothing_is_lost(plaza, change, says):
    plan = small_drill(plaza)
    first, second = plan.injects
    with pytest.raises(BadInput, match=says):
        with_injects(plan, [first, second.model_copy(update=change)], "list.csv")
    assert plan.injects == [first, second]
