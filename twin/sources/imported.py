"""What an import gives back: the district, and an account of what was left out, mended and assumed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from twin.errors import BadInput
from twin.places import District


@dataclass(frozen=True)
class Import:
    """A district made from a file.

    ``dropped`` counts what was left out, by reason; ``mended`` counts what was repaired and kept, by what
    was done; ``notes`` are sentences about what was taken for what; ``format`` is the format that was
    recognised.
    """

    district: District
    dropped: Counter[str]
    notes: list[str]
    format: str
    mended: Counter[str] = field(default_factory=Counter)


@dataclass
class Tally:
    """The account that an importer keeps while it reads."""

    where: str
    dropped: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count things that are left out."""
        if count:
            self.dropped[reason] += int(count)

    def mend(self, what: str, count: int = 1) -> None:
        """Count things that are repaired and kept."""
        if count:
            self.mended[what] += int(count)

    def note(self, sentence: str) -> None:
        """Keep a sentence for the reader, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def close(self, district: District, file_format: str) -> Import:
        """End the import, or raise :class:`BadInput` if the district would be empty."""
        if not any(district.counts().values()):
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.dropped.most_common(5))
            raise BadInput("nothing in this file can go into a district" + (f" (left out: {reasons})"
                                                                            if reasons else ""),
                           where=self.where, mend="check that it is the right file")
        mended = [f"{count} {what}" for what, count in sorted(self.mended.items())]
        notes = [*self.notes, *([f"mended: {', '.join(mended)}"] if mended else [])]
        return Import(district, self.dropped, notes, file_format, self.mended)


def summary(result: Import) -> dict[str, Any]:
    """Return the counts of an import, plain values only, ready for JSON.

    ``buildings`` counts whole buildings, ``building_parts`` the rows that are part of one. The other tables
    are counted row by row. ``from`` counts buildings by the kind of element that they came from, where the
    format has kinds (``{"way": 255, "relation": 2}``).
    """
    district = result.district
    counts: dict[str, Any] = dict(district.counts())
    parts = int(district.buildings["part_of"].notna().sum())
    whole = district.buildings[district.buildings["part_of"].isna()]
    kinds = whole["source"].str.extract(r"^osm:(\w+)/", expand=False).dropna()
    authority = district.crs.to_authority()
    return {
        **counts,
        "buildings": counts["buildings"] - parts,
        "building_parts": parts,
        "from": {str(kind): int(count) for kind, count in kinds.value_counts().items()},
        "crs": ":".join(authority) if authority else district.crs.name,
        "format": result.format,
        "dropped": dict(result.dropped),
        "mended": dict(result.mended),
        "notes": list(result.notes),
    }
