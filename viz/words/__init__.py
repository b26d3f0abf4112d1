"""What the pages say, in English and Chinese: keys, never translated texts, travel between server and browser.

``words.yaml`` holds ``key: [English, 中文]``. A page writes ``say("rehearse.start")``; the script ``assets/words.js``
puts the text of the chosen language in its place, so that a change of language needs no reload and no callback.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from dash import html

LANGUAGES = ("en", "zh")
NAMES = {"en": "English", "zh": "中文"}


@cache
def table() -> dict[str, dict[str, str]]:
    """All texts: language, then key."""
    pairs = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
    return {language: {key: pair[k] for key, pair in pairs.items()} for k, language in enumerate(LANGUAGES)}


def text(key: str, language: str = "en", **values: Any) -> str:
    """The text of a key with its ``{places}`` filled in; an unknown key raises KeyError."""
    return table()[language if language in LANGUAGES else "en"][key].format(**values)


def either(key: str, fallback: str, language: str = "en") -> str:
    """The text of a key if there is one, else the fallback: for names that come from data."""
    return table()[language if language in LANGUAGES else "en"].get(key, fallback)


def say(key: str, **values: Any) -> html.Span:
    """A piece of a page that reads ``key`` in whichever language is chosen."""
    marks = {"data-word": key}
    if values:
        marks["data-values"] = json.dumps(values, ensure_ascii=False, default=str)
    return html.Span(text(key, **values), **marks)


def marks(*, label: str | None = None, placeholder: str | None = None, title: str | None = None) -> dict[str, str]:
    """Attributes that let the script set ``aria-label``, ``placeholder`` and ``title`` in the chosen language."""
    given = {"label": label, "placeholder": placeholder, "title": title}
    for key in filter(None, given.values()):
        table()["en"][key]
    return {f"data-word-{name}": key for name, key in given.items() if key}


def options(keys: dict[str, str], language: str = "en") -> list[dict[str, str]]:
    """Choices for a select or a segmented control from ``{value: key}``."""
    return [{"value": value, "label": text(key, language)} for value, key in keys.items()]


def script(language: str) -> str:
    """The texts and the language to begin with, as a script for the page."""
    texts = json.dumps(table(), ensure_ascii=False).replace("<", "\\u003c")
    return f"window.hutongWords={texts};window.hutongFirstLanguage={json.dumps(language)};"
