"""Who asks: an account on shift, a feed, or the person at this machine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from twin.guard.permissions import DEVICE, Permission, Role, permitted
from twin.guard.scope import Grids


@dataclass(frozen=True)
class Principal:
    """Who asks, as what, and for which grids.

    ``grids`` are the roots of the subtrees that they may see: None is the whole twin, an empty set is nothing. A feed
    has the one ``source`` that it may report as and the ``kinds`` that it may report (None is all).
    """

    name: str
    roles: frozenset[str]
    grids: frozenset[str] | None = frozenset()
    source: str | None = None
    kinds: frozenset[str] | None = None

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """Everything that the roles permit."""
        return permitted(self.roles)

    def may(self, permission: Permission | str) -> bool:
        """Whether one of the roles permits it."""
        return permission in self.permissions

    def scope(self, grids: Grids) -> frozenset[str] | None:
        """Ids of all grids that the principal may see, for a query of the log; None is everywhere."""
        return None if self.grids is None else grids.under(self.grids)

    def sees(self, grid: str | Iterable[str] | None, grids: Grids) -> bool:
        """Whether something that lies in this grid (or these, one a scheme) may be shown; None lies in no grid."""
        scope = self.scope(grids)
        if scope is None:
            return True
        return not scope.isdisjoint([grid] if isinstance(grid, str) else grid or ())


LOCAL = Principal("local", frozenset({Role.PLANNER, Role.ANALYST, Role.TRAINER, Role.TRAINEE}), None)
"""The person at this machine, while nothing live is served and nobody else can reach it."""

NOBODY = Principal("nobody", frozenset())
"""Who has not said who they are: may do nothing and sees nothing."""


def device(source: str, kinds: frozenset[str] | None, grids: frozenset[str] | None) -> Principal:
    """A feed that may report as one source."""
    return Principal(f"device:{source}", frozenset({DEVICE}), grids, source, kinds)
