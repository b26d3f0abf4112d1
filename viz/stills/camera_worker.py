"""The process of a synthetic camera: ``python -m viz.stills.camera_worker``; pictures leave it through a pipe, never a file.

It reads a header (the stage: mesh arrays and the view) and then one block of mesh arrays a frame from standard input,
and writes one picture (h, w, 3) uint8 RGB each to standard output.
"""

from __future__ import annotations

import io
import struct
import sys
from typing import Any, BinaryIO

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter


def receive(stream: BinaryIO) -> dict[str, NDArray[Any]] | None:
    """Read one block of arrays; none at the end of the stream."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    with np.load(io.BytesIO(stream.read(struct.unpack("<q", head)[0])), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def send(stream: BinaryIO, **arrays: NDArray[Any]) -> None:
    """Write one block of arrays."""
    block = io.BytesIO()
    np.savez(block, **arrays)  # type: ignore[arg-type]
    stream.write(struct.pack("<q", block.getbuffer().nbytes))
    stream.write(block.getbuffer())
    stream.flush()


def mesh(block: dict[str, NDArray[Any]]) -> Any:
    """The mesh of a block, with colours and normals on its corners."""
    faces = np.column_stack([np.full(len(block["faces"]), 3), block["faces"].astype(np.int64)]).ravel()
    made = pv.PolyData(block["positions"], faces)
    made.point_data["colour"] = block["rgb"]
    made.point_data["Normals"] = block["normals"]
    made.point_data.active_normals_name = "Normals"
    return made


def main() -> None:
    """Draw until the other side has no more."""
    inlet, outlet = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may get into the pipe
    stage = receive(inlet)
    assert stage is not None
    width, height = (int(v) for v in stage["size"])
    plotter = pv.Plotter(off_screen=True, window_size=[width, height], lighting="none")
    window: Any = plotter.render_window
    window.SetMultiSamples(0)
    plotter.renderer.set_background(tuple(stage["sky"] / 255.0))
    sun = stage["sun"]
    plotter.add_light(pv.Light(position=tuple(sun * 500.0), focal_point=(0, 0, 0), intensity=float(stage["bright"]),
                               light_type="scene light"))
    plotter.add_light(pv.Light(light_type="headlight", intensity=0.35))
    plotter.add_mesh(mesh(stage), scalars="colour", rgb=True, ambient=0.25, diffuse=0.75, reset_camera=False)
    view = plotter.camera
    view.position, view.focal_point, view.up = (tuple(stage[k]) for k in ("position", "target", "up"))
    view.view_angle = float(stage["angle"])
    view.SetWindowCenter(*(float(v) for v in stage["window_centre"]))
    view.clipping_range = tuple(stage["clip"])
    plotter.show(auto_close=False)
    shown = None
    while (block := receive(inlet)) is not None:
        if shown is not None:
            plotter.remove_actor(shown, render=False)
            shown = None
        if len(block["faces"]):
            shown = plotter.add_mesh(mesh(block), scalars="colour", rgb=True, ambient=0.25, diffuse=0.75, reset_camera=False,
                                     render=False)
        view.clipping_range = tuple(stage["clip"])
        plotter.render()
        reader = vtkWindowToImageFilter()
        reader.SetInput(plotter.render_window)
        reader.ShouldRerenderOff()
        reader.ReadFrontBufferOff()
        reader.SetInputBufferTypeToRGB()
        reader.Update()
        image = reader.GetOutput()
        across, down, _ = image.GetDimensions()
        picture = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(down, across, 3)[::-1]
        send(outlet, picture=np.ascontiguousarray(picture))
    plotter.close()


if __name__ == "__main__":
    main()
