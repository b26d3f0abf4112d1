"""Equal seeds give equal positions: on every Python that is here, with one thread and with two.

    python tests/sim/long_equal.py [--python python3.12] [--python python3.13]

prints a hash of the positions of everybody at every second of three scenarios (a door, a house of two storeys, the first
ten minutes of the event example) for this Python and for those named, and fails if they differ. Hutong is installed for
each Python under ``artefacts/pythons``, with the versions that its pip chooses: Mesa and Numba may differ, positions not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVENT_S = 600.0


def hashes(threads: int) -> dict[str, str]:
    """A hash of ids and positions, second by second, of each scenario with so many threads."""
    import sim
    from sim.event import Rehearsal
    from sim.lab.experiment import Experiment
    from sim.place import district_of
    from sim.run import Frame
    from sim.scenario_file import load_any

    found = {}
    for name in ("door", "house", "evening"):
        digest = hashlib.sha256()

        def take(frame: Frame, digest: hashlib._Hash = digest) -> None:
            digest.update(frame.ids.tobytes())
            digest.update(frame.xy.tobytes())

        if name == "evening":
            scenario = sim.load(ROOT / "scenarios" / "evening.yaml").model_copy(update={"duration_s": EVENT_S})
            Rehearsal(district_of(scenario), scenario, "A", 1, on_frame=take, threads=threads).rehearse()
        else:
            Experiment(load_any(ROOT / "scenarios" / "labs" / f"{name}.yaml"), 1, tracks=False, on_frame=take,
                       threads=threads).run()
        found[name] = digest.hexdigest()[:16]
    return found


def installed(python: str) -> str:
    """The interpreter of an environment for a Python that has Hutong in it, made when there is none."""
    version = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], text=True).strip()
    folder = ROOT / "artefacts" / "pythons" / version
    own = folder / "bin" / "python"
    if not (folder / "installed").exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", str(ROOT)], check=True)
        (folder / "installed").touch()
    return str(own)


def main() -> None:
    """Print the hashes, and fail where they differ."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--python", action="append", default=[])
    ask.add_argument("--here", type=int, metavar="THREADS", help="print those of this Python only")
    given = ask.parse_args()
    if given.here:
        from importlib.metadata import version
        print(json.dumps({"python": sys.version.split()[0], "mesa": version("mesa"), "numba": version("numba"),
                          "threads": given.here, **hashes(given.here)}))
        return
    rows = []
    for python in [sys.executable, *map(installed, given.python)]:
        for threads in (1, 2):
            out = subprocess.check_output([python, __file__, "--here", str(threads)], text=True,
                                          env=os.environ | {"PYTHONPATH": str(ROOT)})
            rows.append(json.loads(out.splitlines()[-1]))
            print(*(f"{key} {value}" for key, value in rows[-1].items()), sep="  ", flush=True)
    same = all(len({row[name] for row in rows}) == 1 for name in ("door", "house", "evening"))
    print("equal" if same else "NOT equal")
    sys.exit(not same)


if __name__ == "__main__":
    main()
