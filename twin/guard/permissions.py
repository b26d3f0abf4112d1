"""Who may do what: one table of roles and permissions.

A principal may do what any of its roles may do. What is not in the table is refused.
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """One thing that somebody may be allowed to do."""

    PAGES = "pages"
    """Open the pages and the API description; what a page shows has permissions of its own."""
    TWIN_READ = "twin.read"
    """See the place: districts, objects, sheets, the static scene."""
    PLAN_READ = "plan.read"
    """Read scenarios and layouts."""
    PLAN_WRITE = "plan.write"
    """Draw and save layouts."""
    RUNS_READ = "runs.read"
    """See rehearsals that were run, and compare them."""
    REHEARSE = "rehearse"
    """Start and cancel rehearsals."""
    LIVE_READ = "live.read"
    """See the live state apart from positions: counts, occupancy, parts, alarms."""
    POSITIONS_READ = "positions.read"
    """See live positions of units in the scope; every read is in the audit."""
    POSITIONS_NEAR = "positions.near"
    """See the own live position and those of units nearby, in the scope; every read is in the audit."""
    OBSERVATIONS_WRITE = "observations.write"
    """Report observations."""
    CASES_READ = "cases.read"
    """See cases."""
    CASES_WRITE = "cases.write"
    """Report cases and move them along the loop."""
    ALARMS_ACT = "alarms.act"
    """Acknowledge, escalate and close alarms."""
    PATROL_READ = "patrol.read"
    """See posts, coverage, gaps and the rota."""
    PATROL_WRITE = "patrol.write"
    """Change posts and the rota."""
    OPERATIONS_WRITE = "operations.write"
    """Declare an operation, within which positions are kept, and end it."""
    DRILL_LEAD = "drill.lead"
    """Prepare, start and score drills."""
    DRILL_TAKE = "drill.take"
    """Take part in a drill."""
    EXPORT = "export"
    """Take data away in a file; every export is in the audit."""
    AUDIT_READ = "audit.read"
    """Read and verify the audit."""
    QUARANTINE_READ = "quarantine.read"
    """Read what was refused at the door, and why."""
    ACCOUNTS_READ = "accounts.read"
    """See accounts, roles and scopes."""
    ACCOUNTS_WRITE = "accounts.write"
    """Add accounts, change roles and scopes, disable."""


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    PLANNER = "planner"
    ANALYST = "analyst"
    TRAINER = "trainer"
    TRAINEE = "trainee"
    COMMANDER = "commander"
    FIELD = "field"
    AUDITOR = "auditor"
    ADMIN = "admin"


DEVICE = "device"
"""The role of a feed that shows a token; no account can have it."""

P = Permission
_PLACE = frozenset({P.PAGES, P.TWIN_READ})
_LOOK = _PLACE | {P.PLAN_READ, P.RUNS_READ}

TABLE: dict[str, frozenset[Permission]] = {
    Role.VIEWER: _LOOK | {P.LIVE_READ},
    Role.PLANNER: _LOOK | {P.PLAN_WRITE, P.REHEARSE, P.LIVE_READ, P.PATROL_READ, P.PATROL_WRITE, P.EXPORT},
    Role.ANALYST: _LOOK | {P.REHEARSE, P.LIVE_READ, P.CASES_READ, P.PATROL_READ, P.EXPORT},
    Role.TRAINER: _LOOK | {P.PLAN_WRITE, P.REHEARSE, P.DRILL_LEAD, P.DRILL_TAKE},
    Role.TRAINEE: _PLACE | {P.DRILL_TAKE},
    Role.COMMANDER: _LOOK | {
        P.REHEARSE, P.LIVE_READ, P.POSITIONS_READ, P.OBSERVATIONS_WRITE, P.CASES_READ, P.CASES_WRITE, P.ALARMS_ACT,
        P.PATROL_READ, P.PATROL_WRITE, P.OPERATIONS_WRITE, P.EXPORT},
    Role.FIELD: _PLACE | {
        P.LIVE_READ, P.POSITIONS_NEAR, P.OBSERVATIONS_WRITE, P.CASES_READ, P.CASES_WRITE, P.PATROL_READ},
    Role.AUDITOR: _PLACE | {P.AUDIT_READ, P.QUARANTINE_READ, P.ACCOUNTS_READ},
    Role.ADMIN: _PLACE | {P.ACCOUNTS_READ, P.ACCOUNTS_WRITE},
    DEVICE: frozenset({P.OBSERVATIONS_WRITE}),
}
"""Role to permissions. The admin, who can give roles to others, sees no live state and no positions."""
del P


def permitted(roles: frozenset[str]) -> frozenset[Permission]:
    """Everything that these roles may do together; an unknown role may do nothing."""
    return frozenset().union(*(TABLE.get(role, frozenset()) for role in roles))
