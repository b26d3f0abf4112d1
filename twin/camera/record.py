"""What a camera run leaves behind: figures as tables, never pictures.

``out.csv`` (or ``.parquet``) has a row a frame; beside it ``out.crossings.csv`` a row a crossing, ``out.zones.csv`` a row
a zone and second, and ``out.json`` what was counted where and with what. A recorded file also leaves ``out.tracks.csv``,
places by run-own numbers, which an evaluation needs; a live stream never does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from twin.camera.watch import Figures
from twin.errors import BadInput

FORMATS = (".csv", ".parquet")


def beside(out: Path, what: str) -> Path:
    """The file of a run that lies beside its table: ``out.crossings.csv`` for ``out.csv``."""
    return out.with_name(f"{out.stem}.{what}{out.suffix}")


def about_file(out: Path) -> Path:
    """The file that says what was counted where and with what."""
    return out.with_name(f"{out.stem}.json")


def check_out(out: Path) -> Path:
    """The path itself, if a table can be written there; raises :class:`BadInput` before anything is run."""
    if out.suffix.lower() not in FORMATS:
        raise BadInput("figures are written as .csv or .parquet", where=str(out), mend="give the file one of these endings")
    if not out.parent.is_dir():
        raise BadInput("there is no such folder", where=str(out.parent), mend="make it first")
    return out


def write_run(out: Path, figures: Figures, about: dict[str, Any], *, rate: float, tracks: bool) -> list[Path]:
    """Write the tables of a run; each appears whole or not at all."""
    rows = figures.table()
    crossings = pd.DataFrame(figures.crossings, columns=["frame", "line", "direction"])
    crossings.insert(1, "time_s", (crossings["frame"] / rate).round(3))
    written = [_write(rows, out), _write(crossings, beside(out, "crossings"))]
    if figures.zones:
        zones = pd.DataFrame(figures.zones, columns=["frame", "zone", "count", "density"])
        every = max(round(rate), 1)
        written.append(_write(zones[zones["frame"] % every == 0], beside(out, "zones")))
    if tracks:
        written.append(_write(pd.DataFrame(figures.tracks, columns=["frame", "id", "x", "y"]), beside(out, "tracks")))
    said = about_file(out)
    draft = said.with_name(f".{said.name}.part")
    draft.write_text(json.dumps(about, ensure_ascii=False, indent=2, default=float), encoding="utf-8")
    draft.replace(said)
    return [*written, said]


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of a run, or of truth; raises :class:`BadInput` where it is none."""
    if not path.is_file():
        raise BadInput("there is no such file", where=str(path), mend="check the path")
    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except Exception as error:  # pandas and pyarrow have many errors of their own
        raise BadInput(f"this is not a table ({type(error).__name__})", where=str(path),
                       mend="give a .csv or .parquet file") from None


def _write(table: pd.DataFrame, path: Path) -> Path:
    draft = path.with_name(f".{path.name}.part")
    if path.suffix.lower() == ".parquet":
        table.to_parquet(draft, index=False)
    else:
        table.to_csv(draft, index=False, float_format="%.4f")
    draft.replace(path)
    return path


def shown_source(source: str) -> str:
    """The name of a source as it may be written down: without a folder, a name or a password."""
    if "://" in source:
        from urllib.parse import urlsplit

        from twin.camera.stream import without_credentials
        return without_credentials(urlsplit(source))
    return Path(source).name
