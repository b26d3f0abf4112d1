"""``hutong serve``: the twin in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(district: Annotated[Path | None, typer.Option(help="GeoPackage; the built-in district if missing.")] = None,
          runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
          scenarios: Annotated[Path | None, typer.Option(help="Folder of scenarios; the examples if missing.")] = None,
          host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
          port: Annotated[int, typer.Option(min=1, max=65535)] = 8050,
          language: Annotated[str, typer.Option(help="en or zh, until the viewer chooses.")] = "en") -> None:
    """Serve the twin."""
    from viz.app import serve as serve_app
    from viz.library import Library
    serve_app(Library(district, runs, scenarios), host=host, port=port, language=language)
