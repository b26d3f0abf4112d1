"""What people do: every number of the walking model, with its unit."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np

from twin.errors import BadInput

STANDARD_RADIUS = 0.2
"""Body radius that the lengths below were calibrated with [m]; they grow in proportion with the body."""


@dataclass(frozen=True)
class Parameters:
    """Behaviour of everybody in a crowd. Lengths are metres, times seconds, speeds metres a second.

    Calibrated together, at the time step :data:`sim.crowd.people.STEP`, against one-way corridor speeds, door
    flows and two-way corridors; see ``docs/crowd-model.md``.
    """

    gap: float = 0.75
    """Time gap to the person in front [s]."""
    rest: float = 0.50
    """Centre distance that is kept at speed zero [m]."""
    follow: float = 0.35
    """Share of the leader's speed that is added to the allowed speed."""
    band: float = 0.30
    """Half width of the band that a walker sweeps, for people who walk the same way [m]."""
    band_oncoming: float = 0.20
    """The same for oncoming people: shoulders turn [m]."""
    creep: float = 0.37
    """Speed that is kept in a jam, until ``stop`` behind whoever leads [m/s]."""
    hard: float = 0.775
    """Share of the body radius that nobody else may enter."""
    near_strength: float = 1.0
    """Sideways avoidance of people close by, tangent of the angle at contact."""
    near_range: float = 0.20
    """Distance over which it decays [m]."""
    far_strength: float = 1.3
    """Sideways avoidance of oncoming and slow people ahead, tangent of the angle at contact."""
    far_range: float = 0.90
    """Distance over which it decays [m]."""
    keep_side: float = 0.25
    """An oncoming person is seen this far to the left, so that people tend to pass on the right [m]."""
    anticipate: float = 0.35
    """How far ahead sideways motion of others is foreseen [s]."""
    turn: float = 0.50
    """Relaxation time of the heading [s]."""
    swerve: float = 1.0
    """Largest swerve from the way to the goal, tangent of the angle."""
    wall_strength: float = 0.3
    """Avoidance of walls, tangent of the angle at contact."""
    wall_range: float = 0.10
    """Distance over which it decays [m]."""
    noise: float = 0.20
    """Sway of the heading, tangent of the angle; drawn anew every ``noise_time``."""
    noise_time: float = 0.5
    """How long a draw of the sway lasts [s]."""
    overtake: float = 0.40
    """Weight of slower people ahead in the far avoidance."""
    give: float = 0.22
    """Creeping fades over this much spacing beyond ``stop`` [m]."""
    push_speed: float = 1.2
    """Fastest that a contact moves anybody, for one pass over the contacts [m/s]."""
    stop: float = 0.34
    """Centre distance at which creeping behind somebody ends [m]."""
    lead: float = 1.2
    """Somebody ahead leads in full if the cosine of the angle to the mean of both headings, times this, is at
    least one, and else in proportion."""
    uneven: float = 0.8
    """Most that hesitation adds to the leading of everybody in the band; drawn anew every ``noise_time``."""
    squeeze: float = 0.5
    """Share by which ``stop`` shrinks in a jam of two streams."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not np.isfinite(value) or value < 0:
                raise BadInput(f"the crowd parameter {field.name} is {value}",
                               mend="give a number of at least 0")
        for name in ("gap", "rest", "near_range", "far_range", "turn", "wall_range", "noise_time",
                     "give",
                     "hard"):
            if getattr(self, name) == 0:
                raise BadInput(f"the crowd parameter {name} is 0", mend="give a number above 0")

    def numbers(self) -> tuple[np.float32, ...]:
        """All values in the order of the fields, as the kernel takes them."""
        return tuple(np.float32(value) for value in astuple(self))
