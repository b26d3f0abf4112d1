"""Drills over REST and sockets: start and lead one, take part in it, see it.

``WS /ws/drill/{drill}?who=NAME`` sends JSON, ``{"parts": {...}, "you": {name, role}}``: first everything that the role is
shown, then what changes. ``WS /ws/drill/{drill}/people`` sends frames of people as :mod:`viz.stream` describes them, the
newest as soon as the one before is acknowledged with ``ack``; one frame is encoded once for all who watch.

Who orders what is decided here: a trainee orders under the own name and role alone, a trainer leads. With accounts the
name is that of the account; without, on this machine alone, it is the one that somebody joins with.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, WebSocket
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from sim.drill import TRAINER, DrillPlan, Inject, load
from sim.drill.report import report
from twin.errors import BadInput, HutongError
from twin.guard import LOCAL, Permission, Principal
from viz.drill.about import about
from viz.drill.log import DrillLog
from viz.drill.parts import shown_to
from viz.drill.room import Keeper, Room, Rooms
from viz.guard import current, principal_of
from viz.library import Library
from viz.shipped import shipped
from viz.stream import NOT_FOUND, REFUSED, heard, same_origin, stirred, until_gone

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9 ._-]{0,39}$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartOrder(_Body):
    """A drill to start, by its name."""

    drill: Annotated[str, Field(min_length=1, max_length=80)]


class Joining(_Body):
    """Somebody takes a role; ``who`` is needed where nobody logs in."""

    role: Annotated[str, Field(min_length=1, max_length=60)]
    who: Name | None = None


class OrderBody(_Body):
    """An order, such as ``open gate:north``."""

    do: Annotated[str, Field(min_length=1, max_length=300)]
    who: Name | None = None


class Lead(_Body):
    """What the trainer does with an inject; ``who`` is needed where nobody logs in."""

    who: Name | None = None


class Adding(_Body):
    """An inject on the spot; its serial and its time are the next ones if they are missing."""

    inject: Annotated[str, Field(min_length=1, max_length=600)]
    to: str = "all"
    method: str = "radio"
    event: str = ""
    expected: str = ""
    objective: str = ""
    at_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    who: Name | None = None


class PaceBody(_Body):
    """How the clock goes: run or pause, times real time, or so many seconds on at once."""

    playing: bool | None = None
    speed: Annotated[float, Field(ge=0.1, le=30, allow_inf_nan=False)] | None = None
    step_s: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] | None = None


class Plans:
    """The drills that can be played: those of the library's folders, and those that come with Hutong."""

    def __init__(self, library: Library) -> None:
        self._folders = [folder / "drills" for folder in (*library.scenario_folders, shipped("scenarios"))]

    def names(self) -> list[str]:
        """Names of the drill files, without ``.yaml``."""
        return sorted({file.stem for folder in self._folders if folder.is_dir() for file in folder.glob("*.yaml")})

    def plan(self, name: str) -> DrillPlan:
        """A drill by the name of its file."""
        for folder in self._folders:
            file = folder / f"{name}.yaml"
            if name in self.names() and file.is_file():
                return load(file)
        raise BadInput(f"there is no drill {name!r}", mend=f"choose one of {', '.join(self.names()) or 'none: add one'}")


def add_drills(server: FastAPI, library: Library, live: Any = None) -> Rooms:
    """Add the routes and sockets of drills; gives the drills that run. They go to the log of ``live`` where there is one."""
    def keeper(drill_id: str, plan: DrillPlan) -> Keeper | None:
        if live is None:
            return None
        return DrillLog(live.log, drill_id, library.district(library.district_name(plan.scenario)).origin)

    rooms, plans = Rooms(library.runs_folder, keeper), Plans(library)
    server.state.drills, server.state.drill_plans = rooms, plans
    for routes in (_leading(rooms, plans), _taking(rooms, plans, library)):
        server.include_router(routes, prefix="/api")
    _add_sockets(server, rooms)
    return rooms


def leads(principal: Principal) -> bool:
    """Whether somebody may lead drills."""
    return principal.may(Permission.DRILL_LEAD)


def name_of(principal: Principal, given: str | None) -> str:
    """Under which name somebody takes part: the account's, or on this machine alone the given one."""
    if principal is not LOCAL:
        return principal.name
    if not given:
        raise BadInput("nobody logs in here, so say who you are", where="who", mend="give a call-sign")
    return given


def _leading(rooms: Rooms, plans: Plans) -> APIRouter:
    routes = APIRouter(tags=["drills"])

    @routes.post("/drills", status_code=201)
    def start(order: StartOrder) -> dict[str, Any]:
        """Start a drill; it waits for the trainer to let the clock run."""
        return rooms.start(plans.plan(order.drill)).to_dict()

    @routes.put("/drills/{drill}/pace")
    def set_pace(drill: str, body: PaceBody) -> dict[str, Any]:
        """Run, pause, set the speed, or go on by so many seconds."""
        room = rooms.room(drill)
        said: dict[str, Any] = {}
        if body.playing is not None or body.speed is not None:
            said = room.ask("pace", playing=body.playing, speed=body.speed)
        if body.step_s is not None:
            said |= room.ask("step", seconds=body.step_s)
        return {key: value for key, value in said.items() if key != "answer"}

    @routes.post("/drills/{drill}/injects/{serial}/{act}")
    def act(drill: str, serial: int, act: Literal["publish", "skip"], body: Lead) -> dict[str, Any]:
        """Give out an inject before its time, or leave it out."""
        room = rooms.room(drill)
        return dict(room.ask(act, who=name_of(current(), body.who or TRAINER), serial=serial)["decision"])

    @routes.post("/drills/{drill}/injects", status_code=201)
    def add(drill: str, body: Adding) -> dict[str, Any]:
        """Add an inject on the spot."""
        room = rooms.room(drill)
        inject = body.model_dump(exclude={"who"}, exclude_none=True)
        return dict(room.ask("add", who=name_of(current(), body.who or TRAINER), inject=inject)["decision"])

    @routes.delete("/drills/{drill}")
    def end(drill: str) -> dict[str, Any]:
        """End a drill; what was played is kept."""
        room = rooms.room(drill)
        room.end()
        return room.to_dict()

    @routes.get("/drills/{drill}/events.{ending}")
    def get_events(drill: str, ending: Literal["csv", "xlsx"]) -> Response:
        """The master scenario events list, with what was added on the spot."""
        return _events(rooms.room(drill), ending)

    return routes


def _taking(rooms: Rooms, plans: Plans, library: Library) -> APIRouter:
    routes = APIRouter(tags=["drills"])

    @routes.get("/drills")
    def list_drills() -> dict[str, Any]:
        """Drills that can be played, and those that were started on this server, the newest first."""
        return {"drills": plans.names(), "started": [room.to_dict() for room in rooms.all()]}

    @routes.get("/drills/{drill}")
    def describe(drill: str) -> dict[str, Any]:
        """One started drill: how far it is, who takes part, its roles, the ground, and what can be ordered."""
        room = rooms.room(drill)
        told = room.to_dict() | {"hash": room.hash} | about(room.plan, library)
        return told if leads(current()) else {key: value for key, value in told.items() if key != "incidents"}

    @routes.post("/drills/{drill}/members")
    def join(drill: str, body: Joining) -> dict[str, Any]:
        """Take a role in a drill, or come back to it."""
        who = current()
        if body.role == TRAINER and not leads(who):
            raise BadInput("this account does not lead drills", where="role", mend="take a role of a trainee")
        member = rooms.room(drill).join(name_of(who, body.who), body.role)
        return {"name": member.name, "role": member.role}

    @routes.post("/drills/{drill}/orders")
    def order(drill: str, body: OrderBody) -> dict[str, Any]:
        """Give an order under the own name and role; the answer says what came of it."""
        room = rooms.room(drill)
        member = room.member(name_of(current(), body.who))
        return dict(room.ask("order", who=member.name, role=member.role, line=body.do)["decision"])

    @routes.get("/drills/{drill}/report", response_class=HTMLResponse)
    def get_report(drill: str, language: Annotated[Literal["en", "zh"], Query()] = "en") -> HTMLResponse:
        """The after-action report of a drill that is over."""
        return HTMLResponse(report(rooms.room(drill).record(), language))

    return routes


def _events(room: Room, ending: str) -> Response:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from sim.drill.msel import write
    known = room.parts.get("lines", (0, []))[1]
    fields = set(Inject.model_fields) | {"from"}
    injects = [Inject.model_validate({key: value for key, value in line.items() if key in fields}) for line in known]
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"events.{ending}"
        write(file, injects)
        content = file.read_bytes()
    kind = "text/csv" if ending == "csv" else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{room.id}.{ending}"'})


def _add_sockets(server: FastAPI, rooms: Rooms) -> None:
    @server.websocket("/ws/drill/{drill}")
    async def follow(socket: WebSocket, drill: str, who: str | None = None) -> None:
        """What a member is shown of a drill, as it changes."""
        room = await _opened(socket, rooms, drill)
        if room is None:
            return
        try:
            member = room.member(name_of(principal_of(socket), who))
        except BadInput as error:
            await socket.close(NOT_FOUND, str(error)[:120])
            return
        room.arrived(member, 1)
        try:
            await until_gone(_hear(socket), _tell(socket, room, member.name, member.role))
        finally:
            room.arrived(member, -1)

    @server.websocket("/ws/drill/{drill}/people")
    async def watch(socket: WebSocket, drill: str) -> None:
        """The crowd of a drill as it moves."""
        room = await _opened(socket, rooms, drill)
        if room is not None:
            drawn = _Drawn()
            await until_gone(drawn.listen(socket), _stream(socket, room, drawn))


async def _opened(socket: WebSocket, rooms: Rooms, drill: str) -> Room | None:
    if not same_origin(socket):
        await socket.close(REFUSED)
        return None
    await socket.accept()
    try:
        return rooms.room(drill)
    except HutongError as error:
        await socket.close(NOT_FOUND, str(error)[:120])
        return None


async def _hear(socket: WebSocket) -> None:
    async for _message in heard(socket):
        pass


async def _tell(socket: WebSocket, room: Room, name: str, role: str) -> None:
    stir = asyncio.Event()
    leave = room.watch(stir)
    seen = 0
    try:
        while True:
            stir.clear()
            seen, changed = room.newer(seen)
            if changed:
                shown = {part: shown_to(role, part, value) for part, value in changed.items()}
                await socket.send_text(json.dumps({"you": {"name": name, "role": role}, "parts": shown}, ensure_ascii=False))
            await stirred(stir, 5.0)
    finally:
        leave()


class _Drawn:
    """Whether a viewer has drawn the frame that was sent last."""

    def __init__(self) -> None:
        self.ready = True
        self.stir = asyncio.Event()

    async def listen(self, socket: WebSocket) -> None:
        async for message in heard(socket):
            if message is None:
                self.ready = True
                self.stir.set()


async def _stream(socket: WebSocket, room: Room, drawn: _Drawn) -> None:
    leave = room.watch(drawn.stir)
    sent = 0
    try:
        while True:
            drawn.stir.clear()
            number, frame = room.frame
            if drawn.ready and number != sent:
                sent, drawn.ready = number, False
                await socket.send_bytes(frame)
            await stirred(drawn.stir, 5.0)
    finally:
        leave()
