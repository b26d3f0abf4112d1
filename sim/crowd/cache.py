"""Compiled code on disk, kept in step with its sources.

Numba recompiles a cached function when its own file changes, but not when a function that it calls from
another file does. This looks at all files of the package instead.
"""

from __future__ import annotations

from pathlib import Path


def drop_stale(folder: Path, sources: list[Path]) -> int:
    """Remove the index files of compiled functions of ``sources`` that are older than any of them; gives how
    many."""
    newest = max(source.stat().st_mtime for source in sources)
    dropped = 0
    for source in sources:
        for index in folder.glob(f"{source.stem}.*.nbi"):
            try:
                if index.stat().st_mtime < newest:
                    index.unlink()
                    dropped += 1
            except OSError:
                continue
    return dropped
