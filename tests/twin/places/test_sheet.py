"""The courtyard sheet: complete, self-contained, in two languages, and safe whatever things are called."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any
from xml.etree import ElementTree

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from twin.errors import BadInput
from twin.places import District, table_frame
from twin.places.sheet import MOST_WAYS, courtyard_sheet
from twin.places.sheet.map import ridge_line
from twin.places.sheet.words import WORDS

UTM = CRS("EPSG:32650")


def house(name: str | None = "No. 7", lane: str | None = "Willow Lane",
          **tables: list[dict[str, Any]]) -> District:
    """A courtyard with a locked front door on a narrow lane, and a back way through its neighbour."""
    yard, neighbour = shapely.box(0, 0, 20, 30), shapely.box(0, 30, 20, 60)
    rows: dict[str, list[dict[str, Any]]] = {
        "streets": [
            {"id": "lane", "name": lane, "kind": "lane", "width": 3.0, "width_source": "measured",
             "geometry": shapely.LineString([(-40, -2), (60, -2)])},
            {"id": "street", "name": "North Street", "kind": "street", "width": 8.0, "width_source": "lanes",
             "geometry": shapely.LineString([(-40, 65), (60, 65)])}],
        "courtyards": [{"id": "yard", "name": name, "address": "7 Willow Lane", "grid": "cell",
                        "walled": True, "geometry": yard}, {"id": "neighbour", "name": "No. 9",
                        "geometry": neighbour}],
        "buildings": [
            {"id": "hall", "courtyard": "yard", "height": 5.5, "height_source": "measured", "roof": "gabled",
             "roof_heading": 0.0, "use": "residential", "levels": 1, "geometry": shapely.box(1, 20, 19, 28)},
            {"id": "wing", "height": 4.0, "height_source": "assumed", "roof": "hipped",
             "geometry": shapely.box(1, 2, 6, 18)}],
        "entrances": [
            {"id": "door", "courtyard": "yard", "leads_to": "lane", "kind": "front", "state": "locked",
             "width": 1.4, "step_free": False, "geometry": shapely.Point(10, 0)},
            {"id": "hatch", "courtyard": "yard", "leads_to": "neighbour", "kind": "back", "state": "open",
             "width": 0.9, "geometry": shapely.Point(15, 30)},
            {"id": "arch", "courtyard": "neighbour", "leads_to": "street", "kind": "passage", "state": "open",
             "width": 2.0, "step_free": True, "geometry": shapely.Point(10, 60)}],
        "parts": [{"id": "h1", "kind": "hydrant", "geometry": shapely.Point(32, 0)},
                  {"id": "k1", "kind": "camera", "heading": 1.0, "geometry": shapely.Point(-3, 0)}],
        "grids": [{"id": "top", "scheme": "household", "level": "community", "name": "East End",
                   "geometry": shapely.box(-99, -99, 99, 99)},
                  {"id": "cell", "scheme": "household", "level": "grid", "name": "Cell 3", "parent": "top",
                   "geometry": shapely.box(-99, -99, 99, 99)}],
        **tables}
    frames = {table: table_frame(table, given, UTM, source="survey:1") for table, given in rows.items()}
    return District("Test quarter", UTM, frames, attribution="© the surveyors")


class _Text(HTMLParser):
    """Collects the text and the attributes of a page, and insists that tags close in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self._open = "", [], []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data + " "


def test_the_sheet_says_what_a_crew_needs() -> None:
    text = " ".join(_Text(courtyard_sheet(house(), "yard")).text.split())
    for said in ("No. 7", "7 Willow Lane", "East End › Cell 3", "600 m²", "37%",
                 "4.0–5.5 m (1 measured, 1 assumed)", "h1, 12 m from the plot in a straight line",
                 "Willow Lane, 3.0 m wide (measured)",
                 "Only one door is known to be open: 1.", "Locked or blocked: 2.",
                 "If the door on Willow Lane fails, come through No. 9: doors 3 → 1.",
                 "No open way is known to be step-free", "1 of 2 heights are assumed", "survey",
                 "© the surveyors"):
        assert said in text, said


def test_fire_access_depends_on_the_width_and_the_distance_of_the_lane() -> None:
    near = courtyard_sheet(house(), "yard")
    assert "yes: North Street, 8.0 m wide (from lanes), 31 m from the plot; farthest corner" in near
    narrow = house(streets=[{"id": "lane", "kind": "lane", "width": 3.9, "geometry": shapely.LineString(
        [(-40, -2), (60, -2)])}])
    assert "no lane of at least 4 m within 60 m of the plot" in courtyard_sheet(narrow, "yard")


def test_the_page_asks_for_nothing_from_outside() -> None:
    page = _Text(courtyard_sheet(house(), "yard"))
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object")]
    assert not [a for _, attrs in page.tags for a in attrs if a in ("src", "href", "srcset", "style")]
    assert "url(" not in courtyard_sheet(house(), "yard")


def test_the_map_is_well_formed_and_marks_every_door() -> None:
    page = courtyard_sheet(house(), "yard")
    drawing = re.search(r'<svg[^>]*class="map">.*?</svg>', page, re.S)
    assert drawing
    svg = ElementTree.fromstring(drawing.group())
    words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"1", "2", "Willow Lane", "N"} <= set(words)
    assert not re.search(r"\bnan\b", drawing.group(), re.I)


def test_the_sheet_in_chinese_has_no_english_words_left() -> None:
    page = courtyard_sheet(house(), "yard", language="zh")
    text = _Text(page).text
    assert 'lang="zh-CN"' in page
    assert "院落一张表" in text and "上锁" in text
    assert not {english for english, _ in WORDS.values() if len(english) > 4 and english in text}


def test_both_languages_fill_in_the_same_values() -> None:
    for key, (english, chinese) in WORDS.items():
        fields = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, chinese)]
        assert fields[0] == fields[1], key


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=40).filter(str.strip))
def test_whatever_a_place_is_called_the_page_stays_whole(name: str) -> None:
    page = _Text(courtyard_sheet(house(name=name, lane=f"<script>{name}"), "yard"))
    assert not [tag for tag, _ in page.tags if tag == "script"]


def test_names_are_shown_as_they_are() -> None:
    page = _Text(courtyard_sheet(house(name='A & B <i>"C"'), "yard"))
    assert 'A & B <i>"C"' in page.text


def test_a_courtyard_of_which_little_is_known_says_so() -> None:
    bare = house(name=None, entrances=[], buildings=[], streets=[], parts=[], grids=[])
    text = _Text(courtyard_sheet(bare, "neighbour")).text
    for said in ("No entrance of this courtyard is on the map", "No building of this courtyard is on the map",
                 "none on the map", "not known", "No way in is known to be open"):
        assert said in text


def test_more_doors_than_the_sheet_has_lines_are_counted() -> None:
    doors = [{"id": f"d{k}", "courtyard": "yard", "leads_to": "lane", "kind": "side", "state": "open",
              "geometry": shapely.Point(1 + k, 0)} for k in range(MOST_WAYS + 3)]
    assert "and 3 more ways" in courtyard_sheet(house(entrances=doors), "yard")


def test_wrong_requests_are_answered_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="no sheet in the language 'fr'; choose en or zh"):
        courtyard_sheet(house(), "yard", language="fr")
    with pytest.raises(BadInput, match="name a courtyard"):
        courtyard_sheet(house(), "lane")
    with pytest.raises(BadInput, match="no object 'yrad'; did you mean yard"):
        courtyard_sheet(house(), "yrad")


def test_a_ridge_runs_along_the_middle_in_its_direction() -> None:
    ridge = ridge_line(shapely.box(0, 0, 20, 8), 0.0)
    assert ridge is not None
    assert ridge.equals(shapely.LineString([(0, 4), (20, 4)]))
    along_the_longer_side = ridge_line(shapely.box(0, 0, 8, 20), float("nan"))
    assert along_the_longer_side is not None
    assert along_the_longer_side.length == pytest.approx(20)


@pytest.mark.browser
def test_the_sheet_prints_on_two_pages(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    page, paper = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    page.write_text(courtyard_sheet(house(), "yard"), encoding="utf-8")
    subprocess.run([chromium, "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    f"--user-data-dir={tmp_path / 'profile'}", "--no-pdf-header-footer",
                    f"--print-to-pdf={paper}", page.as_uri()], check=True, capture_output=True, timeout=120)
    assert len(re.findall(rb"/Type\s*/Page[^s]", paper.read_bytes())) == 2
