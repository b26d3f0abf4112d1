"""Makes the cases of the camera's tests available to this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
