"""The short form of long_kill.py: the server is killed with -9 under load, and what was acknowledged is there, once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from long_kill import kill_loop, lost


@pytest.mark.timeout(240)
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path):
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    result = kill_loop(tmp_path, 2, rate=1500.0, up_s=1.0)
    assert lost(result) == 0 and result["twice"] == 0 and result["refused"] == 0, result
    assert result["messages_confirmed"] == 2 * 2 * round(1500 / 2 * 2.0) == result["messages_in_log"]
    assert result["reports_acknowledged"] > 0
