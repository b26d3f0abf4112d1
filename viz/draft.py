"""A layout that is being drawn, with the way back: what was before can be undone, and done again."""

from __future__ import annotations

from typing import Any

from sim.scenario import Layout

UNDO = 60
"""Steps that are kept."""
Draft = dict[str, Any]
"""``past``, ``now``, ``future`` and ``saved`` layouts as plain values and the ``selected`` id, as browsers keep it."""


def fresh(saved: Layout) -> Draft:
    """A draft that begins with a saved layout."""
    plain = saved.model_dump(mode="json", exclude_defaults=True)
    return {"past": [], "now": plain, "future": [], "saved": plain, "selected": None}


def advance(draft: Draft, now: Layout, selected: str | None) -> Draft:
    """The draft after a change: what was before can be undone."""
    plain = now.model_dump(mode="json", exclude_defaults=True)
    if plain == draft["now"]:
        return {**draft, "selected": selected}
    return {**draft, "past": [*draft["past"], draft["now"]][-UNDO:], "now": plain, "future": [], "selected": selected}


def undone(draft: Draft) -> Draft:
    """One step back."""
    if not draft["past"]:
        return draft
    return {**draft, "past": draft["past"][:-1], "now": draft["past"][-1], "future": [draft["now"], *draft["future"]]}


def redone(draft: Draft) -> Draft:
    """One step forth."""
    if not draft["future"]:
        return draft
    return {**draft, "past": [*draft["past"], draft["now"]], "now": draft["future"][0], "future": draft["future"][1:]}
