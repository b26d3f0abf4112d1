"""A drill with 10,000 people, one trainer and 20 trainees on one server: does it keep real time, and how soon is a
decision seen? ``python tests/viz/long_drill.py [SECONDS [PEOPLE [TRAINEES]]]`` prints the figures as JSON.

Every trainee has both sockets open in a thread of its own, acknowledges every frame, and orders something every few
seconds: gates, lanes, units, announcements. ``seen_s`` is the wall time from sending an order until that trainee is shown
it in the state of things; ``crowd_s`` until the first frame of people that was made after it. The clients share the two
cores with the server and the drill.

``lag_p99_s`` is what the drill measured on this machine as busy as it was. ``lag_p99_of_cpu_s`` is the same from the CPU time
of every step and order, when the record is played again afterwards: the lag on a core that the drill has for itself.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent.parent)]

from drill_case import Person, started  # noqa: E402
from guard_web import QUICK  # noqa: E402
from serving import serving  # noqa: E402

from sim.drill import Drill, DrillPlan, Record, dump  # noqa: E402
from sim.place import district_of  # noqa: E402
from twin.guard import Guard, Role  # noqa: E402
from viz.app import create_app  # noqa: E402
from viz.library import Library  # noqa: E402

X, Y = 446_000.0, 4_417_000.0
ORDERS = (["open gate:north-2", "close gate:north-2", "open gate:east-2", "close gate:east-2"],
          ["lanes checkpoint:west to 3", "lanes checkpoint:west to 6"], ["announce venue:stage to wait"],
          ["send kind:steward to gate:north-1", "send kind:steward to gate:east-1"])


def ring(west, south, east, north):
    return [[X + west, Y + south], [X + east, Y + south], [X + east, Y + north], [X + west, Y + north]]


def big_plan(people: int, seconds: float) -> DrillPlan:
    """The square full of people, more on their way from six metro exits."""
    inside, coming = int(people * 0.7), int(people * 0.3)
    demand: dict[str, Any] = {"inside": {
        "entry": "exit-c", "venue": "stage", "people": inside, "arrive": {"at": 0}, "present": ring(-70, 190, 150, 325),
        "leave": {"uniform": [seconds * 0.2, seconds * 2]}, "leave_by": ["exit-a", "exit-b", "exit-c"], "checked": False}}
    for exit_ in "abc":
        demand[f"from-{exit_}"] = {"entry": f"exit-{exit_}", "venue": "stage", "people": coming // 3, "checked": exit_ == "a",
                                   "arrive": {"uniform": [0, seconds * 0.5]}, "groups": {1: 0.4, 2: 0.6}}
    layout = {
        "zones": [{"id": "core", "kind": "core", "fenced": True, "area": ring(-85, 184, 165, 334)}],
        "gates": [{"id": f"north-{k}", "at": [X + 40 * k, Y + 334], "width": 8} for k in (0, 1, 2, 3)]
        + [{"id": f"east-{k}", "at": [X + 165, Y + 200 + 40 * k], "width": 8} for k in (1, 2)],
        "checkpoints": [{"id": "west", "at": [X - 40, Y + 334], "heading": -1.5708, "lanes": 6}],
        "posts": [{"id": "S", "at": [X + 40, Y + 345], "kind": "steward", "staff": 40},
                  {"id": "M", "at": [X + 100, Y + 345], "kind": "medic", "staff": 10}]}
    data = {"kind": "drill", "name": "big", "layout": "A", "roles": {"all-hands": {"title": "Everybody"}}, "injects": [
        {"serial": 1, "at_s": 10, "inject": "Begin"}], "scenario": {
            "name": "big", "synthetic": "xichangan", "area": ring(-120, 165, 200, 380), "start": "2026-10-01T19:00:00+08:00",
            "duration_s": seconds + 30, "entries": {f"exit-{k}": {"at": f"metro-entrance-000{n}", "width": 6}
                                                    for n, k in enumerate("abc", 1)},
            "venues": {"stage": {"area": ring(-70, 190, 150, 325)}}, "demand": demand, "layouts": {"A": layout}}}
    return DrillPlan.model_validate(yaml.safe_load(yaml.safe_dump(data)))


class Trainee(threading.Thread):
    """Watches both sockets, and orders something now and then."""

    def __init__(self, number: int, person: Person, path: str, until: float) -> None:
        super().__init__(daemon=True)
        self.number, self.person, self.path, self.until = number, person, path, until
        self.drill = path.rsplit("/", 1)[1]
        self.seen: dict[int, float] = {}
        self.frames: list[tuple[float, float]] = []
        self.sent: list[tuple[float, int, float, str]] = []

    def run(self) -> None:
        """Take part until the end."""
        watching = [threading.Thread(target=target, daemon=True) for target in (self._state, self._crowd)]
        for one in watching:
            one.start()
        draws = np.random.default_rng(self.number)
        time.sleep(min(3 + draws.random() * 8, (self.until - time.monotonic()) * 0.6))
        while time.monotonic() < self.until:
            line = str(draws.choice(ORDERS[self.number % len(ORDERS)]))
            began = time.monotonic()
            made = self.person.ask("POST", f"{self.path}/orders", do=line).json()
            if "number" in made:
                self.sent.append((began, made["number"], made["at_s"], made["outcome"]))
            time.sleep(min(6 + draws.random() * 8, max(self.until - time.monotonic(), 0)))
        for one in watching:
            one.join(timeout=10)
        self.person.close()

    def _state(self) -> None:
        with self.person.socket(f"/ws/drill/{self.drill}") as socket:
            while time.monotonic() < self.until + 2:
                try:
                    said = json.loads(socket.recv(timeout=1))
                except TimeoutError:
                    continue
                now = time.monotonic()
                for one in said["parts"].get("decisions", ()):
                    self.seen.setdefault(one["number"], now)

    def _crowd(self) -> None:
        with self.person.socket(f"/ws/drill/{self.drill}/people") as socket:
            while time.monotonic() < self.until + 2:
                try:
                    frame = socket.recv(timeout=1)
                except TimeoutError:
                    continue
                self.frames.append((struct.unpack_from("<d", frame, 16)[0], time.monotonic()))
                socket.send("ack")


def measure(seconds: float, people: int, trainees: int) -> dict[str, Any]:
    """Play a big drill in real time and say how it kept up."""
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    (folder / "scenarios" / "drills").mkdir(parents=True)
    (folder / "scenarios" / "drills" / "big.yaml").write_text(dump(big_plan(people, seconds)), encoding="utf-8")
    guard = Guard(folder / "guard", hasher=QUICK)
    guard.accounts.add("lead", [Role.TRAINER], password="four quick brown words", grids=None)
    for k in range(trainees):
        guard.accounts.add(f"T-{k + 1}", [Role.TRAINEE], password="four quick brown words", grids=None)
    app = create_app(Library(runs=folder / "runs", scenarios=folder / "scenarios"), guard=guard)
    try:
        with serving(app.server) as address:
            lead = Person(address, guard, "lead")
            began = time.monotonic()
            path = started(lead, "big")
            start_s = time.monotonic() - began
            lead.done("POST", f"{path}/members", role="trainer")
            lead.done("PUT", f"{path}/pace", step_s=1)  # who is there from the start stands on the ground
            until = time.monotonic() + seconds
            taking = []
            for k in range(trainees):
                person = Person(address, guard, f"T-{k + 1}")
                person.done("POST", f"{path}/members", role="all-hands")
                taking.append(Trainee(k, person, path, until))
            for one in taking:
                one.start()
            lead.done("PUT", f"{path}/pace", playing=True, speed=1)
            before = os.times()
            time.sleep(max(until - time.monotonic(), 0))
            after = os.times()
            room = app.server.state.drills.room(path.rsplit("/", 1)[1])
            with open(f"/proc/{room.process.pid}/stat") as stat:  # noqa: PTH123
                engine_cpu = sum(int(part) for part in stat.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
            clock = room.parts["clock"][1]
            for one in taking:
                one.join(timeout=30)
            figures = {"people": clock["people"], "trainees": trainees, "wall_s": seconds, "scenario_s": clock["t"],
                       "start_s": start_s, "lag_p99_s": clock["lag_p99_s"], "engine_cpu_s": engine_cpu,
                       "server_and_clients_cpu_s": after.user + after.system - before.user - before.system,
                       "load": os.getloadavg()[0], **_seen(taking)}
            lead.done("DELETE", path)
            lead.close()
            return figures | _unhindered(Record(room.out))
    finally:
        app.server.state.drills.close()
        guard.close()


def _unhindered(record: Record) -> dict[str, Any]:
    """How late steps would be on a core of its own: each begins when it is due and what came before it is done."""
    drill = Drill(record.plan, district_of(record.plan.scenario), seed=record.seed)
    drill.run_until(1.0)
    waiting = list(record.decisions)
    free_at, lags, gates = drill.time, [], 0
    while drill.time < record.ended_at_s - 1e-9:
        while waiting and waiting[0].at_s <= drill.time + 1e-9:
            began = time.process_time()
            decision = drill.again(waiting.pop(0))
            gates += decision.outcome == "done" and " gate:" in decision.do and decision.do.startswith(("open", "close"))
            free_at = max(free_at, drill.time) + time.process_time() - began
        began = time.process_time()
        drill.step()
        free_at = max(free_at, drill.time) + time.process_time() - began
        lags.append(free_at - drill.time)
    return {"lag_p99_of_cpu_s": round(float(np.percentile(lags, 99)), 3), "lag_max_of_cpu_s": round(max(lags), 3),
            "gates_moved": gates, "replayed_the_same": drill.digest() == record.hash}


def _seen(taking: list[Trainee]) -> dict[str, float]:
    seen, crowd, orders = [], [], 0
    for one in taking:
        for began, number, at_s, outcome in one.sent:
            orders += 1
            if number in one.seen:
                seen.append(one.seen[number] - began)
            later = [wall for t, wall in one.frames if t > at_s and wall > began]
            if later and outcome == "done":
                crowd.append(later[0] - began)
    frames = [len(one.frames) for one in taking]

    def percent(values: list[float], q: float) -> float:
        return round(float(np.percentile(values, q)), 3) if values else float("nan")

    return {"orders": orders, "seen_p50_s": percent(seen, 50), "seen_p99_s": percent(seen, 99), "crowd_p50_s": percent(crowd, 50),
            "crowd_p95_s": percent(crowd, 95), "crowd_p99_s": percent(crowd, 99), "frames_least": min(frames, default=0)}


if __name__ == "__main__":
    length, crowd_size, hands = (float(n) for n in (sys.argv[1:] + ["60", "10000", "20"][len(sys.argv) - 1:]))
    print(json.dumps(measure(length, int(crowd_size), int(hands)), indent=2))
