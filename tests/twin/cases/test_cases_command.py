"""``hutong cases`` on real and on broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from twin.errors import BadInput
from viz.cli import cases


def run(*arguments: object) -> str:
    """What a command prints; its BadInput is raised."""
    result = CliRunner().invoke(cases.app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Twenty requests, every second one closed after half an hour."""
    path = tmp_path / "requests.csv"
    rows = [f"{k},2026-01-05T10:{k:02d}:00,{f'2026-01-05T10:{k + 30:02d}:00' if k % 2 else ''},Illegal Parking,"
            f"{'Closed' if k % 2 else 'Open'},NYPD,{-73.9 + k * 1e-4},40.7" for k in range(20)]
    head = "unique_key,created_date,closed_date,complaint_type,status,agency,longitude,latitude"
    path.write_text("\n".join([head, *rows]))
    return path


def test_a_history_goes_into_a_log_once(small: Path, tmp_path: Path) -> None:
    log = tmp_path / "live.sqlite"
    first, again = told("import", small, "--log", log), told("import", small, "--log", log)
    assert first == {"cases": 20, "steps": 60, "stored": 60, "duplicates": 0, "refused": 0, "dropped": {}}
    assert (again["stored"], again["duplicates"]) == (0, 60)
    for source in (small, log):
        found = told("indicators", source)
        assert (found["received"], found["closed"], found["closing_rate"]) == (20, 10, 0.5)
        assert found["handle_min"]["p50"] == 30


def test_streams_are_kept_apart(small: Path, tmp_path: Path) -> None:
    log = tmp_path / "live.sqlite"
    run("import", small, "--log", log, "--stream", "drill:x")
    assert told("indicators", log, "--stream", "drill:x")["received"] == 20
    with pytest.raises(BadInput, match="no cases in the stream live"):
        run("indicators", log)


def test_show_lists_open_cases_and_the_history_of_one(small: Path) -> None:
    listed = told("show", small, "--limit", 3)
    assert (listed["received"], listed["open"], len(listed["cases"])) == (20, 10, 3)
    assert [case["id"] for case in listed["cases"]] == ["nyc311-0", "nyc311-2", "nyc311-4"], "the first to be due first"
    one = told("show", small, "nyc311-1")
    assert [s["step"] for s in one["history"]] == ["report", "dispatch", "handle", "verify", "close"]
    assert all(s["by"] and s["why"] and s["at"].endswith("+00:00") for s in one["history"])
    assert "illegal_parking" in run("show", small, "nyc311-1")
    with pytest.raises(BadInput, match="there is no case nope"):
        run("show", small, "nope")


def test_a_period_is_a_period(small: Path) -> None:
    found = told("indicators", small, "--since", "2026-01-05T10:05-05:00", "--until", "2026-01-05T10:10-05:00")
    assert found["received"] == 5
    with pytest.raises(BadInput, match="'soon' is not a day"):
        run("indicators", small, "--since", "soon")


def test_the_brief_is_written_whole_or_not_at_all(small: Path, tmp_path: Path) -> None:
    page, text = tmp_path / "b.html", tmp_path / "b.md"
    run("brief", small, "-o", page, "--language", "zh")
    run("brief", small, "-o", text)
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>") and "案件办理周报" in page.read_text(encoding="utf-8")
    assert text.read_text(encoding="utf-8").startswith("# Weekly brief")
    assert "20 cases were received" in run("brief", small)
    assert told("brief", small)["week"]["received"] == 20
    for bad, complaint in ((tmp_path / "b.pdf", "ends in .html or .md"), (tmp_path / "b", "without an ending")):
        with pytest.raises(BadInput, match=complaint):
            run("brief", small, "-o", bad)
    with pytest.raises(BadInput, match="no brief in the language"):
        run("brief", small, "-o", tmp_path / "c.md", "--language", "fr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.html", "b.md", "requests.csv"]


@pytest.mark.data
def test_hot_spots_of_a_real_night_are_where_and_when_many_called(data: Path) -> None:
    found = told("hot-spots", data / "events" / "nyc311_2024-04-16.csv", "--cell", 1000, "--zone", "America/New_York")
    assert found["used"] == 977 and found["spots"]
    assert all(spot["cases"] >= 5 and spot["p"] <= found["threshold_p"] for spot in found["spots"])
    assert {spot["hour"] for spot in found["spots"]} <= {22, 23, 0, 1, 2, 3}, "the file holds that night"


def test_hot_spots_need_a_time_zone_that_is_known(small: Path) -> None:
    with pytest.raises(BadInput, match="no time zone 'Mars'"):
        run("hot-spots", small, "--zone", "Mars")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such log"):
        run("show", tmp_path / "x.sqlite")
    with pytest.raises(FileNotFoundError):
        run("show", tmp_path / "x.csv")
