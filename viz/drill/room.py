"""Running drills on the server: each is a process of its own with the people who take part in it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from sim.drill import TRAINER, DrillPlan
from sim.drill.folder import Record
from twin.errors import BadInput, HutongError

log = logging.getLogger("hutong.drill")

ANSWERS_WITHIN = 30.0
"""A command that is not answered so long has failed [s]."""
MOST = 4
"""Drills that run at once on one server."""
Stage = Literal["starting", "running", "finished", "failed"]


class Keeper(Protocol):
    """Where everything that happens in a drill is kept beside its record: the log."""

    def take(self, parts: dict[str, Any]) -> None:
        """Keep what is new."""


@dataclass
class Member:
    """Somebody who takes part; who comes back under the same name has the same role again."""

    name: str
    role: str
    here: int = 0  # sockets that are open


class Room:
    """One running drill. All methods may be called from several threads."""

    def __init__(self, drill_id: str, plan: DrillPlan, out: Path, keeper: Keeper | None = None) -> None:
        self.id, self.plan, self.out, self._keeper = drill_id, plan, out, keeper
        self.stage: Stage = "starting"
        self.error = ""
        self.hash = ""
        self.members: dict[str, Member] = {}
        self.parts: dict[str, tuple[int, Any]] = {}
        """Name of a part -> number of its version, and what it is."""
        self.frame: tuple[int, bytes] = (0, b"")
        """Number of the newest frame of people, and the frame."""
        self._version = count(1)
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._viewers: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}
        self._viewer = count(1)
        self.process = subprocess.Popen([sys.executable, "-m", "viz.drill.engine"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        start_new_session=True,
                                        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        self._write({"plan": plan.model_dump(mode="json", by_alias=True, exclude_none=True), "out": str(out), "id": drill_id})
        self._reader = threading.Thread(target=self._read, name=f"drill-{drill_id}", daemon=True)
        self._reader.start()

    # -- who takes part ---------------------------------------------------------------------------------------------

    def join(self, name: str, role: str) -> Member:
        """Take a role; who has one keeps it."""
        with self._lock:
            known = self.members.get(name)
            if known is not None and known.role != role:
                raise BadInput(f"{name} is {known.role} in this drill", where=self.id, mend="come back as what you were")
            if role != TRAINER and role not in self.plan.roles:
                raise BadInput(f"there is no role {role!r}", where=self.id, mend=f"choose one of {', '.join(self.plan.roles)}")
            if known is None:
                known = self.members[name] = Member(name, role)
                if role != TRAINER and self.stage in ("starting", "running"):
                    self._write({"n": 0, "do": "join", "who": name, "role": role})
                self._tell_members()
            return known

    def member(self, name: str) -> Member:
        """Somebody who takes part; raises :class:`BadInput` for others."""
        with self._lock:
            if name not in self.members:
                raise BadInput(f"{name} takes no part in this drill", where=self.id, mend="join it first")
            return self.members[name]

    def arrived(self, member: Member, step: int) -> None:
        """A socket of a member has opened (1) or closed (-1)."""
        with self._lock:
            member.here += step
            self._tell_members()

    def _tell_members(self) -> None:
        self._put({"members": [{"name": m.name, "role": m.role, "here": m.here > 0} for m in self.members.values()]})

    # -- what is done -----------------------------------------------------------------------------------------------

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Give a command to the drill and wait for its answer; raises :class:`BadInput` with its sentence."""
        if self.stage in ("finished", "failed"):
            raise BadInput("the drill is over", where=self.id, mend="look at the report")
        number, answer = next(self._numbers), Future[dict[str, Any]]()
        self._waiting[number] = answer
        try:
            self._write({"n": number, "do": do, **what})
            said = answer.result(timeout=ANSWERS_WITHIN)
        except (TooLong, OSError):
            raise BadInput("the drill does not answer", where=self.id, mend="try again, or end it") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in said:
            raise _Said(said["error"])
        return said

    def end(self, wait_s: float = 60.0) -> None:
        """End it now; what was played is written down."""
        if self.process.poll() is None:
            try:
                self._write({"n": 0, "do": "end"})
                self.process.wait(timeout=wait_s)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self._reader.join(timeout=10)

    def record(self) -> Record:
        """What it left, once it is over."""
        if self.stage != "finished":
            raise BadInput("the drill is not over", where=self.id, mend="end it, or wait for its end")
        return Record(self.out)

    def to_dict(self) -> dict[str, Any]:
        """What the list of drills says about it."""
        clock = self.parts.get("clock", (0, {}))[1]
        return {"id": self.id, "drill": self.plan.name, "title": self.plan.title, "title_zh": self.plan.title_zh,
                "stage": self.stage, "error": self.error, "t": clock.get("t", 0.0), "duration_s": self.plan.duration_s,
                "members": [{"name": m.name, "role": m.role} for m in self.members.values()]}

    # -- what is seen -----------------------------------------------------------------------------------------------

    def watch(self, event: asyncio.Event) -> Callable[[], None]:
        """Have an event of the running loop set whenever there is something new; gives how to stop that."""
        number = next(self._viewer)
        self._viewers[number] = (asyncio.get_running_loop(), event)
        return lambda: self._viewers.pop(number, None) and None

    def newer(self, than: int) -> tuple[int, dict[str, Any]]:
        """The parts that have changed since a version, and the version that they make."""
        with self._lock:
            changed = {name: value for name, (version, value) in self.parts.items() if version > than}
            return max((version for version, _ in self.parts.values()), default=0), changed

    def _put(self, changed: dict[str, Any]) -> None:
        with self._lock:
            version = next(self._version)
            for name, value in changed.items():
                self.parts[name] = (version, value)
        self._stir()

    def _stir(self) -> None:
        for loop, event in list(self._viewers.values()):
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop has gone
                continue

    # -- the process --------------------------------------------------------------------------------------------------

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with self._lock:
            self.process.stdin.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            while (message := _message(self.process.stdout)) is not None:
                letter, content = message
                if letter == b"F":
                    self.frame = (self.frame[0] + 1, content)
                    self._stir()
                else:
                    self._take(json.loads(content))
        except (OSError, ValueError):
            log.exception("drill %s", self.id)
        if self.stage not in ("finished", "failed"):
            self.stage, self.error = "failed", "the drill stopped without saying why; start it again."
        self._put({"stage": {"stage": self.stage, "error": self.error, "hash": self.hash}})
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_result({"error": self.error or "the drill is over."})

    def _take(self, said: dict[str, Any]) -> None:
        if "parts" in said:
            self.stage = "running" if self.stage == "starting" else self.stage
            self._put(said["parts"] | {"stage": {"stage": self.stage, "error": "", "hash": ""}})
            self._keep(said["parts"])
        elif "answer" in said:
            answer = self._waiting.get(said["answer"])
            if answer is not None:
                answer.set_result(said)
        elif "finished" in said:
            self.stage, self.hash = "finished", said["hash"]
        elif "failed" in said:
            self.stage, self.error = "failed", said["failed"]

    def _keep(self, changed: dict[str, Any]) -> None:
        if self._keeper is None:
            return
        try:
            self._keeper.take(changed)
        except HutongError:
            log.exception("drill %s cannot be kept in the log", self.id)


class _Said(BadInput):
    """A sentence that the drill gave, as it is."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence.rstrip("."))


def _message(stream: Any) -> tuple[bytes, bytes] | None:
    source: BinaryIO = stream
    head = source.read(5)
    if len(head) < 5:
        return None
    (length,) = struct.unpack("<I", head[1:])
    return head[:1], source.read(length)


class Rooms:
    """The drills of this server."""

    def __init__(self, folder: Path, keeper: Callable[[str, DrillPlan], Keeper | None] = lambda _id, _plan: None) -> None:
        self.folder, self._keeper = folder, keeper
        self._rooms: dict[str, Room] = {}
        self._lock = threading.Lock()

    def start(self, plan: DrillPlan, out: Path | None = None) -> Room:
        """Start a drill; its record goes into the folder of runs under the drill's id."""
        with self._lock:
            if sum(room.stage in ("starting", "running") for room in self._rooms.values()) >= MOST:
                raise BadInput(f"{MOST} drills run already", mend="end one of them first")
            drill_id = self._new_id(plan.name)
            self.folder.mkdir(parents=True, exist_ok=True)
            room = Room(drill_id, plan, out or self.folder / drill_id, self._keeper(drill_id, plan))
            self._rooms[drill_id] = room
            return room

    def _new_id(self, name: str) -> str:
        stem = f"{name}-{time.strftime('%m%d-%H%M')}"
        for k in count(1):
            drill_id = stem if k == 1 else f"{stem}-{k}"
            if drill_id not in self._rooms and not (self.folder / drill_id).exists():
                return drill_id
        raise AssertionError

    def room(self, drill_id: str) -> Room:
        """A drill by its id."""
        room = self._rooms.get(drill_id)
        if room is None:
            raise BadInput(f"there is no drill {drill_id!r} running", mend="choose one from the list of drills")
        return room

    def all(self) -> list[Room]:
        """Every drill since the server started, the newest first."""
        return list(reversed(self._rooms.values()))

    def close(self) -> None:
        """End all drills; each writes its record."""
        for room in self._rooms.values():
            room.end()
