"""Makes the library and the browser of the application's tests available to this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from app_case import chromium, library, page, plaza, rehearsed, served

__all__ = ["chromium", "library", "page", "plaza", "rehearsed", "served"]
