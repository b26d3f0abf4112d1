"""The process of one running drill: it steps by the clock, takes commands, and tells what can be seen.

A process of its own, so that neither the pages nor the ways that are renewed when a gate shuts hold each other up.
``python -m viz.drill.engine`` reads one JSON object a line from its standard input: first ``{"plan": ..., "out": folder,
"id": ...}``, then commands ``{"n": number, "do": ..., ...}``. It writes messages to its standard output: a letter, the
length (uint32, little endian), and that many bytes. ``J`` is JSON: ``{"parts": {...}}`` with what has changed,
``{"answer": n, ...}`` or ``{"answer": n, "error": sentence}``, ``{"finished": folder}``. ``F`` is a frame of people as
:mod:`viz.stream` describes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import shapely
from pydantic import ValidationError

from sim.crowd import Crowd, Ground
from sim.drill import TRAINER, Drill, DrillPlan, Inject, Recording
from sim.drill.drill import STEP
from sim.place import district_of
from twin.errors import BadInput, HutongError
from viz.drill.parts import parts
from viz.stream import frame_bytes

FRAMES = 2.5
"""Frames of people a second of wall time, at most."""
TELLS = 2.0
"""Looks a second at what else has changed."""
FASTEST = 30.0
"""Times real time."""
BEHIND = 5.0
"""If the drill falls further behind its clock than this, the clock waits for it [s]."""


class Pace:
    """The clock of a drill: whether it runs, how fast, and when the next step is due."""

    def __init__(self) -> None:
        self.playing, self.speed = False, 1.0
        self._wall, self._scenario = time.monotonic(), 0.0

    def set(self, now_s: float, *, playing: bool | None = None, speed: float | None = None) -> None:
        """Change it at scenario time ``now_s``."""
        if playing is not None:
            self.playing = playing
        if speed is not None:
            self.speed = speed
        self.rest(now_s)

    def rest(self, now_s: float) -> None:
        """Count from now on."""
        self._wall, self._scenario = time.monotonic(), now_s

    def due(self, time_s: float) -> float:
        """When a scenario time is reached, on the monotonic clock [s]."""
        return self._wall + (time_s - self._scenario) / self.speed


class Engine:
    """One drill and its clock; ``tell`` sends a message: its letter and its bytes."""

    def __init__(self, drill: Drill, recording: Recording, drill_id: str, tell: Any) -> None:
        self.drill, self.recording, self.id, self._tell = drill, recording, drill_id, tell
        self.pace = Pace()
        self.commands: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.lags: deque[float] = deque(maxlen=round(600 / STEP))
        self.trainees: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self._began = time.monotonic()
        self._frame_at = self._tell_at = 0.0
        self._frames, self._shown = 0, -1.0
        self._ended = False

    def run(self) -> None:
        """Play until it is over and everybody has gone, or somebody ends it."""
        self.tell_parts()
        while not self._ended:
            self._take(self._wait())
            if not self.drill.over and self._until_due() <= 0:
                self._step()
            if self.drill.over:
                self._finish()
                return
            self._show()

    def _until_due(self) -> float:
        """Time until the next step is due [s]."""
        return self.pace.due(self.drill.time + STEP) - time.monotonic() if self.pace.playing else 1.0

    def _wait(self) -> float:
        """How long nothing needs to be done [s]."""
        return max(min(self._until_due(), 0.25), 0.0)

    def _take(self, wait: float) -> None:
        """Carry out the commands that have come, waiting so long for the first; when a step is due, the rest waits for it."""
        try:
            command = self.commands.get(timeout=wait) if wait > 0 else self.commands.get_nowait()
            while True:
                if command is None:
                    self._finish()
                    return
                self._carry_out(command)
                if self._ended or self._until_due() <= 0:
                    return
                command = self.commands.get_nowait()
        except queue.Empty:
            return

    def _step(self) -> None:
        due = self.pace.due(self.drill.time + STEP)
        self.drill.step()
        lag = time.monotonic() - due
        self.lags.append(max(lag, 0.0))
        if lag > BEHIND:
            self.pace.rest(self.drill.time)

    def _carry_out(self, command: dict[str, Any]) -> None:
        try:
            answer = self._answer(command)
        except (HutongError, ValidationError) as error:
            sentence = " ".join(str(error).split()) if isinstance(error, HutongError) else _sentence(error)
            self._say({"answer": command.get("n"), "error": sentence})
            return
        self._say({"answer": command.get("n"), **answer})
        if not self._ended:
            self.tell_parts()

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        drill, do, who = self.drill, command["do"], str(command.get("who", ""))
        if do == "order":
            role = str(command["role"])
            if role != TRAINER:
                self.trainees[who] = role
            return {"decision": drill.order(who, role, str(command["line"])).to_dict()}
        if do == "publish":
            return {"decision": drill.publish(who, int(command["serial"])).to_dict()}
        if do == "skip":
            return {"decision": drill.skip(who, int(command["serial"])).to_dict()}
        if do == "add":
            given = {"serial": drill.next_serial, "at_s": drill.time, **command["inject"]}
            return {"decision": drill.add(who, Inject.model_validate(given)).to_dict()}
        if do == "join":
            self.trainees[who] = str(command["role"])
            return {}
        if do == "pace":
            self.pace.set(drill.time, playing=command.get("playing"), speed=_speed(command.get("speed")))
            return {"playing": self.pace.playing, "speed": self.pace.speed}
        if do == "step":
            self._go_on(float(command.get("seconds", 1.0)))
            return {"t": drill.time}
        if do == "end":
            self._finish()
            return {"t": drill.time}
        raise BadInput(f"nobody knows what {do!r} is", mend="see viz/drill/engine.py")

    def _go_on(self, seconds: float) -> None:
        if not 0 < seconds <= 600:
            raise BadInput(f"{seconds:g} s is no step", mend="give up to 600 s")
        self.drill.run_until(self.drill.time + seconds)
        self.pace.rest(self.drill.time)

    def _show(self) -> None:
        now = time.monotonic()
        if now >= self._frame_at and self.drill.time != self._shown:
            self._frame_at = max(self._frame_at + 1 / FRAMES, now)
            self._send_frame()
        if now >= self._tell_at:
            self._tell_at = now + 1 / TELLS
            self.tell_parts()

    def _send_frame(self) -> None:
        self._frames += 1
        jump = self._shown < 0
        arrive = 1.1 / FRAMES if self.pace.playing else 0.0
        self._shown = self.drill.time
        self._tell(b"F", frame_bytes(self.drill.picture(), number=self._frames, arrive_s=arrive, rate=self.pace.speed, jump=jump))

    def tell_parts(self) -> None:
        """Tell what has changed since it was told last."""
        changed = {}
        for name, value in parts(self.drill, self.pace.playing, self.pace.speed, self.lag_p99_s).items():
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
            if self._told.get(name) != text:
                self._told[name] = text
                changed[name] = value
        if changed:
            self._say({"parts": changed})

    @property
    def lag_p99_s(self) -> float:
        """How late steps were done, 99 of 100 below, over the last ten minutes [s]."""
        known = sorted(self.lags)
        return known[min(int(0.99 * len(known)), len(known) - 1)] if known else 0.0

    def _finish(self) -> None:
        """Write the record; what was played so far is kept, whoever ends it."""
        if self._ended:
            return
        self._ended = True
        self.tell_parts()
        folder = self.recording.finish(self.drill, drill_id=self.id, trainees=self.trainees,
                                       wall_s=time.monotonic() - self._began)
        self._say({"finished": str(folder), "hash": self.drill.digest(), "lag_p99_s": round(self.lag_p99_s, 4)})

    def _say(self, what: dict[str, Any]) -> None:
        self._tell(b"J", json.dumps(what, ensure_ascii=False).encode())


def _speed(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0.1 <= value <= FASTEST:
        raise BadInput(f"{value!r} is no speed", mend=f"give 0.1 to {FASTEST:g} times real time")
    return float(value)


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}." if place else f"{first['msg']}."


def main() -> None:
    """Play the drill that is named on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends the drill
    out: BinaryIO = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 20)
    sys.stdout = sys.stderr  # nothing else may come between the messages

    def tell(letter: bytes, content: bytes) -> None:
        out.write(letter + struct.pack("<I", len(content)) + content)
        out.flush()

    recording: Recording | None = None
    try:
        order = json.loads(sys.stdin.readline())
        plan = DrillPlan.model_validate(order["plan"])
        recording = Recording(Path(order["out"]))
        _warm_up()
        drill = Drill(plan, district_of(plan.scenario), on_frame=recording.frame)
        engine = Engine(drill, recording, str(order["id"]), tell)
        threading.Thread(target=_listen, args=(engine,), daemon=True).start()
        engine.run()
    except HutongError as error:
        _give_up(recording, tell, " ".join(str(error).split()))
    except BrokenPipeError:
        return
    except Exception as error:
        _give_up(recording, tell, f"Something went wrong inside Hutong ({type(error).__name__}: {error}); please report it.")


def _warm_up() -> None:
    """Have the kernel compiled, which takes a while the first time, before anybody waits for a step."""
    crowd = Crowd(Ground(shapely.box(0, 0, 10, 10)), seed=0)
    crowd.add(np.array([[2.0, 2.0], [2.6, 2.0]]), crowd.ground.goal("there", shapely.Point(8, 8)), speed=1.3)
    crowd.step(2)
    crowd.ground.close("gate", shapely.LineString([(0, 4), (5, 4)]))
    crowd.step(2)


def _give_up(recording: Recording | None, tell: Any, sentence: str) -> None:
    if recording is not None:
        recording.drop()
    with contextlib.suppress(BrokenPipeError):
        tell(b"J", json.dumps({"failed": sentence}, ensure_ascii=False).encode())


def _listen(engine: Engine) -> None:
    for line in sys.stdin:
        engine.commands.put(json.loads(line))
    engine.commands.put(None)  # the server has gone


if __name__ == "__main__":
    main()
