"""The short form of long_kill.py: the server is killed with -9 under load, and what was acknowledged is there, once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from long_kill import Database, kill_loop, lost


@pytest.mark.timeout(240)
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path):
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    result = kill_loop(tmp_path, 2, rate=1500.0, up_s=1.0)
    assert lost(result) == 0 and result["twice"] == 0 and result["refused"] == 0, result
    assert result["messages_confirmed"] == 2 * 2 * round(1500 / 2 * 2.0) == result["messages_in_log"]
    assert result["reports_acknowledged"] > 0


@pytest.mark.timeout(300)
def test_what_was_acknowledged_survives_kill_9_of_postgresql_too(tmp_path: Path):
    pytest.importorskip("psycopg")
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed: apt install postgresql-15 postgresql-15-postgis-3")
    folder = Path(tempfile.mkdtemp(prefix="hutong-postgres-"))
    database = Database(folder)
    try:
        result = kill_loop(tmp_path, 2, rate=600.0, up_s=1.0, database=database)
    finally:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)
    assert lost(result) == 0 and result["twice"] == 0 and result["refused"] == 0, result
    assert result["messages_confirmed"] == 2 * 2 * round(600 / 2 * 2.0) == result["messages_in_log"]
    assert result["reports_acknowledged"] > 0
