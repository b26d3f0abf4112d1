"""REST about the guard itself: who am I, the audit, the accounts."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel

from twin.guard import Guard
from viz.guard.gate import COOKIE, principal_of
from viz.guard.table import PAGES


class Me(BaseModel):
    """Who asks."""

    account: str
    roles: list[str]
    grids: list[str] | None
    permissions: list[str]
    pages: list[str]
    ends_s: float | None


class AccountLine(BaseModel):
    """An account as the admin and the auditor see it."""

    account: str
    roles: list[str]
    grids: list[str] | None
    disabled: bool


class AuditLine(BaseModel):
    """One line of the audit."""

    n: int
    when: str
    who: str
    what: str
    about: dict[str, Any]
    previous: str
    hash: str


class AuditFinding(BaseModel):
    """Something that is wrong with the audit."""

    line: int
    what: str


def add_guard_api(server: FastAPI, guard: Guard | None) -> None:
    """Add ``/api/me`` and, where accounts are kept, ``/api/accounts`` and ``/api/audit``."""
    routes = APIRouter(prefix="/api", tags=["guard"])

    @routes.get("/me")
    def who_am_i(request: Request) -> Me:
        """The account that asks, what it may do, and for how long the session lasts if nothing more is asked [s]."""
        principal = principal_of(request)
        session = guard.sessions.find(request.cookies.get(COOKIE, ""), touch=False) if guard is not None else None
        return Me(account=principal.name, roles=sorted(principal.roles), permissions=sorted(principal.permissions),
                  grids=None if principal.grids is None else sorted(principal.grids),
                  pages=[path for path, needed in PAGES.items() if principal.may(needed)],
                  ends_s=session.ends_s if session else None)

    if guard is not None:
        _add_keeping(routes, guard)
    server.include_router(routes)


def _add_keeping(routes: APIRouter, guard: Guard) -> None:
    @routes.get("/accounts")
    def list_accounts() -> list[AccountLine]:
        """Every account with its roles and scope; never a password."""
        return [AccountLine(account=a.account, roles=sorted(a.roles), disabled=a.disabled,
                            grids=None if a.grids is None else sorted(a.grids)) for a in guard.accounts.all()]

    @routes.get("/audit")
    async def read_audit(limit: Annotated[int, Query(ge=1, le=10_000)] = 100, who: str | None = None,
                         what: str | None = None) -> list[AuditLine]:
        """The newest lines, newest first; ``what`` may be the beginning of a word, such as ``positions``."""
        lines = await asyncio.to_thread(guard.audit.tail, limit, who=who, what=what)
        return [AuditLine(**asdict(line)) for line in lines]

    @routes.get("/audit/findings")
    async def verify_audit(head: str | None = None) -> list[AuditFinding]:
        """What is wrong with the audit; an empty list if nothing is. ``head`` is a hash that was noted elsewhere."""
        found = await asyncio.to_thread(guard.audit.verify, head=head)
        return [AuditFinding(line=one.line, what=one.what) for one in found]
