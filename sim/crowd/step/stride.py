"""One stride: where to, round whom, how fast.

A collision-free-speed model (after Tordeux, Chraibi and Seyfried 2016) with anticipation, side-stepping and
a swept band. Every function gathers: it reads the state at the start of the step and writes only the rows it
was given, so the result does not depend on how rows are shared between threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim.crowd.ground.field import FAR, SOFT, open_way, way
from sim.crowd.ground.links import CLEAR
from sim.crowd.ground.portals import round_corner
from sim.crowd.ground.terrain import Terrain, pace_factor
from sim.crowd.ground.walls import allowed, bin_at, crosses, nearest_wall, sees
from sim.crowd.step.columns import (
    ALONE,
    ARRIVED,
    BEST,
    CELL,
    FREE,
    GAVE,
    GHOST,
    GOAL,
    HOLD,
    HX,
    HY,
    ID,
    JAM,
    LEFT,
    LOST,
    MODE,
    MOST_NEAR,
    ONE,
    PUT,
    RADIUS,
    REACH,
    SIGHT,
    SINCE,
    SPEED,
    STAND,
    STANDING,
    STATE,
    TOUCHING,
    TX,
    TY,
    YIELDS,
    ZERO,
    X,
    Y,
    f4,
)
from sim.crowd.step.jam import FACED, FREED, PATIENCE, SLOW, SPELL, give_way, opposed
from sim.crowd.step.sway import sway

NEAR_TARGET = 12.0
"""A person's own target is walked to in a straight line from this distance, if it can be seen [m]."""
QUICK_TURN = 0.15
"""Relaxation time of the heading close to the own target, so that nobody circles round it [s]."""
PROGRESS = f4(1.0)
"""Coming so much nearer to the goal counts as progress [m]."""
AWARE = f4(1.1)
"""Walls farther away than this are not felt; no more than the reach of a ground's wall lists [m]."""
SETTLE = 20.0
"""Somebody within the goal who comes no nearer to an own target out of sight stays where they are after so
long [s]."""
LINGER = f4(3.0)
"""People walk on into their goal's area and stand after so long [s]."""


@njit(fastmath=True, error_model="numpy", inline="always")
def _exp(t: np.float32) -> np.float32:
    """exp(t) for t in [-19, 4] within 1e-4, as a polynomial: Numba vectorises it, a library call it does
    not."""
    t = max(t * f4(1 / 64), f4(-0.3))
    p = ONE + t * (ONE + t * (f4(0.5) + t * (f4(1 / 6) + t * (f4(1 / 24) + t * f4(1 / 120)))))
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p


@njit(fastmath=True, error_model="numpy")
def _sidestep(bx: np.ndarray, by: np.ndarray, bu: np.ndarray, bw: np.ndarray, bv: np.ndarray, bs: np.ndarray,
              n: int, ex: np.float32, ey: np.float32, slow: np.float32, rest: np.float32,
              near_strength: np.float32, near: np.float32,
              far_strength: np.float32, far: np.float32, side: np.float32, ahead: np.float32,
              over: np.float32) -> np.float32:
    """Sum over neighbours of a push across the desired direction (ex, ey); positive is to the left."""
    s = ZERO
    for k in range(n):
        dx = bx[k]
        dy = by[k]
        r = np.sqrt(dx * dx + dy * dy)
        on = max(-(ex * bu[k] + ey * bw[k]), ZERO)
        front = dx * ex + dy * ey
        left = ex * dy - ey * dx + ahead * bv[k] * (ex * bw[k] - ey * bu[k]) + on * side
        weight = on + over * max(ONE - bv[k] * slow - on, ZERO)
        inside = rest * bs[k] - r
        w = near_strength * _exp(inside * near)
        z = far_strength * weight * _exp(inside * far)
        w = (w if front > f4(-0.15) else ZERO) + (z if front > ZERO else ZERO)
        s -= w * left / np.sqrt(left * left + f4(0.01))
    return s


@njit(fastmath=True, error_model="numpy")
def _open_speed(bx: np.ndarray, by: np.ndarray, bu: np.ndarray, bw: np.ndarray, bv: np.ndarray,
                bs: np.ndarray, n: int, ux: np.float32, uy: np.float32, free: np.float32,
                rate: np.float32, rest: np.float32, follow: np.float32, band: np.float32, band_on: np.float32,
                creep: np.float32, stop: np.float32, give: np.float32, lead: np.float32,
                hesitation: np.float32) -> np.float32:
    """Speed that the people inside the swept band along (ux, uy) allow.

    In a jam people creep on until they are ``stop`` behind whoever leads them, and past those who do not. j leads i
    as far as j is ahead along the mean of both headings: of two who converge on a door neither leads, so neither
    waits for the other and no arch stands; a file has one leader after the other.
    """
    for k in range(n):
        dx = bx[k]
        dy = by[k]
        co = ux * bu[k] + uy * bw[k]
        half = (band + (band_on - band) * max(-co, ZERO)) * bs[k]
        r = np.sqrt(dx * dx + dy * dy)
        u = (r - rest * bs[k]) * rate + follow * max(co, ZERO) * bv[k]
        leads = min(lead * (dx * (ux + bu[k]) + dy * (uy + bw[k])) / r + hesitation, ONE)
        u = max(u, creep * min(max((r - stop * bs[k] * leads) * give, ZERO), ONE))
        u = u if dx * ux + dy * uy > ZERO else free
        bu[k] = u if abs(ux * dy - uy * dx) < half else free
    for k in range(n):
        free = bu[k] if bu[k] < free else free
    return free


@njit(error_model="numpy", fastmath=False)
def _clip_to_walls(px: Any, py: Any, qx: Any, qy: Any, segments: np.ndarray, start: np.ndarray,
                   item: np.ndarray, c: int) -> tuple[Any, Any]:
    """Where somebody who steps from p towards q gets to: along the first wall in the way, or nowhere."""
    for _ in range(2):
        if allowed(px, py, qx, qy, segments, start, item, c):
            return qx, qy
        hit = -1
        first = 2.0
        for k in range(start[c], start[c + 1]):
            s = item[k]
            ax, ay, bx, by = segments[s, 0], segments[s, 1], segments[s, 2], segments[s, 3]
            d1 = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
            d2 = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
            if crosses(px, py, qx, qy, ax, ay, bx, by) and abs(d1 / (d1 - d2)) < first:
                first = abs(d1 / (d1 - d2))
                hit = s
        if hit < 0:
            break
        vx, vy = segments[hit, 2] - segments[hit, 0], segments[hit, 3] - segments[hit, 1]
        t = ((qx - px) * vx + (qy - py) * vy) / (vx * vx + vy * vy)
        qx, qy = px + f4(t * vx), py + f4(t * vy)
    if allowed(px, py, qx, qy, segments, start, item, c):
        return qx, qy
    return px, py


@njit(fastmath=True, error_model="numpy")
def _to_target(i: int, R: np.ndarray, Z: np.ndarray, ground: Terrain, now: np.float32) -> bool:
    """Whether person i walks straight to the own target: near and in sight, or within the goal's area."""
    x, y, tx, ty = np.float64(R[X, i]), np.float64(R[Y, i]), np.float64(R[TX, i]), np.float64(R[TY, i])
    away = np.sqrt((tx - x) ** 2 + (ty - y) ** 2)
    ny, nx = ground.links.shape
    if Z[STATE, i] & ARRIVED:
        if now - R[SINCE, i] > f4(SETTLE) and not Z[STATE, i] & STANDING and not sees(
                x, y, tx, ty, ground.segments, ground.start, ground.item, nx, ny, ground.cell):
            R[TX, i] = R[X, i]
            R[TY, i] = R[Y, i]
        return True
    return away < NEAR_TARGET and (away < 1e-3 or sees(
        x, y, tx, ty, ground.segments, ground.start, ground.item, nx, ny, ground.cell))


@njit(fastmath=True, error_model="numpy")
def _way_by_walls(px: float, py: float, d: np.ndarray, ground: Terrain) -> tuple[float, float, float]:
    """Distance to the goal and the way there beside walls, round the corners of narrow openings too. Apart from
    :func:`_aim`, which calls it for few people: the many arrays that it takes cost time wherever they are at hand."""
    left, wx, wy = way(px, py, d, ground.links, ground.kind, ground.segments, ground.start, ground.item, ground.cost,
                       ground.pace, ground.rates, ground.cell)
    ny, nx = ground.kind.shape
    c = bin_at(px, py, nx, ny, ground.cell)
    if ground.kind[c // nx, c % nx] != CLEAR and ground.portal_cell_start[c + 1] > ground.portal_cell_start[c]:
        turn, ox, oy = round_corner(px, py, c, d, ground.segments, ground.start, ground.item, ground.portal_xy,
                                    ground.portal_away, ground.portal_start, ground.portal_end, ground.portal_length,
                                    ground.portal_cell_start, ground.portal_cell_end, ground.cell)
        if turn < left + SOFT * ground.cell:
            return turn, ox, oy
    return left, wx, wy


@njit(fastmath=True, error_model="numpy")
def _aim(i: int, R: np.ndarray, Z: np.ndarray, ground: Terrain, now: np.float32) -> tuple[Any, Any, Any,
                                                                                          bool]:
    """Where person i wants to go, as a unit vector, at which speed, and whether that is a place close by."""
    mode = Z[MODE, i]
    free, ex, ey, close = R[FREE, i], ZERO, ZERO, False
    if mode & (HOLD | GHOST):
        return ex, ey, ZERO, close
    if mode & STAND and _to_target(i, R, Z, ground, now):
        tx = R[TX, i] - R[X, i]
        ty = R[TY, i] - R[Y, i]
        away = np.sqrt(tx * tx + ty * ty)
        R[LEFT, i] = away
        if away < (f4(0.3) if Z[STATE, i] & STANDING else f4(0.08)):
            Z[STATE, i] |= STANDING
            R[BEST, i] = away + PROGRESS
            R[SINCE, i] = now
            return ex, ey, ZERO, close
        Z[STATE, i] &= ~STANDING
        ex = tx / away
        ey = ty / away
        free = min(free, away * f4(1.5) + f4(0.05))
        close = away < f4(1.5)
    else:
        clear, left, wx, wy = open_way(np.float64(R[X, i]), np.float64(R[Y, i]), ground.fields[Z[GOAL, i]], ground.kind,
                                       ground.cell)
        if not clear:
            left, wx, wy = _way_by_walls(np.float64(R[X, i]), np.float64(R[Y, i]), ground.fields[Z[GOAL, i]], ground)
        R[LEFT, i] = f4(left)
        if left >= FAR:
            Z[STATE, i] |= LOST
            return ex, ey, ZERO, close
        ex = f4(wx)
        ey = f4(wy)
        Z[STATE, i] &= ~LOST
        if left <= 0.0 and not Z[STATE, i] & ARRIVED:
            Z[STATE, i] |= ARRIVED
            R[SINCE, i] = now
        if Z[STATE, i] & ARRIVED and not mode & STAND:
            return ex, ey, free * max(ONE - (now - R[SINCE, i]) / LINGER, ZERO), close
    if R[LEFT, i] < R[BEST, i] - PROGRESS:
        R[BEST, i] = R[LEFT, i]
        R[SINCE, i] = now
    return ex, ey, free, close


@njit(fastmath=True, error_model="numpy")
def _look_round(i: int, R: np.ndarray, start: np.ndarray, width: int, height: int, across: np.float32,
                period: np.float32, bx: np.ndarray, by: np.ndarray, bj: np.ndarray) -> int:
    """Who is in sight of person i: relative places into bx, by and rows into bj; gives how many."""
    xi = R[X, i]
    yi = R[Y, i]
    m = 0
    column = int(xi / across) % width
    row = int(yi / f4(CELL)) % height
    for dy_cell in range(-REACH, REACH + 1):
        base = ((row + dy_cell + height) % height) * width
        for part in range(2):
            a = column - REACH
            b = column + REACH
            if part == 0:
                a, b = max(a, 0), min(b, width - 1)
            elif a < 0:
                a, b = a + width, width - 1
            elif b >= width:
                a, b = 0, b - width
            else:
                continue
            for j in range(start[base + a], start[base + b + 1]):
                dx = R[X, j] - xi
                dy = R[Y, j] - yi
                if period > ZERO:
                    dx -= period * np.rint(dx / period)
                bx[m] = dx
                by[m] = dy
                bj[m] = j
                m += (dx * dx + dy * dy < SIGHT * SIGHT) & (j != i) & (m < MOST_NEAR - 9)
    return m


@njit(fastmath=True, error_model="numpy")
def _off_wall(wx: np.float32, wy: np.float32, d: np.float32, fx: np.float32, fy: np.float32, body: np.float32,
              strength: np.float32, reach: np.float32) -> tuple[Any, Any]:
    """The direction (fx, fy) turned away from a wall at distance d, along it where it is touched.

    (wx, wy) is the vector from the wall's nearest point, of length d.
    """
    if d > f4(1e-4):
        wx /= d
        wy /= d
        push = strength * _exp((body - d) / reach)
        fx += push * wx
        fy += push * wy
        inward = fx * wx + fy * wy
        if inward < ZERO and d < body + f4(0.1):
            fx -= inward * wx
            fy -= inward * wy
    return fx, fy


@njit(error_model="numpy", fastmath=False)
def _tread(xi: np.float32, yi: np.float32, x: np.float32, y: np.float32, c: int,
           ground: Terrain) -> tuple[Any, Any]:
    """Where a step from (xi, yi) to (x, y) beside walls ends, exact in float32: nowhere rather than through
    one."""
    a, b = _clip_to_walls(np.float64(xi), np.float64(yi), np.float64(x), np.float64(y), ground.segments,
                          ground.start, ground.item, c)
    if a == x and b == y:
        return x, y
    x, y = f4(a), f4(b)
    if allowed(np.float64(xi), np.float64(yi), np.float64(x), np.float64(y), ground.segments, ground.start,
               ground.item, c):
        return x, y
    return xi, yi


@njit(fastmath=True, error_model="numpy")
def walk(lo: int, hi: int, R: np.ndarray, Z: np.ndarray, start: np.ndarray, width: int, height: int,
         across: np.float32, period: np.float32, ground: Terrain, behaviour: tuple[np.float32, ...],
         dt: np.float32,
         now: np.float32, slot: int, seed: np.uint32, moved: np.ndarray, touch: np.ndarray,
         touching: np.ndarray) -> None:
    """Stride of the rows lo..hi: position, heading and speed into ``moved (6, cap)``, likely contacts into
    ``touch``."""
    (gap, rest, follow, band, band_on, creep, hard, near_strength, near_range, far_strength, far_range,
     side, ahead,
     turn, swerve, wall_strength, wall_range, noise, _noise_time, over, give, _push, stop, lead, uneven,
     squeeze) = behaviour
    ny, nx = ground.links.shape
    bx, by, bu = np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4)
    bw, bv = np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4)
    bs = np.empty(MOST_NEAR, f4)
    bj = np.empty(MOST_NEAR, np.int32)
    usual_rate = f4(1.0 - np.exp(-dt / turn))
    jam_rate = f4(1.0 - np.exp(-dt / f4(PATIENCE)))
    quick_rate = f4(1.0 - np.exp(-dt / f4(QUICK_TURN)))
    for i in range(lo, hi):
        xi = R[X, i]
        yi = R[Y, i]
        body = hard * R[RADIUS, i]
        c = bin_at(np.float64(xi), np.float64(yi), nx, ny, ground.cell)
        d_wall = AWARE
        qx = qy = 0.0
        if ground.start[c + 1] > ground.start[c]:
            d2, qx, qy = nearest_wall(np.float64(xi), np.float64(yi), ground.segments, ground.start,
                                      ground.item, c)
            d_wall = f4(min(np.sqrt(d2), np.float64(AWARE)))
        ex, ey, free, close = _aim(i, R, Z, ground, now)
        if len(ground.rates) > 1:
            area = ground.pace[min(max(int(yi / ground.cell), 0), ny - 1), min(max(int(xi / ground.cell), 0), nx - 1)]
            if area:
                free *= pace_factor(ground.rates, area, ex, ey)
        m = _look_round(i, R, start, width, height, across, period, bx, by, bj)
        t = 0
        for k in range(m):
            j = bj[k]
            walks = ZERO if R[JAM, j] < ZERO else ONE  # who stands for good leads nobody
            bu[k] = walks * R[HX, j]
            bw[k] = walks * R[HY, j]
            bv[k] = R[SPEED, j]
            bs[k] = (R[RADIUS, i] + R[RADIUS, j]) * f4(2.5)
            if t < TOUCHING and bx[k] * bx[k] + by[k] * by[k] < (f4(0.4) * hard * bs[k] + f4(0.5)) ** 2:
                touch[i, t] = j
                t += 1
        touching[i] = ALONE if t == 0 and d_wall >= body else t
        if free <= ZERO:
            glide = dt * R[SPEED, i] if Z[MODE, i] & GHOST else ZERO
            moved[0, i] = xi + glide * R[HX, i]
            moved[1, i] = yi + glide * R[HY, i]
            moved[2, i] = R[HX, i]
            moved[3, i] = R[HY, i]
            moved[4, i] = ZERO
            moved[5, i] = d_wall
            moved[6, i] = PUT if Z[STATE, i] & (ARRIVED | STANDING) else ZERO
            continue
        jam = max(R[JAM, i], ZERO)
        if R[SPEED, i] < SLOW * free or jam > ZERO:
            slow = R[SPEED, i] < SLOW * free and not Z[MODE, i] & STAND
            jam += jam_rate * ((opposed(i, bx, by, bu, bw, bj, R, Z, m, ex, ey, ground) if slow else ZERO) - jam)
            if jam > FACED:
                Z[STATE, i] |= YIELDS
            elif jam < FREED and Z[STATE, i] & YIELDS:
                Z[STATE, i] &= ~YIELDS
                Z[GAVE, i] += 1
            if jam < f4(0.01):
                jam = ZERO
            if Z[STATE, i] & YIELDS:
                ex, ey = give_way(ex, ey, xi - f4(qx), yi - f4(qy), d_wall, Z[ID, i], slot // SPELL, seed)
        blocks = (m + 7) // 8 * 8
        for k in range(m, blocks):
            bx[k] = f4(99)
            by[k] = f4(99)
            bu[k] = ZERO
            bw[k] = ZERO
            bv[k] = ZERO
            bs[k] = ONE
        swung = sway(Z[ID, i], slot, seed)
        swing = noise * swung + _sidestep(
            bx, by, bu, bw, bv, bs, blocks, ex, ey, ONE / max(free, f4(0.1)), rest, near_strength,
            ONE / near_range,
            far_strength, ONE / far_range, side, ahead, over)
        swing = min(max(swing, -swerve), swerve)
        fx = ex - swing * ey
        fy = ey + swing * ex
        if d_wall < AWARE:
            fx, fy = _off_wall(xi - f4(qx), yi - f4(qy), d_wall, fx, fy, body, wall_strength, wall_range)
        q = ONE / np.sqrt(fx * fx + fy * fy + f4(1e-9))
        rate = quick_rate if close else usual_rate
        ux = R[HX, i] + rate * (fx * q - R[HX, i])
        uy = R[HY, i] + rate * (fy * q - R[HY, i])
        q = ux * ux + uy * uy
        if q < f4(1e-6):
            ux = ex
            uy = ey
        else:
            q = ONE / np.sqrt(q)
            ux *= q
            uy *= q
        v = _open_speed(bx, by, bu, bw, bv, bs, blocks, ux, uy, free, ONE / gap, rest, follow, band, band_on,
                        creep, stop * (ONE - squeeze * jam), ONE / give, f4(0.5) * lead, uneven * swung * swung)
        x = xi + dt * v * ux
        y = yi + dt * v * uy
        d_wall -= dt * v
        if d_wall < body:
            x, y = _tread(xi, yi, x, y, c, ground)
        elif t == 0:
            touching[i] = ALONE
        moved[0, i] = x
        moved[1, i] = y
        moved[2, i] = ux
        moved[3, i] = uy
        moved[4, i] = v
        moved[5, i] = d_wall
        moved[6, i] = jam
