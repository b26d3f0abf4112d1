"""``hutong protect`` on the plan that ships: tables, JSON, pages, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from viz.cli import main

PLAN = Path(__file__).resolve().parents[2] / "scenarios" / "protection.yaml"


def hutong(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan that ships with fewer problems, so that it is quick."""
    import yaml
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    plan["protection"]["problems"] = {"medical": plan["protection"]["problems"]["medical-lanes"]}
    plan["protection"]["crowding"] = []
    plan["protection"]["risks"] = plan["protection"]["risks"][:8]
    path = tmp_path_factory.mktemp("plan") / "small.yaml"
    path.write_text(yaml.safe_dump(plan, allow_unicode=True), encoding="utf-8")
    return path


def map_of(page: Path) -> ElementTree.Element:
    """The map of a page, which has to be well-formed."""
    text = page.read_text(encoding="utf-8")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")  # it opens without a network
    pictures = ["<svg" + part.partition("</svg>")[0] + "</svg>" for part in text.split("<svg")[1:]]
    return ElementTree.fromstring(max(pictures, key=len))


def test_check(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path):
    code, out, _ = hutong(capsys, "protect", "check", small, "--json", "-o", tmp_path / "check.html")
    told = json.loads(out)
    assert code == 0 and told["staff"] == 3000 and told["grids"] == 71 and told["blind_spots"]
    assert sum(f["staff"] for f in told["forces"] if f["time_s"] == 0) == 3000
    titles = {title.text for title in map_of(tmp_path / "check.html").iter("{http://www.w3.org/2000/svg}title")}
    assert "core (core)" in titles and "grid-01" in titles and any(t and t.startswith("medic-01: 4") for t in titles)


def test_arrival(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path):
    code, out, _ = hutong(capsys, "protect", "arrival", small, "-n", 4, "--json", "-o", tmp_path / "arrival.html")
    row, = json.loads(out)["problems"]
    assert code == 0 and row["calls"] > 20 and 45 <= row["turnout_p50"] + 5 <= 60
    assert row["turnout_p50"] < row["turnout_p90"] and row["travel_p50"] < row["travel_p90"] < row["whole_p95"]
    assert len(list(map_of(tmp_path / "arrival.html"))) > 300


def test_posts(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path):
    code, out, _ = hutong(capsys, "protect", "posts", small, "--moves", 1, "-n", 4, "--json", "-o", tmp_path / "posts.html")
    told = json.loads(out)
    assert code == 0 and told["problem"] == "medical" and len(told["proposals"]) == 1
    assert told["proposals"][0]["covered"] > 0.9
    assert "Which posts to move" in (tmp_path / "posts.html").read_text(encoding="utf-8")


def test_schedule(capsys: pytest.CaptureFixture[str], small: Path, tmp_path: Path):
    told = json.loads(hutong(capsys, "protect", "schedule", small, "--slots", 4, "--seed", 3, "--json")[1])
    assert told["seed"] == 3 and {row["slot"] for row in told["rows"]} == {0, 1, 2, 3} and told["bound"] <= told["value"]
    code, out, _ = hutong(capsys, "protect", "schedule", small, "-o", tmp_path / "patrols.html")
    assert code == 0 and "bits a slot" in out and "police-01" in (tmp_path / "patrols.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("arguments", "words"), [
    (["check", "scenarios/evening.yaml"], "no protection plan"), (["check", PLAN, "-l", "B"], "there is no layout 'B'"),
    (["posts", PLAN, "--problem", "flood"], "there is no problem 'flood'"), (["arrival", "missing.yaml"], "no such file"),
    (["arrival", PLAN, "--run", "missing"], "this is not a run")])
def test_what_cannot_be_done_is_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list,
                                             words: str):
    monkeypatch.chdir(PLAN.parents[1])
    code, _, err = hutong(capsys, "protect", *arguments)
    assert code == 2 and words in err and err.count("\n") <= 2 and "Traceback" not in err
