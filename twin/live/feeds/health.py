"""How a feed is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """One feed at one moment. ``says`` is what is wrong in one sentence, None while nothing is."""

    feed: str
    connected: bool
    says: str | None
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    waiting: int = 0

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return self.says is None
