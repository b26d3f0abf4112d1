"""Makes the guard of these tests available to this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from guard_case import clock, guard

__all__ = ["clock", "guard"]
