"""Logs of every kind, and a PostgreSQL server of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from twin.live import Observation
from twin.store import Log, open_store

STORES = ("memory", "sqlite", "postgresql")


def free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class Server:
    """A PostgreSQL server on a private port; initdb refuses to run as root, so it runs as the user postgres."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder, self.port = binaries, folder, free_port()
        self.number = 0
        self._as_postgres("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "hutong", "--no-sync", "-E", "UTF8")

    def start(self, *, fsync: bool = False) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync={'on' if fsync else 'off'}"
        self._as_postgres("pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "server.log"),
                          "-t", "120", "-o", options, "start")

    def stop(self) -> None:
        self._as_postgres("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "fast", "-t", "120", "stop")

    def database(self) -> str:
        """The address of a fresh, empty database."""
        import psycopg
        self.number += 1
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE log{self.number}")
        return f"{self.url}/log{self.number}"

    @property
    def url(self) -> str:
        return f"postgresql://hutong@127.0.0.1:{self.port}"

    def _as_postgres(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed: apt install postgresql-15 postgresql-15-postgis-3")
    folder = Path(tempfile.mkdtemp(prefix="hutong-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(found[-1].parent, folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=STORES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty log of every kind."""
    if request.param == "memory":
        return "memory:"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.sqlite'}"
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def opened(address: str) -> Iterator[Callable[[], Log]]:
    """Opens the log, as often as is asked."""
    logs: list[Log] = []

    def open_again() -> Log:
        logs.append(open_store(address))
        return logs[-1]
    yield open_again
    for log in logs:
        log.close()


@pytest.fixture
def log(opened: Callable[[], Log]) -> Log:
    """An empty log of every kind."""
    return opened()


START = datetime(2026, 10, 1, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def position(unit: str, seconds: float, x: float = 0.0, y: float = 0.0, **other: Any) -> Observation:
    given = {"id": f"{unit}@{seconds}", "stream": "live", "source": "gps", "kind": "position", "object": unit,
             "observed_at": at(seconds), "received_at": at(seconds + 0.2), "x": x, "y": y, "accuracy_m": 5.0,
             "grid": "c-1", "value": {"speed": 1.2}}
    return Observation.model_validate(given | other)


def note(name: str, seconds: float, text: str = "all quiet", **other: Any) -> Observation:
    given = {"id": name, "stream": "live", "source": "desk", "kind": "note", "object": "duty-log", "observed_at": at(seconds),
             "received_at": at(seconds), "value": {"text": text, "by": "desk-1"}}
    return Observation.model_validate(given | other)


def alarm(name: str, seconds: float, **other: Any) -> Observation:
    given = {"id": name, "stream": "live", "source": "camera", "kind": "alarm", "object": f"a-{name}", "observed_at": at(seconds),
             "received_at": at(seconds), "x": 10.0, "y": 20.0, "grid": "c-2",
             "value": {"state": "raised", "level": 2, "about": "cam-7", "measure": "density", "reading": 4.2, "limit": 4.0}}
    return Observation.model_validate(given | other)
