"""Makes the small district of this folder's tests available to them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from live_case import intake, log, place

__all__ = ["intake", "log", "place"]
