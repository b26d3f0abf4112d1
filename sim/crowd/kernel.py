"""One time step for everybody, in Numba: who is near, where to, how fast, and no body inside another or in a wall.

Rows are people. ``F (12, cap) float32`` and ``I (4, cap) int32`` are the columns named below; coordinates are local
metres from the ground's origin. Every function gathers: it reads the state at the start of a phase and writes only
the rows it was given, so the result does not depend on how rows are shared between threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from sim.crowd.field import FAR, way
from sim.crowd.walls import allowed, bin_at, crosses, nearest_wall, sees

X, Y, HX, HY, SPEED, FREE, RADIUS, TX, TY, BEST, SINCE, LEFT = range(12)
"""Rows of F: position, heading, speed, free speed, radius, own target, nearest distance to the goal so far and when
it was reached (local clock), distance to go."""
REALS = 12
ID, GOAL, MODE, STATE = range(4)
"""Rows of I."""
INTEGERS = 4
WALK, STAND, HOLD = 0, 1, 2
"""Modes: follow the goal's field, stand at the own target, stand still. HOLD is a bit on top of the others."""
ARRIVED, LOST, STANDING = 1, 2, 4
"""Bits of STATE: has reached the goal, cannot reach it, is at the own target."""

f4 = np.float32
ZERO, ONE = f4(0), f4(1)
CELL, REACH = 0.7, 2
SIGHT = f4(CELL * REACH)
MOST_NEAR = 256
TOUCHING = 24
"""At most so many people are looked at within sight, and kept as possible contacts."""
PASSES = 4
CHUNK = 256
NEAR_TARGET = 12.0
"""A person's own target is walked to in a straight line from this distance, if it can be seen [m]."""
PROGRESS = f4(1.0)
"""Coming so much nearer to the goal counts as progress [m]."""


@njit(fastmath=True, error_model="numpy", inline="always")
def _exp(t):
    """exp(t) for t in [-19, 4] within 1e-4, as a polynomial: Numba vectorises it, a library call it does not."""
    t = max(t * f4(1 / 64), f4(-0.3))
    p = ONE + t * (ONE + t * (f4(0.5) + t * (f4(1 / 6) + t * (f4(1 / 24) + t * f4(1 / 120)))))
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p


@njit(cache=True)
def sway(person, slot, seed):
    """Uniform number in [-1, 1) that depends on the person, the time slot and the seed only."""
    h = np.uint32(person) * np.uint32(0x9E3779B1) ^ np.uint32(slot) * np.uint32(0x85EBCA6B) ^ np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return f4(h & np.uint32(0xFFFFFF)) * f4(2 / 16777216) - ONE


@njit(cache=True)
def sort_people(F, I, n, width, height, across, F2, I2, start, cell):
    """Counting sort of the rows by grid cell, from F, I to F2, I2; ``start (width*height + 2,)``.

    The grid is wrapped on a torus of width x height cells, so that its size goes with the number of people, not
    with the site; whoever is in the same cell but far away is told apart by distance.
    """
    start[:] = 0
    for i in range(n):
        c = (int(F[Y, i] / f4(CELL)) % height) * width + int(F[X, i] / across) % width
        cell[i] = c
        start[c + 2] += 1
    for c in range(width * height):
        start[c + 2] += start[c + 1]
    for i in range(n):
        c = cell[i] + 1
        k = start[c]
        start[c] += 1
        for q in range(REALS):
            F2[q, k] = F[q, i]
        for q in range(INTEGERS):
            I2[q, k] = I[q, i]


@njit(fastmath=True, error_model="numpy")
def _sidestep(bx, by, bu, bw, bv, bs, n, ex, ey, slow, rest, near_strength, near, far_strength, far, side, ahead,
              over):
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
def _open_speed(bx, by, bu, bw, bv, bs, bd, n, ux, uy, free, rate, rest, follow, band, band_on, creep, give):
    """Speed that the people inside the swept band along (ux, uy) allow; in a jam people creep until they touch."""
    for k in range(n):
        dx = bx[k]
        dy = by[k]
        co = ux * bu[k] + uy * bw[k]
        half = (band + (band_on - band) * max(-co, ZERO)) * bs[k]
        r = np.sqrt(dx * dx + dy * dy)
        u = (r - rest * bs[k]) * rate + follow * max(co, ZERO) * bv[k]
        c = creep * min(max((r - bd[k]) * give + ONE, ZERO), ONE)
        u = max(u, c)
        u = u if dx * ux + dy * uy > ZERO else free
        bu[k] = u if abs(ux * dy - uy * dx) < half else free
    for k in range(n):
        free = bu[k] if bu[k] < free else free
    return free


@njit(error_model="numpy")
def _clip_to_walls(px, py, qx, qy, segments, start, item, c):
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
def _walk(lo, hi, F, I, start, width, height, across, period, T, P, dt, now, slot, seed, O, touch, touching):
    """New heading, speed and position of the rows lo..hi, into O (5, cap); who may come to touch, into touch."""
    (gap, rest, follow, band, band_on, creep, hard, near_strength, near_range, far_strength, far_range, side, ahead,
     turn, swerve, wall_strength, wall_range, noise, _noise_time, over, give, _push) = P
    ny, nx = T.links.shape
    h = T.cell
    bx, by, bu = np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4)
    bw, bv, bs, bd = np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4), np.empty(MOST_NEAR, f4)
    bj = np.empty(MOST_NEAR, np.int32)
    rate = f4(1.0 - np.exp(-dt / turn))
    for i in range(lo, hi):
        xi = F[X, i]
        yi = F[Y, i]
        ri = F[RADIUS, i]
        mode = I[MODE, i]
        c = bin_at(np.float64(xi), np.float64(yi), nx, ny, h)
        walled = T.start[c + 1] > T.start[c]
        # where to
        free = F[FREE, i]
        ex = ZERO
        ey = ZERO
        if mode & HOLD:
            free = ZERO
        else:
            aimed = False
            if mode & STAND:
                tx = F[TX, i] - xi
                ty = F[TY, i] - yi
                away = np.sqrt(tx * tx + ty * ty)
                if away < f4(NEAR_TARGET) or I[STATE, i] & ARRIVED:
                    aimed = I[STATE, i] & ARRIVED > 0 or away < f4(1.0) or sees(
                        np.float64(xi), np.float64(yi), np.float64(F[TX, i]), np.float64(F[TY, i]), T.segments,
                        T.start, T.item, nx, ny, h)
                if aimed:
                    close = f4(0.3) if I[STATE, i] & STANDING else f4(0.08)
                    if away < close:
                        free = ZERO
                        I[STATE, i] |= STANDING
                    else:
                        I[STATE, i] &= ~STANDING
                        ex = tx / away
                        ey = ty / away
                        free = min(free, away * f4(2.0) + f4(0.05))
                    F[LEFT, i] = away
            if not aimed:
                left, wx, wy = way(np.float64(xi), np.float64(yi), T.fields[I[GOAL, i]], T.links, T.kind, T.segments,
                                   T.start, T.item, h)
                F[LEFT, i] = f4(left)
                ex = f4(wx)
                ey = f4(wy)
                if left >= FAR:
                    I[STATE, i] |= LOST
                    free = ZERO
                else:
                    I[STATE, i] &= ~LOST
                    if left <= 0.0:
                        if not I[STATE, i] & ARRIVED:
                            I[STATE, i] |= ARRIVED
                            F[SINCE, i] = now
                    if I[STATE, i] & ARRIVED and not mode & STAND:
                        free *= max(ONE - (now - F[SINCE, i]) * f4(0.33), ZERO)
            if I[STATE, i] & STANDING:
                F[BEST, i] = F[LEFT, i] + PROGRESS
                F[SINCE, i] = now
            elif (mode & STAND or not I[STATE, i] & ARRIVED) and F[LEFT, i] < F[BEST, i] - PROGRESS:
                F[BEST, i] = F[LEFT, i]
                F[SINCE, i] = now
        # who is near
        m = 0
        t = 0
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
                    dx = F[X, j] - xi
                    dy = F[Y, j] - yi
                    if period > ZERO:
                        dx -= period * np.rint(dx / period)
                    bx[m] = dx
                    by[m] = dy
                    bj[m] = j
                    m += (dx * dx + dy * dy < SIGHT * SIGHT) & (j != i) & (m < MOST_NEAR - 9)
        for k in range(m):
            j = bj[k]
            bu[k] = F[HX, j]
            bw[k] = F[HY, j]
            bv[k] = F[SPEED, j]
            bs[k] = (ri + F[RADIUS, j]) * f4(2.5)
            bd[k] = (ri + F[RADIUS, j]) * hard
            if t < TOUCHING and bx[k] * bx[k] + by[k] * by[k] < (bd[k] + f4(0.5)) ** 2:
                touch[i, t] = j
                t += 1
        touching[i] = t
        if free <= ZERO:
            O[0, i] = xi
            O[1, i] = yi
            O[2, i] = F[HX, i]
            O[3, i] = F[HY, i]
            O[4, i] = ZERO
            continue
        blocks = (m + 7) // 8 * 8
        for k in range(m, blocks):
            bx[k] = f4(99)
            by[k] = f4(99)
            bu[k] = ZERO
            bw[k] = ZERO
            bv[k] = ZERO
            bs[k] = ONE
            bd[k] = ONE
        # which way: swerve round people, keep off walls
        s = noise * sway(I[ID, i], slot, seed) + _sidestep(
            bx, by, bu, bw, bv, bs, blocks, ex, ey, ONE / max(free, f4(0.1)), rest, near_strength, ONE / near_range,
            far_strength, ONE / far_range, side, ahead, over)
        s = min(max(s, -swerve), swerve)
        fx = ex - s * ey
        fy = ey + s * ex
        if walled:
            d2, qx, qy = nearest_wall(np.float64(xi), np.float64(yi), T.segments, T.start, T.item, c)
            d = f4(np.sqrt(d2))
            if d > f4(1e-4):
                wx = f4(xi - qx) / d
                wy = f4(yi - qy) / d
                k_wall = wall_strength * _exp((hard * ri - d) / wall_range)
                fx += k_wall * wx
                fy += k_wall * wy
                inward = fx * wx + fy * wy
                if inward < ZERO and d < hard * ri + f4(0.1):
                    fx -= inward * wx
                    fy -= inward * wy
        q = ONE / np.sqrt(fx * fx + fy * fy + f4(1e-9))
        ux = F[HX, i] + rate * (fx * q - F[HX, i])
        uy = F[HY, i] + rate * (fy * q - F[HY, i])
        q = ux * ux + uy * uy
        if q < f4(1e-6):
            ux = ex
            uy = ey
        else:
            q = ONE / np.sqrt(q)
            ux *= q
            uy *= q
        # how fast
        v = _open_speed(bx, by, bu, bw, bv, bs, bd, blocks, ux, uy, free, ONE / gap, rest, follow, band, band_on,
                        creep, ONE / give)
        x = xi + dt * v * ux
        y = yi + dt * v * uy
        if walled:
            a, b = _clip_to_walls(np.float64(xi), np.float64(yi), np.float64(x), np.float64(y), T.segments, T.start,
                                  T.item, c)
            x, y = f4(a), f4(b)
            if not allowed(np.float64(xi), np.float64(yi), np.float64(x), np.float64(y), T.segments, T.start, T.item,
                           c):
                x, y = xi, yi
        O[0, i] = x
        O[1, i] = y
        O[2, i] = ux
        O[3, i] = uy
        O[4, i] = v


@njit(fastmath=True, error_model="numpy")
def _part_bodies(lo, hi, A, B, F, I, T, hard, cap, period, touch, touching):
    """One pass over the contacts from A to B (positions): half of each overlap, then off the walls.

    Those who are served or stand move less than those who walk. No pass takes anybody through a wall.
    """
    ny, nx = T.links.shape
    for i in range(lo, hi):
        xi = A[0, i]
        yi = A[1, i]
        sx = ZERO
        sy = ZERO
        ri = F[RADIUS, i]
        own = _mobility(I[MODE, i], I[STATE, i])
        for k in range(touching[i]):
            j = touch[i, k]
            dx = xi - A[0, j]
            dy = yi - A[1, j]
            if period > ZERO:
                dx -= period * np.rint(dx / period)
            reach = (ri + F[RADIUS, j]) * hard
            r2 = dx * dx + dy * dy
            if r2 < reach * reach:
                share = own / (own + _mobility(I[MODE, j], I[STATE, j]))
                if r2 < f4(1e-8):
                    dx = f4(1e-4) if I[ID, i] < I[ID, j] else f4(-1e-4)
                    r2 = dx * dx + dy * dy
                r = np.sqrt(r2)
                w = share * (reach - r) / r
                sx += w * dx
                sy += w * dy
        push = np.sqrt(sx * sx + sy * sy)
        if push > cap:
            sx *= cap / push
            sy *= cap / push
        x = xi + sx
        y = yi + sy
        c = bin_at(np.float64(xi), np.float64(yi), nx, ny, T.cell)
        if T.start[c + 1] > T.start[c]:
            body = np.float64(hard * ri)
            for _ in range(2):
                d2, qx, qy = nearest_wall(np.float64(x), np.float64(y), T.segments, T.start, T.item, c)
                d = np.sqrt(d2)
                if d >= body or d < 1e-6:
                    break
                off = min(body - d, np.float64(cap))
                x += f4(off * (x - qx) / d)
                y += f4(off * (y - qy) / d)
            if (x != xi or y != yi) and not allowed(np.float64(xi), np.float64(yi), np.float64(x), np.float64(y),
                                                    T.segments, T.start, T.item, c):
                x, y = xi, yi
        B[0, i] = x
        B[1, i] = y


@njit(fastmath=True, error_model="numpy", inline="always")
def _mobility(mode, state):
    if mode & HOLD:
        return f4(0.02)
    return f4(0.3) if state & STANDING else ONE


@njit(cache=True)
def _settle(n, O, A, F, dt, period, low):
    for i in range(n):
        x = A[0, i]
        if period > ZERO:
            if x >= low + period:
                x -= period
            elif x < low:
                x += period
        F[X, i] = x
        F[Y, i] = A[1, i]
        F[HX, i] = O[2, i]
        F[HY, i] = O[3, i]
        F[SPEED, i] = O[4, i]


@njit(cache=True, error_model="numpy")
def advance(steps, n, F, I, F2, I2, O, A, start, cell, touch, touching, width, height, across, period, low, T, P, dt,
            first, slot_steps, seed):
    """``steps`` time steps of n people on one thread; the state is in F, I if steps is even, else in F2, I2."""
    for k in range(steps):
        sort_people(F, I, n, width, height, across, F2, I2, start, cell)
        now = f4((first + k) * dt)
        _walk(0, n, F2, I2, start, width, height, across, period, T, P, f4(dt), now, (first + k) // slot_steps, seed,
              O, touch, touching)
        cap = P[21] * f4(dt)
        for _ in range(PASSES // 2):
            _part_bodies(0, n, O, A, F2, I2, T, P[6], cap, period, touch, touching)
            _part_bodies(0, n, A, O, F2, I2, T, P[6], cap, period, touch, touching)
        _settle(n, O, O, F2, dt, period, low)
        F, F2 = F2, F
        I, I2 = I2, I


@njit(cache=True, error_model="numpy", parallel=True)
def advance_threads(steps, n, F, I, F2, I2, O, A, start, cell, touch, touching, width, height, across, period, low, T,
                    P, dt, first, slot_steps, seed):
    """The same with the rows shared between threads; equal results, bit for bit."""
    chunks = (n + CHUNK - 1) // CHUNK
    for k in range(steps):
        sort_people(F, I, n, width, height, across, F2, I2, start, cell)
        now = f4((first + k) * dt)
        cap = P[21] * f4(dt)
        for q in prange(chunks):
            _walk(q * CHUNK, min((q + 1) * CHUNK, n), F2, I2, start, width, height, across, period, T, P, f4(dt), now,
                  (first + k) // slot_steps, seed, O, touch, touching)
        for _ in range(PASSES // 2):
            for q in prange(chunks):
                _part_bodies(q * CHUNK, min((q + 1) * CHUNK, n), O, A, F2, I2, T, P[6], cap, period, touch, touching)
            for q in prange(chunks):
                _part_bodies(q * CHUNK, min((q + 1) * CHUNK, n), A, O, F2, I2, T, P[6], cap, period, touch, touching)
        _settle(n, O, O, F2, dt, period, low)
        F, F2 = F2, F
        I, I2 = I2, I


@njit(cache=True)
def fitting(xy, radius, F, n, hard):
    """Whether newcomers (m, 2) at local places overlap nobody: (m,) bool."""
    out = np.ones(len(xy), np.bool_)
    for k in range(len(xy)):
        for i in range(n):
            dx, dy = F[X, i] - xy[k, 0], F[Y, i] - xy[k, 1]
            reach = (F[RADIUS, i] + radius[k]) * hard
            if dx * dx + dy * dy < reach * reach:
                out[k] = False
                break
    return out
