"""What goes wrong under a log: full disks, lost databases, killed processes, pressure, old schemas."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_case import Server, alarm, at, note, position

from twin.errors import BadInput, HutongError
from twin.live.row import Row, row
from twin.store import Receipt, Shed, StoreDown, open_store
from twin.store.commit import GroupCommit
from twin.store.migrate import SQLITE, migrate
from twin.store.sqlite_keys import keys_of

# Disks and databases


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_loses_nothing_acknowledged_and_the_log_recovers(small_disk: Path):
    log = open_store(small_disk / "log.sqlite")
    acknowledged: list[str] = []
    with pytest.raises(StoreDown, match=r"full|disk"):
        for k in range(10_000):
            batch = [note(f"n-{k}-{j}", k, "x" * 200) for j in range(50)]
            log.append(batch)
            acknowledged += [o.id for o in batch]
    assert "full" in (log.pace().trouble or "") or "disk" in (log.pace().trouble or "")
    assert {o.id for o in log.read()} == set(acknowledged)
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    assert log.append([note("after", 1)]) == Receipt(stored=1)
    assert log.pace().trouble is None
    assert {o.id for o in log.read()} == {*acknowledged, "after"}
    log.close()
    again = open_store(small_disk / "log.sqlite")
    assert len(again.read()) == len(acknowledged) + 1
    again.close()


def test_a_file_that_is_gone_is_said_and_its_return_is_enough(tmp_path: Path):
    path = tmp_path / "log.sqlite"
    log = open_store(path)
    log.append([note("n-1", 1)])
    path.rename(tmp_path / "away")
    with pytest.raises(StoreDown, match="gone"):
        log.append([note("n-2", 2)])
    (tmp_path / "away").rename(path)
    assert log.append([note("n-2", 2)]) == Receipt(stored=1)
    log.close()


def test_a_database_that_is_gone_is_said_and_its_return_is_enough(postgres: Server):
    log = open_store(postgres.database())
    log.append([note("n-1", 1)])
    assert len(log.read()) == 1
    postgres.stop()
    for _ in range(2):
        with pytest.raises(StoreDown):
            log.append([note("n-2", 2)])
    assert log.pace().trouble
    postgres.start()
    assert log.append([note("n-2", 2), note("n-1", 1)]) == Receipt(stored=1, duplicates=1)
    with pytest.raises(HutongError):  # this thread's own connection broke as well: it is made again at the next call
        log.read()
    assert [o.id for o in log.read()] == ["n-1", "n-2"]
    log.close()


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path):
    with pytest.raises(BadInput, match="cannot be reached") as caught:
        open_store("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_log_is_one_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadInput, match="log"):
        open_store(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content


def test_addresses_that_are_none(tmp_path: Path):
    with pytest.raises(BadInput, match="folder"):
        open_store(tmp_path)
    with pytest.raises(BadInput, match="memory"):
        open_store("redis://x")


CRASH = """
import sys
sys.path[:0] = [{folder!r}, {root!r}]
from log_case import position
from twin.store import open_store
log = open_store({path!r})
for k in range(10**6):
    batch = [position("P-1", k + j / 100, id=f"{{sys.argv[1]}}-{{k}}-{{j}}") for j in range(20)]
    log.append(batch)
    print(*(o.id for o in batch), flush=True)
"""


def test_a_killed_writer_has_stored_all_that_it_acknowledged_once(tmp_path: Path):
    path = tmp_path / "log.sqlite"
    script = CRASH.format(folder=str(Path(__file__).parent), root=str(Path.cwd()), path=str(path))
    rng = np.random.default_rng(3)
    acknowledged: set[str] = set()
    for kill in range(3):
        process = subprocess.Popen([sys.executable, "-c", script, str(kill)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        timer = threading.Timer(float(rng.uniform(0.05, 0.4)), lambda process=process: os.kill(process.pid, signal.SIGKILL))
        timer.start()
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        acknowledged |= {name for line in lines if line.endswith("\n") for name in line.split()}
    log = open_store(path)
    found = [o.id for o in log.read()]
    log.close()
    assert acknowledged <= set(found) and len(found) == len(set(found))
    assert len(acknowledged) > 60


# Pressure


class Slow:
    """A writer that is held up until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.written: list[Row] = []

    def __call__(self, group: list[Any]) -> list[Receipt]:
        self.go.wait(20)
        self.written += [row for brought in group for row in brought]
        return [Receipt(len(brought)) for brought in group]


def test_under_pressure_old_positions_give_way_and_alarms_never():
    writer = Slow()
    queue = GroupCommit(writer, most=10, group=1, gather_s=0)
    answers: dict[str, Any] = {}

    def bring(name: str, rows: list[Row]) -> None:
        queue.submit(rows, lambda answer: answers.__setitem__(name, answer))
    bring("held", [row(note("n-0", 0))])
    time.sleep(0.1)  # the writer has taken it and is held up
    for k in range(5):
        bring(f"position {k}", [row(position("P-1", k)), row(position("P-2", k))])
    bring("alarm", [row(alarm("al-1", 1))])
    assert isinstance(answers["position 0"], Shed) and "position 1" not in answers
    for k in range(5, 12):
        bring(f"position {k}", [row(position("P-1", k))])
    waiting = threading.Thread(target=bring, args=("case", [row(alarm(f"al-{k}", 1)) for k in range(2, 13)]))
    waiting.start()
    time.sleep(0.1)
    assert waiting.is_alive(), "what may not be shed waits for room"
    writer.go.set()
    waiting.join(10)
    queue.close()
    kept = {r.id for r in writer.written}
    assert {f"al-{k}" for k in range(1, 13)} | {"n-0"} <= kept
    shed = [name for name, answer in answers.items() if isinstance(answer, Shed)]
    assert queue.pace().shed > 0 and all(name.startswith("position") for name in shed)
    assert all(isinstance(answers[name], Receipt) for name in ("held", "alarm", "case"))


def test_a_writer_that_fails_tells_everybody_and_goes_on():
    failing = [True]

    def write(group: list[Any]) -> list[Receipt]:
        if failing[0]:
            raise sqlite3.OperationalError("disk I/O error")
        return [Receipt(len(brought)) for brought in group]
    queue = GroupCommit(write)
    answers: list[Any] = []
    for k in range(3):
        queue.submit([row(note(f"n-{k}", k))], answers.append)
    until = time.monotonic() + 10
    while len(answers) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert [type(a) for a in answers] == [StoreDown] * 3 and "disk I/O error" in (queue.pace().trouble or "")
    failing[0] = False
    queue.submit([row(note("n-9", 9))], answers.append)
    queue.close()
    assert answers[-1] == Receipt(stored=1) and queue.pace().trouble is None
    with pytest.raises(StoreDown):
        queue.submit([row(note("n-9", 9))], answers.append)


# Schemas and files


def test_a_log_of_the_first_schema_keeps_its_data(tmp_path: Path):
    path = tmp_path / "log.sqlite"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, SQLITE[:1], where="old")
    brought = [row(note("n-1", 1)), row(alarm("al-1", 2)), row(position("P-1", 3, 5.0, 6.0))]
    words = sorted({w for r in brought for w in (r.stream, r.source, r.kind, r.object, r.grid) if w})
    old.executemany("INSERT INTO words VALUES (?, ?)", enumerate(words, start=1))
    number = {word: k for k, word in enumerate(words, start=1)} | {None: None}
    keys = keys_of([f"{r.stream}|{r.id}" for r in brought])
    old.executemany("INSERT INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
        (k, key, r.id, number[r.stream], number[r.source], number[r.kind], number[r.object], r.observed_at, r.received_at, r.x,
         r.y, r.accuracy_m, number[r.grid], r.value) for k, (key, r) in enumerate(zip(keys, brought, strict=True), start=1)])
    old.close()
    log = open_store(path)
    assert [o.id for o in log.read()] == ["n-1", "al-1", "P-1@3"]
    assert [o.id for o in log.latest(kinds=["position"])] == ["P-1@3"]
    assert [o.id for o in log.read(kinds=["alarm"], bounds=(0, 0, 99, 99))] == ["al-1"]
    assert log.append([note("n-1", 1), note("n-4", 4)]) == Receipt(stored=1, duplicates=1)
    assert log.operations() == []
    log.close()
    again = sqlite3.connect(path)
    assert again.execute("PRAGMA user_version").fetchone() == (len(SQLITE),)
    assert again.execute('SELECT id, stream, source, kind, object, observed_at, "grid" FROM log ORDER BY seq').fetchone() == (
        "n-1", "live", "desk", "note", "duty-log", "2026-10-01T08:00:01.000Z", None)
    again.close()


def test_a_newer_schema_and_another_programs_database_are_refused(tmp_path: Path):
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute(f"PRAGMA user_version = {len(SQLITE) + 1}")
    newer.close()
    with pytest.raises(BadInput, match="update Hutong"):
        open_store(tmp_path / "newer")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE songs (title)")
    other.close()
    with pytest.raises(BadInput, match="another program"):
        open_store(tmp_path / "other")


def test_one_process_writes_and_others_read(tmp_path: Path):
    log = open_store(tmp_path / "log.sqlite")
    log.append([note("n-1", 1)])
    with pytest.raises(BadInput, match="another process"):
        open_store(tmp_path / "log.sqlite")
    reading = open_store(tmp_path / "log.sqlite", read_only=True)
    assert [o.id for o in reading.read()] == ["n-1"]
    log.append([position("P-new", 2)])
    assert [o.object for o in reading.latest(kinds=["position"])] == ["P-new"]
    with pytest.raises(StoreDown, match="reading only"):
        reading.append([note("n-2", 2)])
    log.close()
    reading.close()
    open_store(tmp_path / "log.sqlite").close()
    with pytest.raises(BadInput, match="no such log"):
        open_store(tmp_path / "missing", read_only=True)


def test_a_postgresql_log_is_opened_twice_and_migrated_once(postgres: Server):
    address = postgres.database()
    first, second = open_store(address), open_store(address)
    first.append([note("n-1", 1)])
    second.append([note("n-2", 2), note("n-1", 1)])
    assert [o.id for o in first.read(after=0)] == ["n-1", "n-2"]
    first.close()
    second.close()


def test_files_of_segments_that_nobody_names_are_swept_away(tmp_path: Path):
    log = open_store(tmp_path / "log.sqlite")
    log.append([position("P-1", k) for k in range(3)])
    log.roll(at(4 * 3600))
    log.close()
    folder = tmp_path / "log.sqlite.segments"
    (folder / "orphan.parquet").write_bytes(b"x")
    (folder / ".abc.draft").write_bytes(b"x")
    log = open_store(tmp_path / "log.sqlite")
    assert len(list(folder.iterdir())) == 1 and len(log.read()) == 3
    log.close()


def test_what_was_purged_is_not_in_the_bytes_of_any_file(tmp_path: Path):
    log = open_store(tmp_path / "log.sqlite")
    log.append([position(f"P-{k}", k, id=f"secret-{k}", value={"speed": 1.25}) for k in range(500)])
    log.append([position(f"P-{k}", 3600 * 5 + k, id=f"recent-secret-{k}") for k in range(500)])
    log.roll(at(4 * 3600))
    log.backup(tmp_path / "copy")
    assert any(b"secret-499" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert log.purge(at(10 * 3600), kinds=["position"]) == 1000
    held = [path for path in tmp_path.rglob("*") if path.is_file() and b"secret-" in path.read_bytes()]
    assert held == []
    log.close()


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60), min_size=1,
                max_size=30, unique=True), st.text("ab", max_size=40))
def test_the_number_of_a_text_is_its_own_and_depends_on_nothing_beside_it(texts: list[str], other: str):
    numbers = keys_of(texts)
    assert len(set(numbers)) == len(texts) and all(0 <= number < 2**63 for number in numbers)
    assert keys_of([*texts, other + "x"])[:-1] == numbers == [keys_of([text])[0] for text in texts]


def test_ids_that_end_in_a_time_lie_in_the_order_of_time_and_others_do_not_move():
    seconds = range(1_700_000_000, 1_900_000_000, 9_999_991)
    keys = keys_of([f"live|gps/position/P-{k % 7}/{second}000000" for k, second in enumerate(seconds)])
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert [key >> 32 for key in keys] == [second * 10**6 >> 21 for second in seconds]
    others = ["live|x", "live|a/179000000000000", "live|a/17900000000000000", "live|a-1790000000000000",
              "live|b/1790000000x00000", "live|c/9999999999999999"]
    spread = keys_of(others)
    assert all(key >> 32 != 1_790_000_000_000_000 >> 21 for key in spread) and max(spread) < 2**62
    assert keys_of([*others, "live|gps/position/P-0/1700000000000000"])[:-1] == spread


def test_a_log_of_the_second_schema_finds_its_ids_under_their_new_numbers(tmp_path: Path):
    path = tmp_path / "log.sqlite"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, SQLITE[:2], where="old")
    times = [f"gps/position/P-1/{1_790_000_000_000_000 + k}" for k in range(3)]
    brought = [row(note("n-1", 1)), *(row(position("P-1", 9, id=name)) for name in times)]
    words = sorted({w for r in brought for w in (r.stream, r.source, r.kind, r.object, r.grid) if w})
    old.executemany("INSERT INTO words VALUES (?, ?)", enumerate(words, start=1))
    number = {word: k for k, word in enumerate(words, start=1)} | {None: None}
    old.executemany("INSERT INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
        (k, 100 - k, r.id, number[r.stream], number[r.source], number[r.kind], number[r.object], r.observed_at, r.received_at,
         r.x, r.y, r.accuracy_m, number[r.grid], r.value) for k, r in enumerate(brought, start=1)])
    old.close()
    log = open_store(path)
    again = log.append(brought)
    assert again == Receipt(duplicates=4) and len(log.read()) == 4
    log.close()
    keys = [key for (key,) in sqlite3.connect(path).execute("SELECT key FROM observations ORDER BY seq")]
    assert keys == keys_of([f"{r.stream}|{r.id}" for r in brought])


def test_numbers_that_meet_in_the_migration_move_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "log.sqlite"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, SQLITE[:2], where="old")
    old.execute("INSERT INTO words VALUES (1, 'live')")
    old.executemany("INSERT INTO observations VALUES (?, ?, ?, 1, 1, 1, 1, 0, 0, NULL, NULL, NULL, NULL, '{}')",
                    [(k, k, f"n-{k}") for k in range(1, 6)])
    monkeypatch.setattr("twin.store.migrate.keys_of", lambda texts: [7 + (k > 3) for k in range(len(texts))])
    migrate(old, SQLITE, where="old")
    assert sorted(key for (key,) in old.execute("SELECT key FROM observations")) == [7, 8, 9, 10, 11]
    old.close()


def test_the_numbers_of_texts_never_change_because_they_are_stored():
    assert keys_of(["live|gps/1", "drill:x|" + "y" * 50]) == [2668512482460962886, 4533952723714758238]


def test_texts_whose_numbers_meet_are_both_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("twin.store.sqlite_insert.keys_of", lambda texts: [7] * len(texts))
    log = open_store(tmp_path / "log.sqlite")
    assert log.append([note("n-1", 1), note("n-2", 2)]) == Receipt(stored=2)
    assert log.append([note("n-2", 2), note("n-3", 3), note("n-1", 1, "other")]) == Receipt(stored=1, duplicates=1, refused=1)
    assert [o.id for o in log.read()] == ["n-1", "n-2", "n-3"]
    log.close()
