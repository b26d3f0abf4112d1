"""Texts of the report in both languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh")


@cache
def table() -> dict[str, tuple[str, str]]:
    """Every text, English and Chinese, by key."""
    read = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
    return {str(key): (str(english), str(chinese)) for key, (english, chinese) in read.items()}


def text(key: str, language: str, **values: Any) -> str:
    """The text of a key with its ``{places}`` filled in."""
    return table()[key][1 if language == "zh" else 0].format(**values)
