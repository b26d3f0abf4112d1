"""Who is where, followed over time on the ground: a constant-velocity filter in metres and assignment (Hungarian).

No appearance is kept: a track is a number that means nothing outside its run, and places. Figures are given with a
short delay, so that what happens next may correct them: a person found again was there in between, a box that came
to nothing never was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from twin.camera.lens import Array, Lens


class Seen(NamedTuple):
    """People seen in one frame.

    Ground places (n, 2) [m], their covariances (n, 2, 2) [m2], scores (n,), statures (n,) [m], and whether each stands
    clear of better ones in the picture (n,): an unsure box half under a sure one may be the same person again.
    """

    places: Array
    spread: Array
    scores: Array
    statures: Array
    clear: NDArray[np.bool_]


class Present(NamedTuple):
    """People present at one frame: their numbers (n,), places (n, 2) [m], velocities (n, 2) [m/s]."""

    numbers: NDArray[np.int64]
    places: Array
    velocities: Array


@dataclass(frozen=True)
class Following:
    """How people are followed. Times in seconds, distances in metres."""

    sure: float = 0.6
    """A box of this score may begin a track."""
    confirm: int = 3
    """So many sightings make a track a person."""
    patience_s: float = 3.0
    """A person who is not seen for so long is given up."""
    doubt_s: float = 2.0
    """A track that was for so long only fed by unsure boxes half under better ones is a ghost, and given up."""
    delay_s: float = 2.0
    """Figures are given so much later."""
    coast_s: float = 0.3
    """After the last sighting a person counts as present for so long."""
    push: float = 0.8
    """Standard deviation of the change of walk [m/s2]."""
    gate: float = 3.0
    """A sighting belongs to a track within so many standard deviations."""
    reach_m: float = 1.6
    """... and within this distance."""
    apart_m: float = 0.45
    """No track begins so near to another that was just seen."""
    smooth_s: float = 0.35
    """Width of the smoothing of places (Gaussian, local line)."""
    stature_spread: float = 0.15
    """How much a person's measured height varies [m]; tells people apart who walk close together."""


@dataclass
class _Track:
    """One person: the filter's state (x, y, vx, vy) and covariance, and the sightings."""

    state: Array
    covariance: Array
    stature: float
    frames: list[int] = field(default_factory=list)
    places: list[Array] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    number: int = 0
    last_own: int = 0
    """The last frame in which a sure or a clear box fed it."""


class Tracker:
    """Follows people over the ground; frames come in order, ``rate`` a second."""

    def __init__(self, lens: Lens, rate: float, following: Following | None = None) -> None:
        self.following = following or Following()
        self.rate = rate
        self._lens = lens
        self._tracks: list[_Track] = []
        self._gone: list[_Track] = []
        self._next = 1
        self._last: int | None = None

    @property
    def delay(self) -> int:
        """By how many frames figures come later."""
        return round(self.following.delay_s * self.rate)

    def step(self, frame: int, seen: Seen) -> None:
        """Take in what was seen in a frame."""
        f = self.following
        self._predict((frame - self._last) / self.rate if self._last is not None else 0.0)
        self._last = frame
        sure = seen.scores >= f.sure
        free = np.ones(len(seen.scores), bool)
        waiting = list(range(len(self._tracks)))
        for stage in (sure, ~sure):
            some = np.flatnonzero(stage & free)
            for row, column in self._matched([self._tracks[t] for t in waiting], seen, some):
                self._update(self._tracks[waiting[row]], frame, seen, column)
                free[column] = False
            waiting = [t for t in waiting if self._tracks[t].frames[-1] != frame]
        self._begin(frame, seen, np.flatnonzero(sure & free))
        self._let_go(frame)

    def present(self, frame: int) -> Present:
        """Who was there at a frame; call it ``delay`` frames later, or at the end."""
        f = self.following
        numbers, places, velocities = [], [], []
        for track in (*self._gone, *self._tracks):
            if not track.number or not track.frames[0] <= frame <= track.frames[-1] + f.coast_s * self.rate:
                continue
            at, velocity = self._smoothed(track, frame)
            if frame > track.frames[-1] and not self._lens.inside(self._lens.pixels(at[None]), 2.0)[0]:
                continue
            numbers.append(track.number)
            places.append(at)
            velocities.append(velocity)
        return Present(np.array(numbers, np.int64), np.array(places).reshape(-1, 2), np.array(velocities).reshape(-1, 2))

    def forget(self, before: int) -> None:
        """Drop what lies before a frame: places are kept no longer than they are needed."""
        self._gone = [track for track in self._gone if track.frames[-1] >= before]
        for track in self._tracks:
            old = int(np.searchsorted(track.frames, before)) - 1
            if old > 0:
                del track.frames[:old], track.places[:old], track.weights[:old]

    def _predict(self, dt: float) -> None:
        step = np.eye(4)
        step[0, 2] = step[1, 3] = dt
        gain = np.array([[dt * dt / 2, 0], [0, dt * dt / 2], [dt, 0], [0, dt]])
        noise = gain @ gain.T * self.following.push**2
        for track in self._tracks:
            track.state = step @ track.state
            track.covariance = step @ track.covariance @ step.T + noise

    def _matched(self, tracks: list[_Track], seen: Seen, some: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Pairs of a track (its row) and a sighting that belong together."""
        if not tracks or not len(some):
            return []
        f = self.following
        off = seen.places[some][None] - np.array([t.state[:2] for t in tracks])[:, None]
        spread = np.array([t.covariance[:2, :2] for t in tracks])[:, None] + seen.spread[some][None]
        distance = np.einsum("tsi,tsij,tsj->ts", off, np.linalg.inv(spread), off)
        tall = (seen.statures[some][None] - np.array([t.stature for t in tracks])[:, None]) / f.stature_spread
        allowed = (distance < f.gate**2) & ((off**2).sum(axis=2) < f.reach_m**2)
        cost = np.where(allowed, distance + np.log(np.linalg.det(spread)) + np.minimum(tall**2, 9.0), 1e6)
        rows, columns = linear_sum_assignment(cost)
        return [(int(r), int(some[c])) for r, c in zip(rows, columns, strict=True) if allowed[r, c]]

    def _update(self, track: _Track, frame: int, seen: Seen, k: int) -> None:
        spread = track.covariance[:2, :2] + seen.spread[k]
        gain = np.linalg.solve(spread, track.covariance[:2]).T
        track.state = track.state + gain @ (seen.places[k] - track.state[:2])
        track.covariance = track.covariance - gain @ track.covariance[:2]
        track.stature += (seen.statures[k] - track.stature) / min(len(track.frames) + 1, 20)
        self._note(track, frame, seen, k)
        if not track.number and len(track.frames) >= self.following.confirm:
            track.number, self._next = self._next, self._next + 1

    def _begin(self, frame: int, seen: Seen, some: NDArray[np.int64]) -> None:
        taken = np.array([t.places[-1] for t in self._tracks if t.frames[-1] == frame]).reshape(-1, 2)
        for k in some:
            if len(taken) and np.hypot(*(taken - seen.places[k]).T).min() < self.following.apart_m:
                continue
            covariance = np.zeros((4, 4))
            covariance[:2, :2], covariance[2:, 2:] = seen.spread[k], np.eye(2) * 1.2**2
            track = _Track(np.r_[seen.places[k], 0.0, 0.0], covariance, float(seen.statures[k]))
            self._note(track, frame, seen, int(k))
            self._tracks.append(track)
            taken = np.r_[taken, seen.places[k][None]]

    def _note(self, track: _Track, frame: int, seen: Seen, k: int) -> None:
        own = seen.clear[k] or seen.scores[k] >= self.following.sure
        track.frames.append(frame)
        track.places.append(seen.places[k])
        track.weights.append(float(1.0 / np.trace(seen.spread[k])))
        if own:
            track.last_own = frame

    def _let_go(self, frame: int) -> None:
        f = self.following
        kept = []
        for track in self._tracks:
            missed = (frame - track.frames[-1]) / self.rate
            if track.number:
                outside = missed > 0.5 and not self._lens.inside(self._lens.pixels(track.state[None, :2]), 1.0)[0]
                ghost = (frame - track.last_own) / self.rate > f.doubt_s and track.frames[-1] > track.last_own
                if ghost:
                    self._take_back(track)
                if missed <= f.patience_s and not outside and not ghost:
                    kept.append(track)
                else:
                    self._gone.append(track)
            elif missed <= max(2.1 / self.rate, 0.3):
                kept.append(track)
        self._tracks = kept

    @staticmethod
    def _take_back(track: _Track) -> None:
        """Let a ghost have ended when it was last a person."""
        kept = int(np.searchsorted(track.frames, track.last_own, side="right"))
        del track.frames[kept:], track.places[kept:], track.weights[kept:]

    def _smoothed(self, track: _Track, frame: int) -> tuple[Array, Array]:
        """Place (2,) and velocity (2,) of a person at a frame: a line through the sightings around it."""
        frames = np.asarray(track.frames)
        width = self.following.smooth_s
        after = int(np.searchsorted(frames, frame))
        if 0 < after < len(frames) and frames[after] != frame:  # unseen for a while: reach to both sides
            width = max(width, 0.6 * (frames[after] - frames[after - 1]) / self.rate)
        near = slice(int(np.searchsorted(frames, frame - 4 * width * self.rate)),
                     int(np.searchsorted(frames, frame + 4 * width * self.rate, side="right")))
        t = (frames[near] - frame) / self.rate
        if not len(t):
            return np.asarray(track.places[-1]), track.state[2:]
        w = np.exp(-0.5 * (t / width) ** 2) * np.asarray(track.weights)[near] + 1e-12
        p = np.asarray(track.places)[near]
        w = w / w.sum()
        mean_t, mean_p = w @ t, w @ p
        across = w @ (t - mean_t) ** 2
        slope = (w * (t - mean_t)) @ (p - mean_p) / (across + 0.01 * width**2)
        return mean_p - slope * mean_t, slope
