import json
import multiprocessing
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.errors import BadInput
from twin.guard import Audit

WHEN = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def written(folder, count=6):
    audit = Audit(folder, lambda: WHEN)
    for k in range(count):
        audit.write(f"P-{k % 3}", "positions.read", grids=["s1"], k=k)
    return audit


def lines_of(audit):
    return audit.path.read_text(encoding="utf-8").splitlines()


def put(audit, lines):
    audit.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def test_what_was_written_can_be_read_and_is_whole(tmp_path):
    audit = written(tmp_path)
    assert audit.verify() == []
    first = next(audit.entries())
    assert (first.n, first.who, first.what, first.about) == (1, "P-0", "positions.read", {"grids": ["s1"], "k": 0})
    assert first.when == "2026-11-22T08:00:00.000+00:00"
    assert [e.about["k"] for e in audit.tail(2)] == [5, 4]
    assert [e.about["k"] for e in audit.tail(9, who="P-1")] == [4, 1]
    assert audit.tail(9, what="export") == []


def test_nothing_yet_is_whole(tmp_path):
    assert Audit(tmp_path / "none").verify() == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("at", [0, 2, 5])
def test_a_changed_line_is_named(tmp_path, at):
    audit = written(tmp_path)
    lines = lines_of(audit)
    lines[at] = lines[at].replace("positions.read", "positions.seen")
    put(audit, lines)
    assert (at + 1, f"number {at + 1} was changed") in [(f.line, f.what) for f in audit.verify()]


def test_a_line_that_was_changed_with_its_hash_does_not_fit_the_next(tmp_path):
    from twin.guard.audit import _canonical, _hash
    audit = written(tmp_path)
    lines = lines_of(audit)
    body = json.loads(lines[2])
    body["who"] = "nobody"
    body["hash"] = _hash({key: value for key, value in body.items() if key != "hash"})
    lines[2] = _canonical(body)
    put(audit, lines)
    found = audit.verify()
    assert [f.line for f in found] == [4]
    assert "does not follow" in found[0].what


def test_a_removed_line_is_named(tmp_path):
    audit = written(tmp_path)
    lines = lines_of(audit)
    put(audit, lines[:3] + lines[4:])
    assert [(f.line, f.what) for f in audit.verify()] == [(4, "number 4 is missing before number 5")]
    put(audit, lines[2:])
    assert [(f.line, f.what) for f in audit.verify()] == [(1, "numbers 1 to 2 are missing before number 3")]


def test_lines_cut_off_at_the_end_are_missed(tmp_path):
    audit = written(tmp_path)
    lines = lines_of(audit)
    put(audit, lines[:4])
    assert [f.what for f in audit.verify()] == ["numbers 5 to 6 were cut off at the end"]
    put(audit, [])
    assert [f.what for f in audit.verify()] == ["numbers 1 to 6 were cut off at the end"]


def test_moved_lines_are_named(tmp_path):
    audit = written(tmp_path)
    lines = lines_of(audit)
    put(audit, [lines[0], lines[2], lines[1], *lines[3:]])
    assert [f.line for f in audit.verify()][:2] == [2, 3]


def test_a_copied_line_is_named(tmp_path):
    audit = written(tmp_path)
    lines = lines_of(audit)
    put(audit, [*lines[:3], lines[1], *lines[3:]])
    assert (4, "number 2 stands after number 3: it was moved or copied") in [(f.line, f.what) for f in audit.verify()]


def test_a_history_that_was_written_anew_does_not_have_the_noted_hash(tmp_path):
    noted = written(tmp_path / "a").head()
    anew = Audit(tmp_path / "b", lambda: WHEN)
    for k in range(8):
        anew.write("P-9", "positions.read", k=k)
    assert anew.verify() == []
    assert [f.what for f in anew.verify(head=noted)] == ["the hash that was noted elsewhere is not in the audit"]
    anew.head_path.write_text((tmp_path / "a" / "audit.head").read_text())
    assert "written anew" in anew.verify()[0].what


def test_an_earlier_noted_hash_stays_good(tmp_path):
    audit = written(tmp_path)
    noted = audit.head()
    audit.write("P-1", "export.csv")
    assert audit.verify(head=noted) == []


def test_garbage_in_the_file_is_named_and_the_rest_still_checked(tmp_path):
    audit = written(tmp_path)
    lines = lines_of(audit)
    lines[1] = "\x00 not json"
    lines[4] = lines[4].replace("P-1", "P-7")
    put(audit, lines)
    assert [f.line for f in audit.verify()] == [2, 5]


def test_a_line_that_a_crash_cut_short_is_taken_away_and_the_next_one_fits(tmp_path):
    audit = written(tmp_path)
    with audit.path.open("a") as file:
        file.write('{"n":7,"who":"half a li')
    assert audit.verify() != []
    audit.write("P-1", "login")
    assert audit.verify() == []
    assert len(lines_of(audit)) == 7


def test_a_crash_between_line_and_head_is_no_finding(tmp_path):
    audit = written(tmp_path)
    before = audit.head_path.read_text()
    audit.write("P-1", "login")
    audit.head_path.write_text(before)
    assert audit.verify() == []


def test_a_last_line_that_was_spoilt_stops_the_writing(tmp_path):
    audit = written(tmp_path)
    put(audit, [*lines_of(audit)[:-1], "spoilt"])
    with pytest.raises(BadInput, match="last line of the audit was changed"):
        audit.write("P-1", "login")


def test_long_lines_are_found_from_the_end(tmp_path):
    audit = Audit(tmp_path)
    for k in range(3):
        audit.write("P-1", "export", about=[f"{k}-{j}" * 40 for j in range(99)])
    assert audit.verify() == []
    assert audit.path.stat().st_size > 3 * 8192


def _write_many(folder, name, count):
    audit = Audit(folder)
    for k in range(count):
        audit.write(name, "positions.read", k=k)


def test_several_processes_write_one_chain(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(tmp_path, f"P-{n}", 25)) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    audit = Audit(tmp_path)
    assert audit.verify() == []
    assert sum(1 for _ in audit.entries()) == 75


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_done_to_the_file_is_found(tmp_path, data):
    """Remove, repeat, swap or alter lines: either the file is as before, or something is found."""
    folder = tmp_path / "once"
    if not folder.exists():
        written(folder, 7)
    audit = Audit(folder)
    whole = (tmp_path / "whole")
    if not whole.exists():
        whole.write_text(audit.path.read_text())
    lines = whole.read_text().splitlines()
    changed = list(lines)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        what = data.draw(st.sampled_from(["remove", "repeat", "swap", "alter"]))
        if not changed:
            break
        if what == "remove":
            del changed[at]
        elif what == "repeat":
            changed.insert(at, changed[at])
        elif what == "swap":
            other = data.draw(st.integers(0, len(changed) - 1))
            changed[at], changed[other] = changed[other], changed[at]
        else:
            place = data.draw(st.integers(0, len(changed[at]) - 1))
            letter = data.draw(st.sampled_from("0a\"}x "))
            changed[at] = changed[at][:place] + letter + changed[at][place + 1:]
    put(audit, changed)
    try:
        assert (audit.verify() == []) == (changed == lines)
    finally:
        put(audit, lines)
