"""The ``hutong`` command."""

from __future__ import annotations

import os
import sys
import warnings

import typer

from twin.errors import HutongError
from viz.cli import (
    account,
    audit,
    benchmark,
    camera,
    camera_benchmark,
    cases,
    district,
    drill,
    feed,
    live_benchmark,
    live_page_benchmark,
    parking,
    patrol,
    people,
    protection,
    rehearsal,
    report,
    server,
    study,
    verification,
)

INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Hutong: a digital twin that rehearses a city district.")
app.add_typer(district.app, name="district")
app.add_typer(rehearsal.scenario_app, name="scenario")
app.add_typer(benchmark.app, name="bench")
benchmark.app.command("ingest")(live_benchmark.ingest)
benchmark.app.command("live")(live_page_benchmark.live)
app.add_typer(feed.app, name="feed")
app.add_typer(cases.app, name="cases")
app.add_typer(patrol.app, name="patrol")
app.add_typer(people.app, name="people")
app.add_typer(parking.app, name="parking")
app.add_typer(protection.app, name="protect")
app.add_typer(camera.app, name="camera")
benchmark.app.command("camera")(camera_benchmark.camera)
app.add_typer(drill.app, name="drill")
app.add_typer(study.app, name="study")
benchmark.app.command("study")(study.bench)
app.command("search")(parking.search)
benchmark.app.command("parking")(parking.bench)
app.add_typer(account.app, name="account")
app.add_typer(audit.app, name="audit")
app.command("rehearse")(rehearsal.rehearse)
app.command("compare")(rehearsal.compare)
app.command("still")(rehearsal.still)
app.command("report")(report.report)
app.command("verify")(verification.verify)
app.command("serve")(server.serve)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: exit code 0 if it went well, 2 for bad input with one sentence, 130 after Ctrl-C."""
    debug = bool(os.environ.get("HUTONG_DEBUG"))
    if not debug:
        warnings.simplefilter("ignore")
    try:
        outcome = app(args=arguments, prog_name="hutong", standalone_mode=False)
        if outcome == INTERRUPTED:
            print("Interrupted; what is finished is kept: give the same command again to go on.", file=sys.stderr)
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except HutongError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}; check the path, the permissions and the free space.", 2)
    except Exception as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error, file=sys.stderr)
            sys.exit(2)
        if hasattr(error, "format_message"):  # Typer's own complaints about arguments; their base class is private
            _fail(f"{error.format_message()} See `hutong --help`.", 2)
        if debug:
            raise
        _fail(f"Something went wrong inside Hutong ({type(error).__name__}: {error}); run again with HUTONG_DEBUG=1 to see "
              "where, and report it.", 1)


def _fail(sentence: str, code: int) -> None:
    print(" ".join(sentence.split()), file=sys.stderr)
    sys.exit(code)
