"""Plots of the verification page: well-formed, labelled, deterministic, and where the page looks for them."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.verify import Result, pictures
from sim.verify.page import page
from sim.verify.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Plot, Series, ticks

SVG = "{http://www.w3.org/2000/svg}"


@given(low=st.floats(-1e4, 1e4), span=st.floats(1e-3, 1e5))
def test_ticks_are_few_and_hold_everything(low, span):
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 10
    assert found[0] <= low + 1e-6 * span and found[-1] >= low + span * (1 - 1e-6)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 9)), min_size=1, max_size=20))
def test_every_point_lies_within_the_axes(points):
    plot = Plot("a < b", "density [1/m²]", "speed [m/s]", [Series("model & more", points, "rings")])
    tree = ElementTree.fromstring(plot.svg())
    dots = tree.findall(f"{SVG}circle")
    assert len(dots) == len(points) + 1  # and the one in the legend
    for dot in dots[:-1]:
        assert LEFT - 0.1 <= float(dot.get("cx")) <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= float(dot.get("cy")) <= HEIGHT - BOTTOM + 0.1
    texts = {text.text for text in tree.iter(f"{SVG}text")}
    assert {"a < b", "density [1/m²]", "speed [m/s]", "model & more"} <= texts


def test_higher_values_are_drawn_higher():
    plot = Plot("", "x", "y", [Series("s", [(1, 2), (3, 4)], "dots")])
    first, second, _ = ElementTree.fromstring(plot.svg()).findall(f"{SVG}circle")
    assert float(first.get("cx")) < float(second.get("cx")) and float(first.get("cy")) > float(second.get("cy"))


def test_the_queue_is_drawn_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "QUEUERS", 300)
    drawn = pictures.draw({("experiments", "queue"), ("imo", "1")}, tmp_path)
    assert drawn == {("experiments", "queue"): "pictures/verification/queue.svg"}
    text = (tmp_path / drawn["experiments", "queue"]).read_text(encoding="utf-8")
    assert "M/D/1" in text and "mean wait [s]" in text and len(text) < 20_000
    pictures.draw({("experiments", "queue")}, tmp_path)
    assert (tmp_path / drawn["experiments", "queue"]).read_text(encoding="utf-8") == text
    assert [p.name for p in (tmp_path / "pictures" / "verification").iterdir()] == ["queue.svg"]
    results = [Result("experiments", "queue", "", {}, "pass", ""), Result("imo", "1", "", {}, "pass", "")]
    written = page(results, {("experiments", "queue"): "queue", ("imo", "1"): "door"}, drawn)
    assert written.count("![") == 1 and "![queue](pictures/verification/queue.svg)" in written


def test_every_picture_is_of_a_test_that_exists():
    from sim.verify import checks
    known = {(check.suite, check.test) for check in checks()}
    assert set(pictures.PICTURES) <= known
    assert len({name for name, _ in pictures.PICTURES.values()}) == len(pictures.PICTURES)


def test_studies_are_plausible_flows():
    for points in pictures.DOOR_STUDIES.values():
        assert all(0.3 < width < 3 and 1.5 < flow < 2.6 for width, flow in points.items())
    kretz = pictures.DOOR_STUDIES["Kretz 2006"]
    assert sum(kretz.values()) / len(kretz) == pytest.approx(1.89, abs=0.03)
