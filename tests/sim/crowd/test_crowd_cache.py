"""Compiled code belongs to the content of the sources, whatever their times say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.crowd.cache import KEPT, compiled_beside, version_of

INNER = "from numba import njit\n\n@njit(cache=True)\ndef inner(x):\n    return x + {added}\n"
OUTER = "from numba import njit\nfrom walking.inner import inner\n\n@njit(cache=True)\ndef outer(x):\n    return 10 * inner(x)\n"
ASK = ("from pathlib import Path\nfrom sim.crowd.cache import compiled_beside\n"
       "with compiled_beside(Path('walking').resolve()):\n    from walking.outer import outer\nprint(outer(1))\n")


def ask(folder):
    path = os.pathsep.join([str(folder), str(Path.cwd())])
    done = subprocess.run([sys.executable, "-c", ASK], cwd=folder, env={**os.environ, "PYTHONPATH": path},
                          capture_output=True, text=True, check=True, timeout=120)
    return int(done.stdout)


def test_a_change_in_another_file_is_compiled_anew_even_if_it_looks_old(tmp_path):
    package = tmp_path / "walking"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text(INNER.format(added=1))
    (package / "outer.py").write_text(OUTER)
    assert ask(tmp_path) == 20
    assert list(package.glob("__pycache__/walking-*/**/*.nbi"))
    (package / "inner.py").write_text(INNER.format(added=2))
    os.utime(package / "inner.py", (1, 1))
    assert ask(tmp_path) == 30


def test_old_versions_are_dropped_and_the_setting_comes_back(tmp_path):
    import numba
    before = numba.config.CACHE_DIR
    source = tmp_path / "a.py"
    for version in range(KEPT + 3):
        source.write_text(f"A = {version}\n")
        with compiled_beside(tmp_path):
            assert version_of(tmp_path) in numba.config.CACHE_DIR
        assert before == numba.config.CACHE_DIR
    assert len(list(tmp_path.glob(f"**/{tmp_path.name}-*"))) == KEPT


def test_where_nothing_can_be_written_numba_chooses(tmp_path):
    import numba
    (tmp_path / "__pycache__").write_text("in the way")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "CACHE_DIR", "")
        with compiled_beside(tmp_path):
            assert numba.config.CACHE_DIR == ""


def test_every_compiled_function_says_how_it_is_compiled():
    import re

    import sim.crowd
    decorators = [text for source in Path(sim.crowd.__file__).parent.rglob("*.py")
                  for text in re.findall(r"^@njit\b.*$", source.read_text(encoding="utf-8"), re.MULTILINE)]
    assert len(decorators) > 40
    assert [text for text in decorators if "fastmath=" not in text or "error_model=" not in text] == []
