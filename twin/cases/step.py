"""One step of a case: what a worker on shift did, and why. It cannot carry who the residents are.

A case walks six steps (report, dispatch, handle, verify, close, assess); the other steps send it between levels and
hands, or add to what is known. A step is the value of an observation of kind ``case``: the time, the place and the
source are the observation's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from twin.cases.private import without_personal_numbers, without_personal_text

LONGEST_TEXT = 240
MOST_UNITS = 64
MOST_EVIDENCE = 16


class Kind(StrEnum):
    """What can be done to a case, in the order in which steps of one moment are taken."""

    REPORT = "report"
    REOPEN = "reopen"
    PASS_UP = "pass_up"
    PASS_DOWN = "pass_down"
    DISPATCH = "dispatch"
    ARRIVE = "arrive"
    HANDLE = "handle"
    RETURN = "return"
    VERIFY = "verify"
    CLOSE = "close"
    ASSESS = "assess"
    MERGE = "merge"
    NOTE = "note"


class Level(StrEnum):
    """The three levels that each can close a loop, lowest first."""

    COMMUNITY = "community"
    SUBDISTRICT = "subdistrict"
    DISTRICT = "district"


class Result(StrEnum):
    """What the verifier found."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    UNFOUNDED = "unfounded"


ROLES = ("desk", "hotline", "system", "agency", "patrol", "grid", "camera", "drill", "commander", "verifier", "field",
         "station", "unit", "city")
"""What the id of a worker starts with where it carries no number; anything else could be a person's name."""

_ID = r"^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,63}$"
_WORKER = r"^[A-Za-z][A-Za-z0-9]{0,15}([-_./:][A-Za-z0-9]{1,16}){0,6}$"
_TYPE = r"^[a-z][a-z0-9_]{1,31}$"


def _worker(name: str) -> str:
    """A call-sign has a number, or starts with a role: what reads as a name is refused."""
    known = any(name == role or (name.startswith(role) and not name[len(role)].isalnum()) for role in ROLES)
    if not known and not any(letter.isdigit() for letter in name):
        raise ValueError(f"{name!r} is neither a call-sign with a number nor a role ({', '.join(ROLES)} ...)")
    return without_personal_numbers(name)


Id = Annotated[str, Field(pattern=_ID), AfterValidator(without_personal_numbers)]
Worker = Annotated[str, Field(pattern=_WORKER, max_length=48), AfterValidator(_worker)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(without_personal_text)]


class Evidence(BaseModel):
    """That something was recorded: its SHA-256 and the kind of medium. The record itself is not kept here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    media: Literal["photo", "video", "audio", "document", "measurement"]


class CaseStep(BaseModel):
    """One step of one case.

    ``case`` is the case's id, ``by`` the call-sign or role of the worker on shift, ``why`` the reason in one
    sentence without personal data. ``level`` is where the case is taken up (report) or lies after a pass.
    ``units`` are the call-signs that a dispatch sends. A report names the ``type`` and may name the ``deadline``
    for handling (else :data:`twin.cases.types.TYPES` says); a reopening or a pass may set a new one. ``result`` is
    what a verifier found, ``rating`` the resident's mark of 1 (bad) to 5 (good), ``duplicate_of`` the case that a
    merged one belongs to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Kind
    case: Id
    by: Worker
    why: Text
    level: Level | None = None
    grid: Id | None = None
    type: Annotated[str, Field(pattern=_TYPE)] | None = None
    deadline: AwareDatetime | None = None
    units: Annotated[tuple[Worker, ...], Field(max_length=MOST_UNITS)] = ()
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=MOST_EVIDENCE)] = ()
    result: Result | None = None
    rating: Annotated[int, Field(ge=1, le=5, strict=True)] | None = None
    duplicate_of: Id | None = None

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> CaseStep:
        for name, kinds in _BELONGS.items():
            if getattr(self, name) not in (None, ()) and self.step not in kinds:
                raise ValueError(f"a {self.step.value} step has no {name}")
        for name, kind in _NEEDED:
            if self.step is kind and getattr(self, name) in (None, ()):
                raise ValueError(f"a {kind.value} step needs {name}")
        if self.duplicate_of == self.case:
            raise ValueError(f"case {self.case} cannot be a duplicate of itself")
        return self


_BELONGS = {
    "level": {Kind.REPORT, Kind.PASS_UP, Kind.PASS_DOWN},
    "grid": {Kind.REPORT},
    "type": {Kind.REPORT},
    "deadline": {Kind.REPORT, Kind.REOPEN, Kind.PASS_UP, Kind.PASS_DOWN},
    "units": {Kind.DISPATCH},
    "result": {Kind.VERIFY},
    "rating": {Kind.ASSESS},
    "duplicate_of": {Kind.MERGE},
}
_NEEDED = (("type", Kind.REPORT), ("units", Kind.DISPATCH), ("rating", Kind.ASSESS), ("duplicate_of", Kind.MERGE))
