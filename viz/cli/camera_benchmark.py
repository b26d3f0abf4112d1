"""``hutong bench camera``: how fast and how right the camera chain is on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.measures import readable
from twin.errors import BadInput
from viz.cli import output

if TYPE_CHECKING:
    from twin.camera.dense_evidence import Estimator


def camera(video: Annotated[Path | None, typer.Argument(help="A video; a synthetic crowd if missing.")] = None,
           calibration: Annotated[Path | None, typer.Option(help="Its calibration.")] = None,
           fps: Annotated[float | None, typer.Option(min=0.1, help="Its true rate.")] = None,
           frames: Annotated[int, typer.Option(min=10, max=10_000, help="Frames to run.")] = 100,
           model: Annotated[str | None, typer.Option(help="ONNX detector, or: background.")] = None,
           dense: Annotated[bool, typer.Option("--dense", help="Also the density error on rendered views kept back.")] = False,
           csrnet: Annotated[bool, typer.Option("--csrnet", help="The same of the estimator with CSRNet.")] = False,
           json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Frames a second from file to figures at 768 x 576, the CPU time of each step, and the density error."""
    from twin.camera.calibration import read_calibration
    from twin.camera.run import best_detector, run_camera, same_size
    from twin.camera.source import open_source
    from twin.camera.watch import Watch
    if (video is None) != (calibration is None):
        raise BadInput("a video needs its calibration", mend="give both, or neither for the synthetic crowd")
    if video is not None and calibration is not None:
        known = read_calibration(calibration)
        source: Any = open_source(str(video), fps or known.fps)
        known = same_size(known, source)
    else:
        known, source = _synthetic(frames)
    detector, notes = best_detector(known, model)
    chain = Watch(known.lens, source.rate, detector)
    with output.busy("watching"):
        result = run_camera(source, chain, most_frames=frames)
        step = _detector_ms(detector, source)
    found: dict[str, Any] = {
        "source": video.name if video is not None else "synthetic", "frames": result.frames, "size": list(known.lens.size),
        "detector": detector.name, "frames_per_s": result.rate, "cpu_ms_per_frame": 1000 * result.cpu_s / result.frames,
        "frames_per_cpu_s_two_cores": 2 * result.frames / result.cpu_s, "detector_cpu_ms": step,
        "delay_s": chain.tracker.following.delay_s, "density_mae": None, "density_views": None, "notes": notes + result.notes}
    if dense:
        found |= _density_error("texture")
    if csrnet:
        found |= {f"csrnet_{key}": value for key, value in _density_error("csrnet").items()}
    if json:
        output.print_json(found)
        return
    output.table("camera", ["", ""], [[key, readable(value)] for key, value in found.items() if isinstance(value, (int, float))])
    for note in found["notes"]:
        output.out.print(note)


def _detector_ms(detector: Any, source: Any) -> float:
    picture = next(iter(source.frames())).picture
    began = time.process_time()
    for _ in range(10):
        detector(picture)
    return 100.0 * (time.process_time() - began)


def _synthetic(frames: int) -> tuple[Any, Any]:
    """Thirty people who walk to and fro through a synthetic camera; drawn beforehand, so that drawing is not timed."""
    import numpy as np

    from twin.camera.calibration import Calibration, Placed, placed
    from viz.stills.synthetic_camera import SyntheticCamera, plain_stage
    from viz.stills.walkers import Walkers
    lens = placed(Placed(x=0.0, y=-18.0, height=7.0, heading_deg=90.0, tilt_deg=22.0, fov_deg=60.0), (768, 576))
    rng, rate, drawn = np.random.default_rng(1), 7.0, min(frames, 60)
    start, heading = rng.uniform(-8, 8, (30, 2)), rng.uniform(0, 2 * np.pi, 30)
    walk = 1.3 * np.c_[np.cos(heading), np.sin(heading)]
    pictures = []
    with SyntheticCamera(lens, plain_stage((0.0, 0.0))) as camera:
        for k in range(drawn):
            at = (start + walk * k / rate + 9) % 18 - 9
            pictures.append(camera.picture(Walkers(at, heading, np.full(30, (0.9 * k / rate) % 1.0), np.arange(30))))
    return Calibration(lens, "camera"), _Drawn(pictures, frames, rate, (768, 576))


class _Drawn:
    """Pictures that were drawn beforehand, again and again."""

    live = truncated = False

    def __init__(self, pictures: list[Any], number: int, rate: float, size: tuple[int, int]) -> None:
        self._pictures, self._number, self.rate, self.size = pictures, number, rate, size

    def frames(self) -> Any:
        """The pictures, from the first again after the last."""
        from twin.camera.source import Frame
        for k in range(self._number):
            yield Frame(k, k / self.rate, self._pictures[k % len(self._pictures)])


def _density_error(method: Estimator) -> dict[str, Any]:
    """Mean absolute density error over views, at 0.5-6 /m2, of a camera place and crowds that nothing was tuned on.

    With the CPU time of a look.
    """
    import numpy as np
    import shapely

    from twin.camera.calibration import Placed, placed
    from viz.stills.dense_views import calibrated, standing
    from viz.stills.synthetic_camera import Look, SyntheticCamera, plain_stage
    lens = placed(Placed(x=-9.0, y=-12.5, height=6.5, heading_deg=54.0, tilt_deg=21.0, fov_deg=64.0), (1280, 720))
    region = shapely.box(-4, -4, 4, 4)
    with output.bar("rendering crowds", 60) as done:
        estimator = calibrated(lens, region, views=60, seed=11, on_view=done, estimator=method)
    rng, errors, looking = np.random.default_rng(977), [], 0.0
    look = Look(seed=91, bright=0.68, noise=4.0)
    with SyntheticCamera(lens, plain_stage((0.0, 0.0), seed=92), look=look) as camera:
        estimator = estimator.with_plate(camera.picture())
        for density in np.linspace(0.5, 6.0, 12):
            walkers = standing(region, float(density), rng)
            true = shapely.contains_xy(region, walkers.places[:, 0], walkers.places[:, 1]).sum() / region.area
            picture, began = camera.picture(walkers), time.process_time()
            errors.append(estimator.mean(estimator.density(picture), region) - true)
            looking += time.process_time() - began
    off = np.abs(errors)
    return {"density_mae": float(off.mean()), "density_worst": float(off.max()), "density_bias": float(np.mean(errors)),
            "density_views": len(errors), "density_cpu_ms": 1000 * looking / len(errors)}
