"""Thresholds of the state of a crowd, in profiles that can be edited.

Sources: Fruin (1971), *Pedestrian Planning and Design*, levels of service of walkways (0.31, 0.43, 0.72, 1.08, 2.15 /m2)
and of queueing areas (0.83, 1.08, 1.54, 3.59, 5.38 /m2); Still (2014), *Introduction to Crowd Science*: standing crowds
to 4 /m2 are workable, above 5 /m2 danger grows, moving crowds should stay at or under 2 /m2, flow is at its limit near 82
people a metre and minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twin.errors import BadInput

Density = Annotated[float, Field(gt=0, le=12)]


class Profile(BaseModel):
    """When a crowd is busy, congested or critical: densities [1/m2] at which each begins; the rest is how slowly it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    busy: Density
    congested: Density
    critical: Density
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """A state ends this share below where it began."""
    dwell_up_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    dwell_down_s: Annotated[float, Field(ge=0, le=3600)] = 20.0
    slow: Annotated[float, Field(ge=0, le=3)] | None = None
    """A crowd denser than ``busy`` and slower than this [m/s] is congested."""
    alarm_from: str = "congested"
    source: str = ""

    @model_validator(mode="after")
    def _rising(self) -> Profile:
        if not self.busy < self.congested < self.critical:
            raise ValueError("thresholds rise from busy over congested to critical")
        if self.alarm_from not in ("busy", "congested", "critical"):
            raise ValueError("alarm_from is busy, congested or critical")
        return self


PROFILES: dict[str, Profile] = {
    "street": Profile(busy=0.72, congested=1.08, critical=2.15, slow=0.5, source="Fruin 1971, walkways: D, E, F"),
    "square": Profile(busy=1.08, congested=2.0, critical=4.0,
                      source="Fruin 1971, walkways E; Still 2014: moving 2, standing 4 /m2"),
    "queue": Profile(busy=1.54, congested=3.59, critical=5.38, dwell_up_s=10.0, source="Fruin 1971, queueing: D, E, F"),
    "platform": Profile(busy=1.08, congested=1.54, critical=3.59, source="Fruin 1971, queueing: C, D, E"),
}
DEFAULT = "street"
LEVELS_OF_SERVICE = (0.308, 0.431, 0.718, 1.076, 2.153)
"""Densities at which the levels of service B to F of walkways begin [1/m2] (Fruin 1971)."""


def level_of_service(density: float) -> str:
    """Level of service A to F of a density [1/m2] on a walkway (Fruin 1971)."""
    return "ABCDEF"[sum(density >= limit for limit in LEVELS_OF_SERVICE)]


def read_profiles(path: str | Path) -> dict[str, Profile]:
    """The profiles of a YAML file (name: thresholds), over the default ones; raises :class:`BadInput` for anything else."""
    source = Path(path)
    try:
        content = yaml.safe_load(source.read_text(encoding="utf-8")) or {}
        return PROFILES | {str(name): Profile.model_validate(given) for name, given in content.items()}
    except FileNotFoundError:
        raise BadInput("there is no such file", where=str(path), mend="check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError):
        raise BadInput("this is not YAML of profiles", where=str(path), mend="see docs/camera.md") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(map(str, first['loc'])) or 'a profile'}: {first['msg'].removeprefix('Value error, ')}",
                       where=str(path), mend="see docs/camera.md") from None


def profile(name: str | None, profiles: dict[str, Profile] | None = None) -> Profile:
    """The profile of a name; raises :class:`BadInput` where there is none."""
    known = profiles or PROFILES
    wanted = name or DEFAULT
    if wanted not in known:
        raise BadInput(f"there is no profile {wanted!r}", mend=f"take one of {', '.join(sorted(known))}")
    return known[wanted]
