"""Work that other processes can find: it takes down every time that it is done, and may take its worker with it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np


def work(order: tuple[str, int]) -> float:
    """The mean of some numbers drawn with a seed, taken down in a folder."""
    folder, seed = Path(order[0]), order[1]
    begun = folder / f"begun-{seed}-{os.getpid()}-{time.monotonic_ns()}"
    begun.touch()
    if seed == 3 and (folder / "fatal").exists():
        (folder / "fatal").unlink()
        os._exit(1)  # as the kernel does it where memory runs out
    time.sleep(0.05)
    value = float(np.random.default_rng(seed).normal(size=100).mean())
    begun.rename(folder / f"done-{seed}-{os.getpid()}-{time.monotonic_ns()}")
    return value


def wrong(order: tuple[str, int]) -> float:
    """Fails for one seed."""
    if order[1] == 2:
        raise ValueError("two is wrong")
    return work(order)


def times_done(folder: Path) -> dict[int, int]:
    """How often each seed was done to the end."""
    seeds = [int(file.name.split("-")[1]) for file in folder.glob("done-*")]
    return {seed: seeds.count(seed) for seed in seeds}


def counted(asked: tuple[str, object]) -> dict[str, bytes]:
    """Replicate an order, and take down in a folder that it was begun and done."""
    from sim.study.replication import Order, replicate
    folder, order = Path(asked[0]), asked[1]
    assert isinstance(order, Order)
    name = f"{order.layout}-{order.seed}-{os.getpid()}-{time.monotonic_ns()}"
    (folder / f"begun-{name}").touch()
    files = replicate(order)
    (folder / f"begun-{name}").rename(folder / f"done-{name}")
    return files
