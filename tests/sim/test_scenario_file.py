"""Scenario files: defaults, errors that name the line, and saving a layout."""

import json

import pytest
import yaml

from sim.scenario import Barrier, Layout, Scenario
from sim.scenario_file import dump, load, put_layout, schema
from twin.errors import BadInput

PLAIN = """\
name: evening
synthetic: xichangan
start: 2026-10-01T18:00:00+08:00
duration_s: 600
entries:
  west: {at: [0, 0]}
venues:
  square: {area: "POLYGON ((0 0, 10 0, 10 10, 0 0))"}
demand:
  visitors: {entry: west, venue: square, people: 100, arrive: {uniform: [0, 300]}}
layouts:
  A: {}
"""


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "evening.yaml"
    path.write_text(PLAIN, encoding="utf-8")
    return path


def test_reads_with_defaults(plain):
    scenario = load(plain)
    assert scenario.seed == 1
    assert scenario.demand["visitors"].walkers["adult"].speed.normal == (1.34, 0.26)


def test_dump_reads_back_equal(plain):
    scenario = load(plain)
    assert Scenario.model_validate(yaml.safe_load(dump(scenario))) == scenario


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("people: 100", "people: -5", 10, "people"),
        ("duration_s: 600", "duration_s: .nan", 4, "duration_s"),
        ("entry: west", "entry: east", 1, "east"),
        ("  A: {}", "  A: {barrier: []}", 12, "barrier"),
        ("duration_s: 600\n", "", 1, "duration_s"),
        ("+08:00", "", 1, "time zone"),
        ("synthetic: xichangan\n", "", 1, "district"),
        ("at: [0, 0]", "at: [0, .inf]", 6, "finite"),
        ("arrive: {uniform: [0, 300]}", "arrive: {}", 10, "exactly one"),
        ("name: evening", "name: [", None, "YAML"),
        ("  A: {}", "  A: {}\n  A: {}", 13, "twice"),
    ],
)
def test_says_where_and_what(plain, old, new, line, word):
    plain.write_text(PLAIN.replace(old, new), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load(plain)
    said = str(caught.value)
    assert word in said
    assert "\n" not in said
    if line is not None:
        assert f"line {line}:" in said


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"- 1\n- 2\n", b"just words"])
def test_refuses_what_is_no_scenario(tmp_path, content):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        load(path)


def test_incident_must_name_a_gate_of_every_layout(plain):
    plain.write_text(PLAIN + "incidents:\n  - {id: i, at_s: 5, kind: close_gate, object: north}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="north"):
        load(plain)


def test_put_layout_keeps_the_rest_and_refuses_the_invalid(plain):
    put_layout(plain, "B", Layout(barriers=[Barrier(id="b1", line=[(0, 0), (5, 5)])]))
    scenario = load(plain)
    assert list(scenario.layouts) == ["A", "B"]
    assert scenario.layouts["B"].barriers[0].line == [(0, 0), (5, 5)]
    before = plain.read_bytes()
    twice = Layout(barriers=[Barrier(id="b1", line=[(0, 0), (5, 5)]), Barrier(id="b1", line=[(0, 0), (5, 5)])])
    with pytest.raises(BadInput, match="b1"):
        put_layout(plain, "C", twice)
    assert plain.read_bytes() == before


def test_schema_describes_the_example():
    jsonschema = json.loads(schema())
    assert {"entries", "venues", "demand", "layouts", "start", "duration_s", "name"} <= set(
        jsonschema["$defs"]["Scenario"]["required"]
    )
