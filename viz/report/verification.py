"""What the verification says, read from the page that ``hutong verify --docs`` writes, or from ``hutong verify --json``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sim.verify.page import TITLES
from twin.errors import BadInput
from viz.shipped import shipped


@dataclass(frozen=True)
class Verified:
    """One test and what came of it; ``result`` begins with pass, fail or not applicable."""

    suite: str
    test: str
    criterion: str
    measured: str
    result: str

    @property
    def status(self) -> str:
        """``pass``, ``fail`` or ``not applicable``."""
        return next((s for s in ("pass", "fail") if self.result.startswith(s)), "not applicable")


def find(given: Path | None) -> list[Verified]:
    """The results in a file; without one those of the documentation that comes with this Hutong, none if it has none."""
    if given is None:
        here = shipped("docs") / "verification.md"
        return read(here) if here.is_file() else []
    if not given.is_file():
        raise BadInput("there is no such file", where=str(given), mend="write it with `hutong verify --docs FILE`")
    found = read(given)
    if not found:
        raise BadInput("there are no results of verification in it", where=str(given),
                       mend="write it with `hutong verify --docs FILE`")
    return found


def read(file: Path) -> list[Verified]:
    """Every test in a page or a JSON file of results."""
    text = file.read_text(encoding="utf-8")
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
            return [Verified(TITLES.get(r["suite"], r["suite"]), r["test"], r["criterion"],
                             ", ".join(f"{k} {v:g}" for k, v in list(r["measured"].items())[:8]),
                             f"{r['status']}: {r['reason']}" if r["reason"] else r["status"]) for r in rows]
        except (ValueError, KeyError, TypeError, AttributeError):
            return []
    out, suite = [], ""
    for line in text.splitlines():
        if line.startswith("## "):
            suite = line[3:].strip()
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if suite and len(cells) == 4 and cells[0] != "test" and not set(cells[0]) <= {"-"}:
            out.append(Verified(suite, *cells))
    return out
