"""Walking distance to a goal on a raster whose links know exactly where walls are, and the way down it.

The raster's nodes are cell centres. Each node has eight directed links to its neighbours, one bit each; a
link is open if the straight line between the two centres crosses no wall. Any opening that is wider than a
cell is then crossed by at least one open link, whatever its angle, and no closed line leaks, however thin it
is.

The distance solves the eikonal equation |grad d| = cost with Sethian's simplex update over the eight
triangles round a node, ordered by buckets of width h and corrected until nothing changes (a label-correcting
fast march).
"""

from __future__ import annotations

import numpy as np
import shapely
from numba import njit

from sim.crowd.terrain import Terrain, pace_factor
from sim.crowd.walls import SLACK, bin_at, free_way, nearest_wall

DX = np.array([1, 1, 0, -1, -1, -1, 0, 1], np.int32)
DY = np.array([0, 1, 1, 1, 0, -1, -1, -1], np.int32)
"""The eight directions, counter-clockwise from east; odd ones are diagonal."""

CLEAR, WALLED, RULED = 0, 1, 2
"""Kinds of cell: no wall comes between it and its neighbours' centres; walls may; links closed by a rule
(one-way, closure)."""

CLOSED_COST = 5.0
"""Cost of a metre inside a closed area, for people who have to leave it."""

STEEPEST = 100.0
"""Slopes of a distance that are no error have at most this size: slow areas and crowds make them steep."""

SOFT = 0.1
"""How much longer a way over a neighbouring cell may be, in cells, before it stops mattering."""

FAR = 1e18
"""Distance of a goal that cannot be reached [m]: the kernel's fast arithmetic has no infinity."""

WALL_COST, WALL_COST_RANGE = 0.02, 0.4
"""Extra cost of a metre along a wall, and the distance at which it has gone [m]. A way bends by at most
arccos(1 / 1.02), 11 degrees, for it: more would leave the sides of lanes empty."""


def area_mask(area: shapely.Geometry, nx: int, ny: int, h: float) -> np.ndarray:
    """Cells whose centre lies in an area (local metres): (ny, nx) bool, by even-odd scan lines."""
    rings = [shapely.get_coordinates(ring) for part in shapely.get_parts(area) if part.geom_type == "Polygon"
             for ring in (part.exterior, *part.interiors)]
    mask = np.zeros((ny, nx), np.bool_)
    if rings:
        _scan(np.concatenate([np.hstack([r[:-1], r[1:]]) for r in rings]), mask, h)
    return mask


@njit(cache=True)
def _scan(edges: np.ndarray, mask: np.ndarray, h: float) -> None:
    ny, nx = mask.shape
    count = np.zeros(ny + 1, np.int64)
    for filling in (False, True):
        if filling:
            for row in range(ny):
                count[row + 1] += count[row]
            xs = np.empty(count[ny])
            fill = count[:-1].copy()
        for e in range(edges.shape[0]):
            ax, ay, bx, by = edges[e]
            if ay > by:
                ax, ay, bx, by = bx, by, ax, ay
            lo = max(int(np.ceil(ay / h - 0.5)), 0)
            hi = min(int(np.ceil(by / h - 0.5)) - 1, ny - 1)
            for row in range(lo, hi + 1):
                if filling:
                    xs[fill[row]] = ax + ((row + 0.5) * h - ay) * (bx - ax) / (by - ay)
                    fill[row] += 1
                else:
                    count[row + 1] += 1
    for row in range(ny):
        cuts = np.sort(xs[count[row]:count[row + 1]])
        for k in range(0, len(cuts) - 1, 2):
            lo = max(int(np.ceil(cuts[k] / h - 0.5)), 0)
            hi = min(int(np.ceil(cuts[k + 1] / h - 0.5)), nx)
            for column in range(lo, hi):
                mask[row, column] = True


@njit(cache=True)
def link_cells(walk: np.ndarray, segments: np.ndarray, start: np.ndarray, item: np.ndarray,
               h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Open links ``(ny, nx) uint8``, cost of a metre ``(ny, nx) float32`` and kind of cell ``(ny, nx)
    uint8``."""
    ny, nx = walk.shape
    links = np.zeros((ny, nx), np.uint8)
    cost = np.ones((ny, nx), np.float32)
    kind = np.zeros((ny, nx), np.uint8)
    stands = walk.copy()
    for row in range(ny):
        for column in range(nx):
            c = row * nx + column
            if start[c + 1] == start[c]:
                continue
            if _wall_about((column + 0.5) * h, (row + 0.5) * h, 1.001 * h, segments, start, item, c):
                kind[row, column] = WALLED
            d = np.sqrt(nearest_wall((column + 0.5) * h, (row + 0.5) * h, segments, start, item, c)[0])
            if d < SLACK:
                stands[row, column] = False
            cost[row, column] = 1.0 + WALL_COST * max(1.0 - d / WALL_COST_RANGE, 0.0)
    for row in range(ny):
        for column in range(nx):
            if not stands[row, column]:
                continue
            px, py = (column + 0.5) * h, (row + 0.5) * h
            for k in range(4):
                r, q = row + DY[k], column + DX[k]
                if r < 0 or r >= ny or q < 0 or q >= nx or not stands[r, q]:
                    continue
                c = row * nx + column
                if start[c + 1] == start[c] or free_way(px, py, (q + 0.5) * h, (r + 0.5) * h, segments, start,
                                                        item, c):
                    links[row, column] |= np.uint8(1 << k)
                    links[r, q] |= np.uint8(1 << (k + 4))
    return links, cost, kind


@njit(cache=True)
def _wall_about(x: float, y: float, half: float, segments: np.ndarray, start: np.ndarray, item: np.ndarray,
                c: int) -> bool:
    """Whether a wall listed in bin ``c`` meets the square of half side ``half`` round (x, y)."""
    for k in range(start[c], start[c + 1]):
        s = item[k]
        ax, ay = segments[s, 0] - x, segments[s, 1] - y
        vx, vy = segments[s, 2] - x - ax, segments[s, 3] - y - ay
        enter, leave = 0.0, 1.0
        for p, v in ((ax, vx), (ay, vy)):
            if v == 0.0:
                if abs(p) > half:
                    leave = -1.0
            else:
                a, b = (-half - p) / v, (half - p) / v
                enter, leave = max(enter, min(a, b)), min(leave, max(a, b))
        if enter <= leave:
            return True
    return False


@njit(cache=True)
def forbid_against(links: np.ndarray, kind: np.ndarray, area: np.ndarray, hx: float, hy: float) -> None:
    """Close the links that lead against the heading (hx, hy) from or to a cell of the area (one-way)."""
    ny, nx = links.shape
    for row in range(ny):
        for column in range(nx):
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if not (0 <= r < ny and 0 <= q < nx) or not (area[row, column] or area[r, q]):
                    continue
                kind[row, column] = RULED
                if DX[k] * hx + DY[k] * hy < -1e-9:
                    links[row, column] &= np.uint8(255 - (1 << k))


@njit(cache=True)
def forbid_entering(links: np.ndarray, kind: np.ndarray, cost: np.ndarray, area: np.ndarray) -> None:
    """Close the links that lead into the area from outside it; those inside and out of it stay open.

    A metre inside costs five, so that whoever is inside leaves by the short way and nobody cuts its corners.
    """
    ny, nx = links.shape
    for row in range(ny):
        for column in range(nx):
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if not (0 <= r < ny and 0 <= q < nx) or not area[r, q]:
                    continue
                kind[row, column] = RULED
                cost[r, q] = CLOSED_COST
                if not area[row, column]:
                    links[row, column] &= np.uint8(255 - (1 << k))


@njit(cache=True)
def march(d: np.ndarray, links: np.ndarray, cost: np.ndarray, pace: np.ndarray, rates: np.ndarray,
          h: float) -> None:
    """Complete ``d (ny, nx) float32``: where it is finite it is given, elsewhere it becomes the distance or
    inf.

    A metre counts ``cost (ny, nx)`` over the factor of the walking speed in its direction (see Terrain).
    """
    ny, nx = d.shape
    flat, link, price, areas = d.ravel(), links.ravel(), cost.ravel(), pace.ravel()
    offset = np.empty(8, np.int64)
    toll = np.empty((len(rates), 8))
    for k in range(8):
        offset[k] = DY[k] * nx + DX[k]
        length = np.sqrt(float(DX[k] * DX[k] + DY[k] * DY[k]))
        for area in range(len(rates)):
            toll[area, k] = h / pace_factor(rates, area, DX[k] / length, DY[k] / length)
    queued = np.zeros(ny * nx, np.bool_)
    now = np.empty(1024, np.int64)
    later = np.empty(1024, np.int64)
    n_now, n_later = 0, 0
    least = np.inf
    for c in range(ny * nx):
        if flat[c] < np.inf:
            given_inside = True
            row, column = c // nx, c % nx
            for k in range(8):
                r, q = row + DY[k], column + DX[k]
                if 0 <= r < ny and 0 <= q < nx and not flat[r * nx + q] < np.inf:
                    given_inside = False
            if not given_inside:
                if n_later == len(later):
                    later = _longer(later)
                later[n_later] = c
                n_later += 1
                queued[c] = True
                least = min(least, flat[c])
    edge, root2 = least, np.sqrt(2.0)
    while n_later > 0:
        now, later = later, now
        n_now, n_later = n_later, 0
        edge += h
        k_now = 0
        while k_now < n_now:
            c = now[k_now]
            k_now += 1
            if flat[c] >= edge:
                if n_later == len(later):
                    later = _longer(later)
                later[n_later] = c
                n_later += 1
                continue
            queued[c] = False
            row, column = c // nx, c % nx
            for k in range(8):
                r, q = row - DY[k], column - DX[k]
                if r < 0 or r >= ny or q < 0 or q >= nx:
                    continue
                a = c - offset[k]
                bits = link[a]
                if not (bits >> k) & 1 or flat[a] <= flat[c]:
                    continue
                f = price[a] * toll[areas[a], k]
                if k & 1:
                    best = flat[c] + root2 * f
                else:
                    best = flat[c] + f
                for side in (1, 7):
                    m = (k + side) & 7
                    if (bits >> m) & 1:
                        other = flat[a + offset[m]]
                        if other < np.inf:
                            axial = other if k & 1 else flat[c]
                            drop = axial - (flat[c] if k & 1 else other)
                            if 0.0 < drop < f / root2:
                                best = min(best, axial + np.sqrt(f * f - drop * drop))
                if best < flat[a] - 2e-3 * h:
                    flat[a] = best
                    if not queued[a]:
                        queued[a] = True
                        if best < edge:
                            if n_now == len(now):
                                now = _longer(now)
                            now[n_now] = a
                            n_now += 1
                        else:
                            if n_later == len(later):
                                later = _longer(later)
                            later[n_later] = a
                            n_later += 1


@njit(cache=True)
def _longer(a: np.ndarray) -> np.ndarray:
    b = np.empty(2 * len(a), a.dtype)
    b[:len(a)] = a
    return b


@njit(cache=True)
def way(px: float, py: float, d: np.ndarray, links: np.ndarray, kind: np.ndarray, segments: np.ndarray,
        start: np.ndarray, item: np.ndarray, cost: np.ndarray, pace: np.ndarray, rates: np.ndarray,
        h: float) -> tuple[float, float, float]:
    """Distance to the goal at a point, and the unit vector of the way there: (d, ex, ey); d is FAR if there
    is none.

    Away from walls the vector is the gradient of the bilinear distance. Near walls it is the gradient of the
    plane fitted to the cell centres round the point that can be seen from it. Where that is no slope of a
    distance (at ridges, in nooks with few centres), each centre draws instead by the length of the way over
    it (a soft minimum).
    """
    ny, nx = d.shape
    column = min(max(int(px / h), 0), nx - 1)
    row = min(max(int(py / h), 0), ny - 1)
    c = row * nx + column
    if kind[row, column] == CLEAR and 0 < row < ny - 1 and 0 < column < nx - 1:
        u, w = px / h - 0.5, py / h - 0.5
        i, j = int(u), int(w)
        u -= i
        w -= j
        d00, d10, d01, d11 = d[j, i], d[j, i + 1], d[j + 1, i], d[j + 1, i + 1]
        gx = (1 - w) * (d10 - d00) + w * (d11 - d01)
        gy = (1 - u) * (d01 - d00) + u * (d11 - d10)
        g = np.sqrt(gx * gx + gy * gy)
        if 0.3 * h < g < STEEPEST * h:
            return (1 - w) * ((1 - u) * d00 + u * d10) + w * ((1 - u) * d01 + u * d11), -gx / g, -gy / g
    ruled = kind[row, column] == RULED and links[row, column] != 0
    for reach in (1, 2):
        least = np.inf
        sx, sy = 0.0, 0.0
        w0, wx, wy, wxx, wxy, wyy, wd, wxd, wyd = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                r, q = row + dy, column + dx
                if r < 0 or r >= ny or q < 0 or q >= nx or not d[r, q] < np.inf:
                    continue
                if ruled and (dx != 0 or dy != 0) and (
                        reach == 2 or not (links[row, column] >> _direction(dx, dy)) & 1):
                    continue
                x, y = (q + 0.5) * h - px, (r + 0.5) * h - py
                if not free_way(px, py, px + x, py + y, segments, start, item, c):
                    continue
                if reach == 2 and not free_way(px, py, px + x, py + y, segments, start, item, r * nx + q):
                    continue
                here = np.float64(d[r, q])
                over = here + np.sqrt(x * x + y * y)
                if over < least:
                    shrink = np.exp((over - least) / (SOFT * h)) if least < np.inf else 0.0
                    sx, sy = sx * shrink, sy * shrink
                    least = over
                weight = np.exp((least - over) / (SOFT * h))
                sx += weight * x
                sy += weight * y
                w = (1.5 * reach * h - abs(x)) * (1.5 * reach * h - abs(y)) + 1e-9
                w0 += w
                wx += w * x
                wy += w * y
                wxx += w * x * x
                wxy += w * x * y
                wyy += w * y * y
                wd += w * here
                wxd += w * x * here
                wyd += w * y * here
        if least < np.inf:
            wx, wy, wd = wx / w0, wy / w0, wd / w0
            wxx, wxy, wyy = wxx / w0 - wx * wx, wxy / w0 - wx * wy, wyy / w0 - wy * wy
            wxd, wyd = wxd / w0 - wx * wd, wyd / w0 - wy * wd
            det = wxx * wyy - wxy * wxy
            if det > 1e-3 * h ** 4:
                gx, gy = (wyy * wxd - wxy * wyd) / det, (wxx * wyd - wxy * wxd) / det
                g = np.sqrt(gx * gx + gy * gy) + 1e-9
                area = pace[row, column]
                real = g if area == 0 else g * pace_factor(rates, area, -gx / g, -gy / g)
                if 0.7 < real < 1.4 * cost[row, column]:
                    return wd - gx * wx - gy * wy, -gx / g, -gy / g
            s = np.sqrt(sx * sx + sy * sy)
            if s > 1e-6:
                return least, sx / s, sy / s
            return least, 0.0, 0.0
    return FAR, 0.0, 0.0


@njit(cache=True)
def _direction(dx: int, dy: int) -> int:
    for k in range(8):
        if DX[k] == dx and DY[k] == dy:
            return k
    return 0


@njit(cache=True)
def distances(xy: np.ndarray, d: np.ndarray, ground: Terrain) -> np.ndarray:
    """Distance to the goal at many points, (n,) float64; inf where it cannot be reached."""
    out = np.empty(len(xy))
    for i in range(len(xy)):
        left = way(xy[i, 0], xy[i, 1], d, ground.links, ground.kind, ground.segments, ground.start, ground.item,
                   ground.cost, ground.pace, ground.rates, ground.cell)[0]
        out[i] = max(left, 0.0) if left < FAR else np.inf
    return out


@njit(cache=True)
def descend(px: float, py: float, d: np.ndarray, links: np.ndarray, segments: np.ndarray,
            start: np.ndarray, item: np.ndarray, h: float) -> list[tuple[float, float]]:
    """Cell centres from the one nearest to a point (by the way over it) down the open links to the goal: (k,
    2)."""
    ny, nx = d.shape
    column, row = min(max(int(px / h), 0), nx - 1), min(max(int(py / h), 0), ny - 1)
    at, least = -1, np.inf
    for r in range(max(row - 2, 0), min(row + 3, ny)):
        for q in range(max(column - 2, 0), min(column + 3, nx)):
            x, y = (q + 0.5) * h, (r + 0.5) * h
            over = d[r, q] + np.sqrt((x - px) ** 2 + (y - py) ** 2)
            if over < least and free_way(px, py, x, y, segments, start, item, row * nx + column) and free_way(
                    px, py, x, y, segments, start, item, bin_at(x, y, nx, ny, h)):
                at, least = r * nx + q, over
    out = [(px, py)]
    while at >= 0:
        row, column = at // nx, at % nx
        out.append(((column + 0.5) * h, (row + 0.5) * h))
        if d[row, column] <= 0.0:
            break
        at, least = -1, d[row, column]
        for k in range(8):
            r, q = row + DY[k], column + DX[k]
            if (links[row, column] >> k) & 1 and d[r, q] < least:
                at, least = r * nx + q, d[r, q]
    return out
