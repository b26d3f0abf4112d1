"""Make the small 3D models that scenes place: ``python assets/3d/build.py [FOLDER]`` writes them all.

Metres; z up here, y up in the files; a model stands on z = 0 at its own origin and faces +x. One mesh a
material.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from twin.places.solids.glb import Part, glb

Shape = trimesh.Trimesh
STEEL, DARK_STEEL, GRANITE, DARK_TILE = "#9aa0a3", "#4b5054", "#b4b0a8", "#5f6062"
RED, DARK_RED, GOLD, TIMBER = "#a3372c", "#7c2a22", "#c8a252", "#7a5a41"
SKIN, WHITE, HI_VIS, NAVY, BLACK, GLASS = "#d9b59a", "#e9e7e2", "#e3d931", "#33404f", "#2b2d2f", "#8fa6b0"
LEAF, LEAF_DARK, BARK, LIGHT = "#7f9268", "#6b8058", "#766555", "#fbe7b0"


def box(size: tuple[float, float, float], at: tuple[float, float, float]) -> Shape:
    """A box of a size, centred in x and y on ``at`` and standing on its z."""
    shape = trimesh.creation.box(extents=size)
    shape.apply_translation([at[0], at[1], at[2] + size[2] / 2])
    return shape


def rod(start: tuple[float, float, float], end: tuple[float, float, float], radius: float, sides: int = 8,
        end_radius: float | None = None) -> Shape:
    """A round rod between two points, tapering to ``end_radius``."""
    a, b = np.array(start, float), np.array(end, float)
    angle = np.arange(sides) * 2 * np.pi / sides
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(sides)], 1)
    turn = trimesh.geometry.align_vectors([0, 0, 1], b - a)[:3, :3]
    rings = [at + (circle * r) @ turn.T for at, r in ((a, radius), (b, radius if end_radius is None else end_radius))]
    points = np.concatenate([*rings, [a], [b]])
    i = np.arange(sides)
    j = (i + 1) % sides
    faces = np.concatenate([np.stack([i, j, j + sides], 1), np.stack([i, j + sides, i + sides], 1),
                            np.stack([j, i, np.full(sides, 2 * sides)], 1),
                            np.stack([i + sides, j + sides, np.full(sides, 2 * sides + 1)], 1)])
    return Shape(points, faces, process=False)


def ball(radius: float, at: tuple[float, float, float], *, stretch: tuple[float, float, float] = (1, 1, 1),
         detail: int = 1) -> Shape:
    """A low-poly ball."""
    shape = trimesh.creation.icosphere(subdivisions=detail, radius=radius)
    shape.apply_scale(stretch)
    shape.apply_translation(at)
    return shape


def crown(radius: float, at: tuple[float, float, float], seed: int, *, detail: int = 1) -> Shape:
    """A clump of leaves: a ball with an uneven surface."""
    shape = ball(radius, (0, 0, 0), stretch=(1, 1, 0.85), detail=detail)
    bumps = np.random.default_rng(seed).uniform(0.86, 1.12, len(shape.vertices))
    shape.vertices = shape.vertices * bumps[:, None] + at
    return shape


def prism(profile: list[tuple[float, float]], low_y: float, high_y: float) -> Shape:
    """A convex profile of (x, z), counter-clockwise seen from -y, drawn out along y."""
    n = len(profile)
    points = np.array([(x, y, z) for y in (low_y, high_y) for x, z in profile])
    faces = [(i, (i + 1) % n, n + (i + 1) % n) for i in range(n)] + [(i, n + (i + 1) % n, n + i) for i in range(n)]
    faces += [(0, i + 1, i) for i in range(1, n - 1)] + [(n, n + i, n + i + 1) for i in range(1, n - 1)]
    shape = Shape(points, np.array(faces), process=False)
    if shape.volume < 0:
        shape.invert()
    return shape


Model = dict[str, list[Shape]]


def gate() -> Model:
    """A courtyard gate: red leaves between posts under a small tiled roof, 2.4 m wide."""
    roof = [prism([(-0.8, 2.7), (0.8, 2.7), (0, 3.4)], -1.6, 1.6), box((0.2, 3.3, 0.14), (0, 0, 3.36))]
    studs = [ball(0.035, (0.09, y, z), detail=0) for y in (-0.75, -0.4, 0.4, 0.75) for z in (0.9, 1.3, 1.7)]
    return {RED: [box((0.1, 1.14, 2.2), (0, y, 0.1)) for y in (-0.58, 0.58)],
            DARK_RED: [box((0.24, 0.2, 2.5), (0, y, 0)) for y in (-1.27, 1.27)] + [box((0.26, 2.74, 0.3), (0, 0, 2.4))],
            DARK_TILE: roof, GRANITE: [box((0.7, 2.7, 0.1), (0.1, 0, 0)), *(
                box((0.34, 0.26, 0.5), (0.36, y, 0)) for y in (-1.27, 1.27))], GOLD: studs}


def barrier() -> Model:
    """A steel crowd-control barrier, 2.5 m long across x, 1.1 m high."""
    frame = [rod((0, -1.22, z), (0, 1.22, z), 0.022) for z in (0.2, 1.08)]
    frame += [rod((0, y, 0.2), (0, y, 1.08), 0.022) for y in (-1.22, 1.22)]
    bars = [rod((0, y, 0.2), (0, y, 1.08), 0.009, 5) for y in np.linspace(-1.1, 1.1, 17).tolist()]
    feet = [box((0.6, 0.05, 0.02), (0, y, 0)) for y in (-0.95, 0.95)]
    feet += [box((0.03, 0.05, 0.2), (0, y, 0)) for y in (-0.95, 0.95)]
    return {STEEL: frame + bars, DARK_STEEL: feet}


def checkpoint_lane() -> Model:
    """A search lane passed along +x: walk-through frame, table with a tray, light on top."""
    frame = [box((0.55, 0.14, 2.2), (0, y, 0)) for y in (-0.47, 0.47)] + [box((0.55, 1.08, 0.2), (0, 0, 2.2))]
    table = [box((1.8, 0.7, 0.05), (0.2, -1.05, 0.8))]
    legs = [box((0.06, 0.06, 0.8), (x, y, 0)) for x in (-0.62, 1.02) for y in (-1.33, -0.77)]
    return {WHITE: frame, DARK_STEEL: [*legs, box((0.5, 0.36, 0.1), (0.3, -1.05, 0.85))], STEEL: table,
            "#4d8a5a": [box((0.57, 0.3, 0.06), (0, 0, 2.27))]}


def lamp() -> Model:
    """A street lamp of a lane: dark post 4 m high with a lantern under a small cap, arm along +x."""
    post = [rod((0, 0, 0), (0, 0, 0.5), 0.12, 8, 0.09), rod((0, 0, 0.5), (0, 0, 4.0), 0.06, 8, 0.045),
            rod((0, 0, 3.75), (0.62, 0, 3.95), 0.03, 6), rod((0.6, 0, 3.72), (0.6, 0, 3.95), 0.02, 6)]
    cap = [rod((0.6, 0, 3.66), (0.6, 0, 3.86), 0.27, 6, 0.05)]
    return {DARK_STEEL: post + cap, LIGHT: [rod((0.6, 0, 3.3), (0.6, 0, 3.66), 0.12, 6, 0.18)]}


def hydrant() -> Model:
    """A fire hydrant, 0.75 m high, outlet along +x."""
    return {"#b23b2e": [rod((0, 0, 0.06), (0, 0, 0.58), 0.11, 10), rod((0, 0, 0.58), (0, 0, 0.72), 0.14, 10, 0.05),
                        rod((0, 0, 0), (0, 0, 0.06), 0.16, 10)],
            STEEL: [rod((0.05, 0, 0.42), (0.2, 0, 0.42), 0.055), rod((0, -0.17, 0.46), (0, 0.17, 0.46), 0.045)]}


def bollard() -> Model:
    """A stone bollard, 0.8 m high."""
    return {GRANITE: [rod((0, 0, 0), (0, 0, 0.7), 0.13, 12, 0.11), rod((0, 0, 0.7), (0, 0, 0.8), 0.11, 12, 0.05)]}


def tree() -> Model:
    """A street tree with a round crown, 7.5 m high (a scholar tree)."""
    limbs = [rod((0, 0, 0), (0, 0, 2.9), 0.17, 7, 0.12), rod((0, 0, 2.4), (0.9, 0.3, 4.0), 0.09, 5, 0.05),
             rod((0, 0, 2.5), (-0.8, -0.4, 4.2), 0.09, 5, 0.05)]
    return {BARK: limbs, LEAF: [crown(2.0, (0.3, 0.2, 5.2), 1), crown(1.5, (-1.1, -0.6, 4.6), 2)],
            LEAF_DARK: [crown(1.45, (1.2, -0.8, 4.4), 3), crown(1.3, (-0.5, 1.2, 4.5), 4)]}


def tree_slim() -> Model:
    """A slim tree, 9 m high (a poplar)."""
    return {BARK: [rod((0, 0, 0), (0, 0, 2.6), 0.14, 7, 0.1)],
            LEAF_DARK: [ball(1.0, (0, 0, 5.6), stretch=(1.15, 1.15, 3.4), detail=1)],
            LEAF: [crown(1.1, (0.25, 0.15, 4.4), 5), crown(0.8, (-0.2, -0.2, 6.9), 6)]}


def _figure(coat: str, legs: str, head: str, *, stride: float = 0.17, sides: int = 6) -> Model:
    """A walking person of 1.7 m that faces +x."""
    limbs = [rod((0.0, -0.08, 0.82), (stride, -0.09, 0.02), 0.085, 5, 0.055),
             rod((0.0, 0.08, 0.82), (-stride, 0.09, 0.02), 0.085, 5, 0.055)]
    body = rod((0, 0, 0.78), (0.02, 0, 1.44), 0.15, sides, 0.2)
    body.vertices[:, 0] *= 0.68
    shoulders = rod((0.02, 0, 1.44), (0.02, 0, 1.5), 0.2, sides, 0.07)
    arms = [rod((0.02, -0.22, 1.4), (-0.12, -0.25, 0.85), 0.05, 4, 0.035),
            rod((0.02, 0.22, 1.4), (0.14, 0.25, 0.85), 0.05, 4, 0.035)]
    parts: Model = {coat: [body, shoulders, *arms]}
    parts.setdefault(legs, []).extend(limbs)
    parts.setdefault(head, []).append(ball(0.115, (0.03, 0, 1.6), stretch=(1, 0.9, 1.15), detail=1 if sides > 6 else 0))
    return parts


def pedestrian() -> Model:
    """A low-poly person in near-white, to be tinted; 1.7 m, faces +x."""
    return _figure(WHITE, WHITE, WHITE)


def steward() -> Model:
    """A steward in a hi-vis vest with reflective bands, cap and radio."""
    model = _figure(HI_VIS, NAVY, SKIN, stride=0.05, sides=8)
    for z, r in ((1.0, 0.178), (1.22, 0.192)):
        band = rod((0.01, 0, z), (0.01, 0, z + 0.06), r, 8)
        band.vertices[:, 0] *= 0.7
        model.setdefault(WHITE, []).append(band)
    model[NAVY] += [rod((0.03, 0, 1.66), (0.03, 0, 1.76), 0.125, 8, 0.1), box((0.14, 0.2, 0.02), (0.14, 0, 1.66))]
    model[BLACK] = [box((0.05, 0.07, 0.16), (0.13, -0.12, 1.26))]
    return model


def guard() -> Model:
    """A guard in dark uniform standing on a low round stand."""
    model = _figure(NAVY, NAVY, SKIN, stride=0.02, sides=8)
    model[BLACK] = [rod((0.03, 0, 1.68), (0.03, 0, 1.78), 0.13, 8, 0.14), box((0.14, 0.2, 0.02), (0.14, 0, 1.68))]
    model[GOLD] = [ball(0.025, (0.16, 0, 1.74), detail=0)]
    for shapes in model.values():
        for shape in shapes:
            shape.apply_translation([0, 0, 0.22])
    model[RED] = [rod((0, 0, 0), (0, 0, 0.22), 0.5, 16)]
    return model


def car() -> Model:
    """A family car, 4.5 x 1.8 x 1.5 m, facing +x."""
    body = [prism([(-2.2, 0.3), (2.2, 0.3), (2.25, 0.65), (1.3, 0.85), (-2.2, 0.9)], -0.9, 0.9)]
    cabin = [prism([(-1.9, 0.88), (1.25, 0.84), (0.45, 1.42), (-1.3, 1.45)], -0.78, 0.78)]
    roof = [prism([(-1.35, 1.43), (0.5, 1.4), (0.4, 1.48), (-1.25, 1.5)], -0.7, 0.7)]
    wheels = [rod((x, y - 0.11, 0.33), (x, y + 0.11, 0.33), 0.33, 12) for x in (-1.35, 1.4) for y in (-0.8, 0.8)]
    lights = [box((0.06, 0.36, 0.12), (2.22, y, 0.58)) for y in (-0.62, 0.62)]
    return {"#c3c6c8": body + roof, GLASS: cabin, BLACK: wheels, LIGHT: lights,
            RED: [box((0.06, 0.3, 0.14), (-2.2, y, 0.66)) for y in (-0.68, 0.68)]}


def metro_entrance() -> Model:
    """A metro entrance: stairs going down along -x under a glazed canopy, 8 x 4.6 m, open towards +x."""
    posts = [box((0.14, 0.14, 2.9), (x, y, 0)) for x in (-3.6, -1.2, 1.2, 3.6) for y in (-2.1, 2.1)]
    walls = [box((7.4, 0.16, 1.0), (0, y, 0)) for y in (-2.1, 2.1)] + [box((0.16, 4.3, 1.0), (-3.7, 0, 0))]
    steps = [box((0.62, 3.9, max(0.02, 0.5 - 0.07 * i)), (3.3 - 0.64 * i, 0, 0)) for i in range(8)]
    canopy = [prism([(-4.0, 2.9), (4.3, 3.3), (4.3, 3.48), (-4.0, 3.08)], -2.4, 2.4)]
    glazing = [box((7.3, 0.04, 1.5), (0, y, 1.1)) for y in (-2.1, 2.1)] + [box((0.04, 4.2, 1.5), (-3.7, 0, 1.1))]
    sign = [box((0.16, 0.9, 0.9), (4.3, 0, 3.5))]
    well = [box((2.0, 3.9, 0.015), (-2.6, 0, 0))]
    return {DARK_STEEL: posts + canopy, GRANITE: walls + steps, GLASS: glazing, "#2f5f8f": sign, BLACK: well}


def camera() -> Model:
    """A camera on a 4.5 m post that looks along +x, a little down."""
    head = prism([(0.35, 4.2), (0.8, 4.1), (0.82, 4.22), (0.37, 4.34)], -0.07, 0.07)
    return {STEEL: [rod((0, 0, 0), (0, 0, 4.5), 0.06, 8, 0.045), rod((0, 0, 4.4), (0.5, 0, 4.36), 0.025, 6),
                    rod((0, 0, 0), (0, 0, 0.25), 0.12, 8)],
            WHITE: [head], BLACK: [box((0.03, 0.1, 0.09), (0.82, 0, 4.115))]}


MODELS: dict[str, Callable[[], Model]] = {f.__name__: f for f in (
    gate, barrier, checkpoint_lane, lamp, hydrant, bollard, tree, tree_slim, pedestrian, steward, guard, car,
    metro_entrance, camera)}


def parts(model: Model) -> list[Part]:
    """Flat-shaded parts of a model, one a colour."""
    out = []
    for colour, shapes in model.items():
        corners = np.concatenate([shape.vertices[shape.faces] for shape in shapes])
        facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        size = np.linalg.norm(facing, axis=1)
        corners, facing, size = corners[size > 1e-12], facing[size > 1e-12], size[size > 1e-12]
        corners, normals = np.round(corners, 4), np.round(facing / size[:, None], 3)
        out.append(Part(f"m{colour[1:]}", colour, corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3),
                        np.repeat(normals, 3, axis=0)))
    return out


def build(folder: Path) -> list[Path]:
    """Write every model into ``folder``; the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, model in MODELS.items():
        written.append(folder / f"{name}.glb")
        written[-1].write_bytes(glb(parts(model()), extras={"name": name}))
    return written


if __name__ == "__main__":
    for path in build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent):
        print(f"{path.name:24}{path.stat().st_size:8} bytes")
