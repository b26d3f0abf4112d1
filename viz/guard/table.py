"""What every door needs: one table of routes, and one of the ids that Dash callbacks write to.

A route that is not here is refused, whoever asks; a test walks the routes of the application and names those that are
missing. Keys are ``METHOD template``, with ``WS`` for sockets and ``MOUNT`` for folders, as the routes are declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twin.guard import Permission

P = Permission
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Door:
    """What a route asks for: one of ``needs`` (none: anybody, without logging in)."""

    needs: tuple[P, ...] = ()
    audit: str | None = None
    """What the audit calls a use of this door; None is not written down."""
    audit_of: tuple[P, ...] = ()
    """Written down only where who asks may do one of these, such as see positions; none: whoever asks."""
    body: int = 64 * KIB
    """Longest body that is read [bytes]."""
    page: bool = False
    """A person's browser comes here: who is not logged in is led to the login page."""
    shut: bool = False
    """Nobody passes."""


def _needs(*permissions: P, audit: str | None = None, audit_of: tuple[P, ...] = (), body: int = 64 * KIB,
           page: bool = False) -> Door:
    return Door(permissions, audit, audit_of, body, page)


PUBLIC, SHUT = Door(), Door(shut=True)
_PLACE, _PLANS, _RUNS, _RUN = _needs(P.TWIN_READ), _needs(P.PLAN_READ), _needs(P.RUNS_READ), _needs(P.REHEARSE)
_LEAD, _DRILLS = _needs(P.DRILL_LEAD), _needs(P.DRILL_LEAD, P.DRILL_TAKE)
_PAGE = _needs(P.PAGES, page=True)
_POSITIONS = (P.POSITIONS_READ, P.POSITIONS_NEAR)

ROUTES: dict[str, Door] = {
    "GET /login": PUBLIC,
    "POST /login": PUBLIC,
    "GET /login/provider": PUBLIC,
    "GET /login/return": PUBLIC,
    "POST /logout": _needs(P.PAGES),
    "GET /api/me": _needs(P.PAGES),
    "GET /api/audit": _needs(P.AUDIT_READ),
    "GET /api/audit/findings": _needs(P.AUDIT_READ),
    "GET /api/accounts": _needs(P.ACCOUNTS_READ),
    "MOUNT /assets": PUBLIC,
    "GET /_dash-component-suites/{package_name}/{fingerprinted_path:path}": PUBLIC,
    "GET /_favicon.ico": PUBLIC,
    "GET /_dash-layout": _needs(P.PAGES),
    "GET /_dash-dependencies": _needs(P.PAGES),
    "POST /_dash-update-component": _needs(P.PAGES, body=8 * MIB),  # and what CALLBACKS says
    "GET /_reload-hash": SHUT,
    "WS /_dash-ws-callback": SHUT,
    "GET /": _PAGE,
    "GET /docs": _PAGE,
    "GET /{path:path}": _PAGE,
    "GET {path:path}": _PAGE,
    "GET /api/openapi.json": _needs(P.PAGES),
    "HEAD /api/openapi.json": _needs(P.PAGES),
    "GET /api/{rest:path}": _needs(P.PAGES),  # answers that there is no such route
    "POST /api/{rest:path}": _needs(P.PAGES),
    "PUT /api/{rest:path}": _needs(P.PAGES),
    "DELETE /api/{rest:path}": _needs(P.PAGES),
    # The place.
    "GET /api/districts": _PLACE,
    "GET /api/districts/{name}": _PLACE,
    "GET /api/districts/{name}/scene": _PLACE,
    "GET /api/districts/{name}/tables/{table}": _PLACE,
    "GET /api/districts/{name}/objects/{object_id:path}": _PLACE,
    "GET /api/districts/{name}/ways-in/{courtyard_id:path}": _PLACE,
    "GET /api/districts/{name}/sheets/{courtyard_id:path}": _needs(P.TWIN_READ, audit="export.sheet"),
    # Plans.
    "GET /api/scenarios": _PLANS,
    "GET /api/scenarios/{name}": _PLANS,
    "GET /api/scenarios/{name}/layouts/{layout}": _PLANS,
    "PUT /api/scenarios/{name}/layouts/{layout}": _needs(P.PLAN_WRITE, body=4 * MIB),
    "GET /api/scenarios/{name}/layouts/{layout}/problems": _PLANS,
    "GET /api/scenarios/{name}/layouts/{layout}/takes": _PLANS,
    # Runs.
    "GET /api/runs": _RUNS,
    "GET /api/runs/{name}": _RUNS,
    "GET /api/runs/{name}/metrics": _RUNS,
    "GET /api/runs/{name}/series": _RUNS,
    "GET /api/runs/{name}/events": _RUNS,
    "GET /api/runs/{name}/people": _RUNS,
    "GET /api/runs/{name}/maps": _RUNS,
    "GET /api/runs/{name}/maps/{which}": _RUNS,
    "GET /api/compare": _RUNS,
    "GET /api/compare/page": _needs(P.RUNS_READ, audit="export.comparison"),
    "WS /ws/run/{run}": _RUNS,
    # Rehearsals.
    "GET /api/rehearsals": _needs(P.REHEARSE, P.RUNS_READ),
    "POST /api/rehearsals": _RUN,
    "GET /api/rehearsals/{number}": _needs(P.REHEARSE, P.RUNS_READ),
    "DELETE /api/rehearsals/{number}": _RUN,
    # Drills. Who leads and who takes part are different people; what each is shown is decided in viz/drill/api.py.
    "GET /api/drills": _DRILLS,
    "POST /api/drills": _LEAD,
    "GET /api/drills/{drill}": _DRILLS,
    "DELETE /api/drills/{drill}": _LEAD,
    "POST /api/drills/{drill}/members": _DRILLS,
    "POST /api/drills/{drill}/orders": _DRILLS,
    "PUT /api/drills/{drill}/pace": _LEAD,
    "POST /api/drills/{drill}/injects": _LEAD,
    "POST /api/drills/{drill}/injects/{serial}/{act}": _LEAD,
    "GET /api/drills/{drill}/events.{ending}": _LEAD,
    "GET /api/drills/{drill}/report": _DRILLS,
    "WS /ws/drill/{drill}": _DRILLS,
    "WS /ws/drill/{drill}/people": _DRILLS,
}

LIVE_ROUTES: dict[str, Door] = {
    # The live picture. What is read of positions is written down by the stream itself.
    "WS /ws/live": _needs(P.POSITIONS_READ, P.POSITIONS_NEAR),
    "GET /api/live/duty-log.csv": _needs(P.EXPORT),  # both are written down by the route, with what left
    "GET /api/live/tables/{which}.csv": _needs(P.EXPORT),
    "GET /api/live/health": _needs(P.LIVE_READ, P.QUARANTINE_READ, P.ACCOUNTS_READ),
    # The log. Positions are among what is read only for those who may see them.
    "GET /api/observations": _needs(P.LIVE_READ, audit="positions.read", audit_of=_POSITIONS),
    "GET /api/observations/state": _needs(P.LIVE_READ, audit="positions.read", audit_of=_POSITIONS),
    "POST /api/observations": _needs(P.OBSERVATIONS_WRITE, P.DRILL_LEAD, body=16 * MIB),  # who leads drills: into drills alone
    "GET /api/operations": _needs(P.LIVE_READ),
    "POST /api/operations": _needs(P.OPERATIONS_WRITE, audit="operation.declare"),
    "GET /api/quarantine": _needs(P.QUARANTINE_READ, audit="quarantine.read"),
}
"""Routes that are there only with a live store."""
ROUTES |= LIVE_ROUTES

PAGES: dict[str, P] = {
    "/twin": P.TWIN_READ, "/plan": P.PLAN_WRITE, "/rehearse": P.REHEARSE, "/playback": P.RUNS_READ, "/compare": P.RUNS_READ,
    "/study": P.RUNS_READ, "/people": P.TWIN_READ, "/parking": P.REHEARSE, "/camera": P.TWIN_READ, "/drill": P.DRILL_TAKE,
    "/command": P.LIVE_READ,
}
"""What each page needs; a page that is not here is refused, but for addresses that no page has."""

CALLBACKS: dict[str, P] = {
    "page": P.PAGES,  # and what PAGES says about the address that is asked for
    "twin-": P.TWIN_READ,
    "plan-": P.PLAN_WRITE,
    "rehearse-": P.REHEARSE,
    "playback-": P.RUNS_READ,
    "compare-": P.RUNS_READ,
    "study-": P.RUNS_READ,
    "people-": P.TWIN_READ,
    "camera-": P.TWIN_READ,
    "drill-": P.DRILL_TAKE,
    "parking-": P.REHEARSE,
    "command-": P.LIVE_READ,  # acts ask for what they need themselves
}
"""What a callback needs, by the ids of what it writes to: the whole id, or the longest beginning that ends with ``-``.

A callback that writes to several needs all of them. A button that does more than its page shows has an entry of its
own: where the id of an ``Input`` stands here in full, that is needed too.
"""


def callback_needs(outputs: str, inputs: list[str], table: Mapping[str, P] | None = None) -> frozenset[P] | None:
    """What a callback needs, by the ``output`` that names it and the ids of its inputs; None if it is in no table."""
    table = CALLBACKS if table is None else table
    needed: set[P] = set()
    ids = output_ids(outputs)
    if not ids and not any(one in table for one in inputs):
        return None
    for one in ids:
        permission = table.get(one) or table.get(_beginning(one, table))
        if permission is None:
            return None
        needed.add(permission)
    needed |= {table[one] for one in inputs if one in table}
    return frozenset(needed)


def output_ids(outputs: str) -> list[str]:
    """The ids in the name of a callback: ``..a.data...b.value@hash..`` has a and b; a hash alone has none."""
    parts = outputs[2:-2].split("...") if outputs.startswith("..") and outputs.endswith("..") else [outputs]
    return [part.split("@")[0].rpartition(".")[0] for part in parts if "." in part.split("@")[0]]


def _beginning(one: str, table: Mapping[str, P]) -> str:
    return max((key for key in table if key.endswith("-") and one.startswith(key)), key=len, default="")
