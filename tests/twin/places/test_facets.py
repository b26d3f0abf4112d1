"""Facets: lids without cracks over any outline, walls that look outward."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.places.solids import solid
from twin.places.solids.facets import boundary_edges, caps, ear_clip, polygon_parts, walls


def box(east, north, x=0.0, y=0.0, turn=0.0):
    shape = shapely.affinity.rotate(shapely.box(-east / 2, -north / 2, east / 2, north / 2), turn, use_radians=True)
    return shapely.affinity.translate(shape, x, y)


def less(shape, yards):
    """The shape without those yards that leave a wall of 10 cm around them."""
    for yard in yards:
        if shape.contains_properly(yard.buffer(0.1)):
            shape = shape.difference(yard)
    return shape


@st.composite
def outlines(draw):
    """Star-shaped outlines with up to three turned courtyards inside."""
    reach = draw(st.lists(st.floats(6, 30), min_size=5, max_size=12))
    angle = (np.arange(len(reach)) + draw(st.floats(0, 1))) * 2 * math.pi / len(reach)
    star = shapely.Polygon(np.c_[np.cos(angle), np.sin(angle)] * np.array(reach)[:, None])
    yard = st.builds(box, st.floats(0.5, 5), st.floats(0.5, 5), st.floats(-9, 9), st.floats(-9, 9), st.floats(0, 3))
    return less(star, draw(st.lists(yard, max_size=3)))


@st.composite
def plans(draw):
    """Square plans on a grid of whole metres: corners of courtyards line up with each other and with the walls."""
    yard = st.builds(box, st.sampled_from([2.0, 4.0]), st.sampled_from([2.0, 4.0]), st.integers(-7, 7),
                     st.integers(-7, 7))
    return less(shapely.box(-10, -10, 10, 10), draw(st.lists(yard, min_size=1, max_size=5)))


def open_edges(points, faces):
    """Directed edges of the triangles that no neighbour takes the other way."""
    edges = {(i, j) for f in faces.tolist() for i, j in zip(f, [*f[1:], f[0]], strict=True)}
    return {(tuple(points[i]), tuple(points[j])) for i, j in edges if (j, i) not in edges}


def outline(shape):
    shape = shapely.orient_polygons(shape)        # shell counter-clockwise, holes clockwise
    rings = [shape.exterior, *shape.interiors]
    return {pair for ring in rings for pair in zip(ring.coords[:-1], ring.coords[1:], strict=True)}


@settings(max_examples=150, deadline=None)
@given(st.one_of(outlines(), plans()))
def test_a_lid_covers_its_polygon_and_ends_on_its_outline(shape):
    points, faces, of_polygon = ear_clip(np.array([shape], object))
    a, b, c = (points[faces[:, i]] for i in range(3))
    doubled = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert doubled.sum() / 2 == pytest.approx(shape.area, rel=1e-9)
    assert doubled.min() > -1e-9 and set(of_polygon) == {0}
    assert open_edges(points, faces) == outline(shape)


@settings(max_examples=100, deadline=None)
@given(st.one_of(outlines(), plans()), st.floats(2.0, 60.0), st.sampled_from(["flat", "gabled", "hipped"]))
def test_any_footprint_with_courtyards_becomes_a_closed_body(shape, height, roof):
    body = solid({"id": "b", "geometry": shape, "height": height, "roof": roof})
    assert np.isfinite(body.vertices).all()
    assert body.is_watertight and body.is_winding_consistent
    assert 0 < body.volume <= shape.area * height * (1 + 1e-6)
    assert roof != "flat" or body.volume == pytest.approx(shape.area * height, rel=1e-6)
    assert body.bounds[:, 2] == pytest.approx([0.0, height], abs=1e-5)


def test_corners_on_a_straight_wall_leave_no_crack():
    shape = shapely.Polygon([(5, 0), (10, 0), (10, 6), (4, 6), (0, 6), (0, 3), (0, 0)],
                            [[(2, 1), (3, 1), (3, 2), (3, 3), (2, 3), (1, 3), (1, 1)]])
    for roof in ("flat", "gabled", "hipped"):
        assert solid({"id": "b", "geometry": shape, "height": 6.0, "roof": roof}).is_watertight


def test_walls_have_the_building_on_their_left_whichever_way_the_ring_was_drawn():
    ring = box(20, 20).difference(box(8, 8))
    for shape in (ring, ring.reverse()):
        edges = boundary_edges(np.array([shape], object), np.array([7]))
        side = walls(edges, np.zeros(8), np.full(8, 3.0), 0)
        p, q, r = (side.positions[side.faces[:, i]] for i in range(3))
        outward = np.cross(q - p, r - p)
        middle = (p + q + r)[:, :2] / 3
        outer = np.abs(middle).max(axis=1) > 9
        assert ((outward[:, :2] * middle).sum(axis=1)[outer] > 0).all()
        assert ((outward[:, :2] * middle).sum(axis=1)[~outer] < 0).all()
        assert set(side.owner) == {7} and outer.sum() == 8 and len(side.faces) == 16


def test_lids_look_up_or_down():
    for down in (False, True):
        lid = caps(np.array([box(4, 4), box(2, 6, 10).reverse()], object), np.array([3.0, 5.0]), np.array([0, 1]), 1,
                   down=down)
        p, q, r = (lid.positions[lid.faces[:, i]] for i in range(3))
        assert (np.sign(np.cross(q - p, r - p)[:, 2]) == (-1 if down else 1)).all()
        assert set(lid.positions[lid.owner == 1][:, 2]) == {5.0}


def test_degenerate_geometry_falls_away():
    line = shapely.LineString([(0, 0), (1, 1)])
    mixed = shapely.GeometryCollection([box(2, 2), line])
    parts, rows = polygon_parts(np.array([mixed, shapely.Polygon(), shapely.MultiPolygon([box(1, 1), box(1, 1, 5)])],
                                         object))
    assert rows.tolist() == [0, 2, 2] and (shapely.area(parts) > 0).all()


def test_an_outline_that_crosses_itself_does_not_stop_the_others():
    crossing = shapely.Polygon([(0, 0), (10, 0), (10, 10), (5, -3), (0, 10)])
    points, faces, _ = ear_clip(np.array([crossing, box(4, 4, 30)], object))
    assert np.isfinite(points).all() and (faces < len(points)).all()
    lid = shapely.union_all(shapely.polygons(points[faces[points[faces[:, 0], 0] > 25]]))
    assert lid.equals(shapely.box(28, -2, 32, 2))
