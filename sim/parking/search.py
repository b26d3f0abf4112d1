"""The search of the cars, one event after the other: the compiled part of the night.

Every car has one pending event in a binary heap ordered by (time, number of the car), so the order is the same on
every machine. A driver knows the way, the rules, the price, which rows were found full lately, how many bays are free
where a sign tells it, and what can be seen from where the car is. Everything else is found out by driving there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

COMING, SEARCHING, PARKED, LEFT, GAVE_UP = 0, 1, 2, 3, 4
"""States of a car: on its way to the district, looking, parked, left in the morning, gone to park elsewhere."""
NEVER = -1.0e18
"""When a place was seen full that never was [s]."""


@njit(cache=True)
def _later(times: np.ndarray, a: int, b: int) -> bool:
    return times[a] > times[b] or (times[a] == times[b] and a > b)


@njit(cache=True)
def _push(heap: np.ndarray, size: int, times: np.ndarray, car: int) -> int:
    """Put a car into the heap; gives the new size."""
    k = size
    heap[k] = car
    while k > 0:
        up = (k - 1) // 2
        if not _later(times, heap[up], heap[k]):
            break
        heap[up], heap[k] = heap[k], heap[up]
        k = up
    return size + 1


@njit(cache=True)
def _drop_first(heap: np.ndarray, size: int, times: np.ndarray) -> int:
    """Take the earliest car out of the heap; gives the new size."""
    size -= 1
    heap[0] = heap[size]
    k = 0
    while True:
        child = 2 * k + 1
        if child >= size:
            return size
        if child + 1 < size and _later(times, heap[child], heap[child + 1]):
            child += 1
        if not _later(times, heap[k], heap[child]):
            return size
        heap[k], heap[child] = heap[child], heap[k]
        k = child


@njit(cache=True)
def _taste(car: np.uint64, place: np.uint64) -> float:
    """A standard Gumbel number of a car for a place: always the same for this pair (splitmix64)."""
    z = car + place * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    u = (np.float64(z >> np.uint64(11)) + 0.5) / 9007199254740992.0
    return -np.log(-np.log(u))


@njit(cache=True)
def _admits(rule: int, resident: bool, permit: bool) -> bool:
    """Whether a rule of access lets somebody in."""
    if rule == 1:
        return resident
    if rule == 2:
        return permit
    if rule == 4:
        return not resident
    return rule == 0


@njit(cache=True)
def _may_park(c: int, p: int, now: float, cars: tuple, places: tuple) -> bool:
    """Whether the rules let a car stand in a place from now until it leaves."""
    _, resident, permit, grid, leaves, _, _, _ = cars
    capacity, opens, closes, access, _, max_stay, manager = places[:7]
    timed_access, timed_from, timed_until = places[10:]
    gone = max(leaves[c], now + 1.0)
    if capacity[p] == 0 or now < opens[p] or gone > closes[p] or gone - now > max_stay[p]:
        return False
    if manager[p] >= 0 and (not resident[c] or grid[c] != manager[p]):
        return False
    within = now < timed_until[p] and gone > timed_from[p]
    beyond = now < timed_from[p] or gone > timed_until[p]
    return bool((not within or _admits(timed_access[p], resident[c], permit[c]))
                and (not beyond or _admits(access[p], resident[c], permit[c])))


@njit(cache=True)
def _remember(c: int, p: int, now: float, home: np.ndarray, near: tuple, seen_at: np.ndarray, mine: np.ndarray) -> None:
    """Note that a place is full. A driver has one note for each place near home, from ``mine[c]`` on in ``seen_at``."""
    start, place, _ = near
    low, high = start[home[c]], start[home[c] + 1]
    first = low
    while low < high:
        middle = (low + high) // 2
        if place[middle] < p:
            low = middle + 1
        else:
            high = middle
    seen_at[mine[c] + low - first] = now


@njit(cache=True)
def _best(c: int, now: float, way: np.ndarray, legal: bool, speed: float, doubt: float, cars: tuple, places: tuple, near: tuple,
          weights: tuple, free: np.ndarray, seen_at: np.ndarray, mine: np.ndarray) -> tuple:
    """The place of least cost that a driver can hope for, and its cost [s]; (-1, inf) where there is none.

    ``way (p,)`` is how far it is to drive to each place from where the car is [m]; ``doubt`` what a place costs in
    addition of which the driver does not know that it has a free bay [s].
    """
    home, key = cars[0], cars[7]
    price, signed, lawful, tag = places[4], places[7], places[8], places[9]
    start, place, walk = near
    walk_cost, money_cost, taste_s, memory_s, sight_m = weights[0], weights[1], weights[2], weights[3], weights[4]
    best, least = -1, np.inf
    notes = mine[c] - start[home[c]]
    for k in range(start[home[c]], start[home[c] + 1]):
        p = place[k]
        if lawful[p] != legal or not np.isfinite(way[p]):
            continue
        cost = way[p] / speed + walk_cost * walk[k] + money_cost * price[p]
        if cost - 8.0 * taste_s > least:
            continue  # a taste beyond 8 scales has a chance of 1 in 3,000
        if not _may_park(c, p, now, cars, places) or now - seen_at[notes + k] < memory_s:
            continue
        if signed[p] or way[p] <= sight_m:
            if free[p] == 0:
                continue
        else:
            cost += doubt
        cost -= taste_s * _taste(key[c], tag[p])
        if cost < least:
            best, least = p, cost
    return best, least


@njit(cache=True)
def advance(until: float, inclusive: bool, size: int, heap: np.ndarray, times: np.ndarray, cars: tuple, places: tuple,
            near: tuple, ways: tuple, weights: tuple, free: np.ndarray, spare: np.ndarray, first_bay: np.ndarray,
            in_bay: np.ndarray, state: np.ndarray, target: np.ndarray, bay: np.ndarray, place_of: np.ndarray,
            times_of: np.ndarray, driven: np.ndarray, tries: np.ndarray, seen_at: np.ndarray, mine: np.ndarray) -> tuple:
    """Let the cars act until a time; gives (size of the heap, bays that were given to two cars).

    ``times_of (c, 3)`` takes when each car reached its first choice, parked and gave up, ``driven (c,)`` how far it drove
    while it searched [m], ``bay (c,)`` and ``in_bay (b,)`` who stands where, ``spare (b,)`` the free bays of each
    place as a stack of height ``free (p,)``.
    """
    home, leaves, patience, scruple = cars[0], cars[4], cars[5], cars[6]
    from_place, from_gate, gate_of = ways
    search_speed, drive_speed, illegal_s, elsewhere_s = weights[5], weights[6], weights[7], weights[8]
    twice = 0
    while size > 0 and (times[heap[0]] < until or (inclusive and times[heap[0]] == until)):
        c = heap[0]
        size = _drop_first(heap, size, times)
        now = times[c]
        if state[c] == PARKED:
            p = place_of[c]
            in_bay[bay[c]] = -1
            spare[first_bay[p] + free[p]] = bay[c]
            free[p] += 1
            state[c] = LEFT
            continue
        if state[c] == COMING:
            row = from_gate[gate_of[c]]
            p, _ = _best(c, now, row, True, drive_speed, 0.0, cars, places, near, weights, free, seen_at, mine)
            if p < 0:
                p, _ = _best(c, now, row, False, drive_speed, 0.0, cars, places, near, weights, free, seen_at, mine)
            if p < 0:
                state[c], times_of[c, 0], times_of[c, 2] = GAVE_UP, now, now
                continue
            state[c], target[c] = SEARCHING, p
            times[c] = now + row[p] / drive_speed
            times_of[c, 0] = times[c]
            size = _push(heap, size, times, c)
            continue
        p = target[c]
        if free[p] > 0 and _may_park(c, p, now, cars, places):
            free[p] -= 1
            b = spare[first_bay[p] + free[p]]
            if in_bay[b] >= 0:
                twice += 1
            in_bay[b] = c
            bay[c], place_of[c], state[c], times_of[c, 1] = b, p, PARKED, now
            times[c] = leaves[c] if leaves[c] > now else now + 1.0
            size = _push(heap, size, times, c)
            continue
        _remember(c, p, now, home, near, seen_at, mine)
        tries[c] += 1
        row = from_place[p]
        left = patience[c] - (now - times_of[c, 0])
        # The more rows were full, the less a driver believes in the next: the rest of the patience may be wasted.
        doubt = tries[c] / (tries[c] + 3.0) * min(max(left, 0.0), elsewhere_s)
        q, expected = _best(c, now, row, True, search_speed, doubt, cars, places, near, weights, free, seen_at, mine)
        if q >= 0 and row[q] / search_speed > left:
            q = -1
        if q < 0:
            expected = elsewhere_s
        wrong, price = _best(c, now, row, False, search_speed, 0.0, cars, places, near, weights, free, seen_at, mine)
        if wrong >= 0 and price + illegal_s + scruple[c] < min(expected, elsewhere_s):
            q = wrong
        if q < 0:
            state[c], times_of[c, 2] = GAVE_UP, now
            continue
        target[c] = q
        driven[c] += row[q]
        times[c] = now + max(row[q] / search_speed, 1.0)
        size = _push(heap, size, times, c)
    return size, twice
