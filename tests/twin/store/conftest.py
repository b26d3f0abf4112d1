"""Makes logs of every kind available to the tests of this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from log_case import address, log, opened, postgres

__all__ = ["address", "log", "opened", "postgres"]
