import re
from pathlib import Path

import pytest
import yaml

import viz.words as words
from twin.places.tables import COMMON, TABLES

VIZ = Path(words.__file__).parent.parent


def test_every_key_has_two_texts_with_the_same_places():
    pairs = yaml.safe_load((VIZ / "words" / "words.yaml").read_text(encoding="utf-8"))
    for key, texts in pairs.items():
        assert isinstance(key, str) and len(texts) == 2 and all(isinstance(t, str) and t for t in texts), key
        assert len({frozenset(re.findall(r"\{(\w+)\}", t)) for t in texts}) == 1, key


def test_no_key_is_used_that_has_no_text():
    source = "\n".join(file.read_text(encoding="utf-8") for file in [*VIZ.glob("*.py"), *(VIZ / "pages").glob("*.py")])
    used = set(re.findall(r'\bsay\("([^"]+)"', source)) | set(re.findall(r'section\(\s*"([^"]+)"', source))
    used |= set(re.findall(r'(?:label|placeholder|title)="([a-z_]+\.[a-z_.]+)"', source))
    assert used - set(words.table()["en"]) == set()
    assert len(used) > 80


def test_every_column_of_a_district_has_a_name():
    columns = {c.name for table in TABLES.values() for c in (*COMMON, *table.columns)}
    assert {f"column.{name}" for name in columns} <= set(words.table()["zh"])


def test_places_are_filled_in():
    assert words.text("table.count", "zh", n=3) == "3 行"
    assert words.say("table.count", n=3).children == "3 rows"


def test_an_unknown_key_is_an_error():
    with pytest.raises(KeyError):
        words.say("no.such.key")
    with pytest.raises(KeyError):
        words.marks(label="no.such.key")


def test_script_cannot_be_closed_by_a_text(monkeypatch):
    monkeypatch.setattr(words, "table", lambda: {"en": {"a": "</script>"}, "zh": {"a": "b"}})
    assert "</script>" not in words.script("en")
