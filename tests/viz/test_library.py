import json

import pytest

from sim.scenario import Barrier
from twin.errors import BadInput
from viz.library import Library


def test_names_what_there_is(library):
    assert library.scenarios() == ["evening"]
    assert library.districts() == ["plaza", "xichangan"]
    assert {entry.name for entry in library.runs()} == {"open", "checked"}
    assert library.run_district(library.run("open")) == "plaza"


def test_a_district_is_opened_once(library):
    assert library.district("plaza") is library.district("plaza")


@pytest.mark.parametrize("name", ["nothing", "../library/runs/open", ".", "", "open.part"])
def test_unknown_runs_are_refused_in_a_sentence(library, name):
    with pytest.raises(BadInput, match="there is no run"):
        library.run(name)


def test_unknown_names_say_what_to_choose(library):
    with pytest.raises(BadInput, match="choose one of plaza"):
        library.district("peking")
    with pytest.raises(BadInput, match="choose one of evening"):
        library.scenario("morning")


def test_a_layout_is_saved_beside_the_others(library):
    layout = library.scenario("evening").layouts["checked"]
    more = layout.model_copy(
        update={"barriers": [*layout.barriers, Barrier(id="new", line=[(446000, 4416000), (446005, 4416000)])]}
    )
    library.save_layout("evening", "checked 2", more)
    saved = library.scenario("evening").layouts
    assert list(saved) == ["open", "checked", "checked 2"]
    assert saved["checked"] == layout and saved["checked 2"] == more


def test_a_layout_without_a_name_is_refused(library):
    before = library.scenario_path("evening").read_text(encoding="utf-8")
    with pytest.raises(BadInput, match="name of a layout"):
        library.save_layout("evening", "  ", library.scenario("evening").layouts["open"])
    assert library.scenario_path("evening").read_text(encoding="utf-8") == before


def test_what_is_no_run_is_passed_over(library):
    for name, text in (("broken", "{"), ("other", json.dumps({"a": 1})), ("half.part", "{}")):
        folder = library.runs_folder / name
        folder.mkdir()
        (folder / "run.json").write_text(text, encoding="utf-8")
    assert {entry.name for entry in library.runs()} == {"open", "checked"}


def test_names_of_new_runs_are_free(library):
    (library.runs_folder / "evening-open").mkdir()
    assert library.new_run_name("evening", "open") == "evening-open-2"
    assert library.new_run_name("a/../b", "..") == "a-..-b-.."


def test_a_broken_scenario_does_not_hide_the_districts(library):
    (library.scenario_folders[0] / "bad.yaml").write_text("name: [", encoding="utf-8")
    assert library.districts() == ["plaza", "xichangan"]
    assert library.first_scenario() == "evening"
    with pytest.raises(BadInput, match="not YAML"):
        library.scenario("bad")


def test_missing_files_are_told_at_the_start(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        Library(tmp_path / "nowhere.gpkg")
    with pytest.raises(BadInput, match="no such folder"):
        Library(None, tmp_path, tmp_path / "nowhere")
