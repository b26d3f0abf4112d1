"""The audit: one line of JSON for every read of live positions, export, change of rights and failed login.

Each line holds the hash of the line before it: ``hash = SHA-256(canonical JSON of everything else)``. A line that was
changed, removed, added or moved no longer fits. How many lines there were, and the last hash, are kept beside the file
(``audit.head``), so that lines cut off at the end are missed too. Whoever can write both files can write a new
history: keep the hash that ``hutong audit verify`` prints somewhere else, and give it back with ``--head``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from twin.errors import BadInput

FILE, HEAD = "audit.jsonl", "audit.head"
FIRST = "0" * 64
"""What the first line has for the hash of the line before it."""


@dataclass(frozen=True)
class Entry:
    """One line of the audit."""

    n: int
    when: str
    who: str
    what: str
    about: dict[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with the audit: the line of the file, counted from 1, and a sentence."""

    line: int
    what: str


def _now() -> datetime:
    return datetime.now(UTC)


class Audit:
    """The audit in a folder. Several processes may append."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = _now) -> None:
        self.path, self.head_path, self._now = folder / FILE, folder / HEAD, now
        self._lock = threading.Lock()

    def write(self, who: str, what: str, **about: Any) -> Entry:
        """Append a line: who did what, about which objects, areas and times. It is on the disk when this returns."""
        with self._lock, self._alone() as file:
            last = _last_entry(file)
            n, previous = (last.n + 1, last.hash) if last else (1, FIRST)
            body: dict[str, Any] = {"n": n, "when": self._now().isoformat(timespec="milliseconds"), "who": who, "what": what,
                    "about": _plain(about), "previous": previous}
            entry = Entry(**body, hash=_hash(body))
            file.write((_canonical(body | {"hash": entry.hash}) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
            _replace(self.head_path, f"{n} {entry.hash}\n")
        return entry

    def entries(self) -> Iterator[Entry]:
        """The lines that can be read, oldest first."""
        for line in self._lines():
            try:
                yield Entry(**json.loads(line))
            except (ValueError, TypeError):
                continue

    def tail(self, count: int, *, who: str | None = None, what: str | None = None) -> list[Entry]:
        """The newest lines, newest first; ``what`` may be the beginning of a word."""
        kept = [e for e in self.entries() if who in (None, e.who) and (what is None or e.what.startswith(what))]
        return kept[::-1][:count]

    def head(self) -> str:
        """The hash of the last line, to be kept elsewhere."""
        last = FIRST
        for entry in self.entries():
            last = entry.hash
        return last

    def verify(self, *, head: str | None = None) -> list[Finding]:
        """Everything that is wrong: lines that were changed, removed, added, moved or cut off. ``head`` is a hash that
        was noted elsewhere and must still be in the chain."""
        return list(self._findings(head))

    def _findings(self, head: str | None) -> Iterator[Finding]:
        expected, hashes, line = 1, {FIRST}, 0
        previous: str | None = FIRST  # None after a line that cannot be read
        for line, text in enumerate(self._lines(), 1):
            try:
                entry = Entry(**(body := json.loads(text)))
                own = _hash({key: value for key, value in body.items() if key != "hash"})
            except (ValueError, TypeError, AttributeError):
                yield Finding(line, "this is no line of an audit")
                expected += 1
                previous = None
                continue
            if own != entry.hash or text != _canonical(body):
                yield Finding(line, f"number {entry.n} was changed")
            elif entry.n > expected and previous is not None:
                gone = f"number {expected} is" if entry.n == expected + 1 else f"numbers {expected} to {entry.n - 1} are"
                yield Finding(line, f"{gone} missing before number {entry.n}")
            elif entry.n < expected:
                yield Finding(line, f"number {entry.n} stands after number {expected - 1}: it was moved or copied")
            elif previous is not None and entry.previous != previous:
                yield Finding(line, f"number {entry.n} does not follow the line before it, which was changed or put in")
            hashes.add(own)
            expected, previous = max(expected, entry.n + 1), entry.hash
        yield from self._cut_off(line, expected - 1, hashes, head)

    def _cut_off(self, line: int, last: int, hashes: set[str], head: str | None) -> Iterator[Finding]:
        if self.head_path.exists():
            try:
                count, noted = self.head_path.read_text(encoding="ascii").split()
                lines = int(count)
            except (ValueError, UnicodeDecodeError):
                yield Finding(line, f"{HEAD} cannot be read")
            else:
                if lines > last:
                    yield Finding(line, f"numbers {last + 1} to {lines} were cut off at the end")
                elif noted not in hashes:
                    yield Finding(line, f"the line that {HEAD} names is not there: the audit was written anew")
        elif line:
            yield Finding(line, f"{HEAD} is missing")
        if head is not None and head not in hashes:
            yield Finding(line, "the hash that was noted elsewhere is not in the audit")

    def _lines(self) -> Iterator[str]:
        if self.path.exists():
            with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
                yield from (line.rstrip("\n") for line in file)

    @contextmanager
    def _alone(self) -> Iterator[IO[bytes]]:
        """The file, while no other process writes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _last_entry(file: IO[bytes]) -> Entry | None:
    """The last whole line. What a crash left half written after it was never acknowledged, and is removed."""
    size = file.seek(0, os.SEEK_END)
    at, tail = size, b""
    while at > 0 and tail.rstrip(b"\n").count(b"\n") == 0:
        at = max(0, at - 4096)
        file.seek(at)
        tail = file.read(size - at)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail) and (whole or at == 0):
            size = at + whole
            file.truncate(size)
            tail = tail[:whole]
    lines = tail.rstrip(b"\n").split(b"\n")
    if not lines[-1]:
        return None
    try:
        return Entry(**json.loads(lines[-1]))
    except (ValueError, TypeError):
        raise BadInput("the last line of the audit was changed", where=FILE,
                       mend="run `hutong audit verify`, keep this file as evidence and move it away") from None


def _hash(body: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode()).hexdigest()


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(about: dict[str, Any]) -> dict[str, Any]:
    """What a line can hold: texts, numbers, lists; the rest as text, long texts cut."""
    def one(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, (list, tuple, set, frozenset)):
            items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
            return [one(item) for item in items[:100]]
        if isinstance(value, dict):
            return {str(key): one(item) for key, item in list(value.items())[:100]}
        return str(value)[:500]
    return {key: one(value) for key, value in about.items() if value is not None}


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, encoding="ascii")
    part.replace(path)
