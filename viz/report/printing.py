"""HTML onto paper: Chromium, where there is one, prints the page as PDF."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from twin.errors import Unavailable
from viz.chromium import QUIET, chromium

PRINTED_WITHIN_S = 180


def to_pdf(html: str, path: Path) -> None:
    """Print a page that stands alone as a PDF file, first under another name. Raises :class:`Unavailable`."""
    browser = chromium()
    if browser is None:
        raise Unavailable("a PDF needs Chromium, and this machine has none: apt install chromium, or write .html and print it "
                          "from any browser")
    with tempfile.TemporaryDirectory(prefix="hutong-report-") as folder:
        page, made = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_text(html, encoding="utf-8")
        command = [browser, *QUIET, "--disable-gpu", f"--user-data-dir={folder}/profile", "--no-pdf-header-footer",
                   f"--print-to-pdf={made}", page.as_uri()]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # which Chromium demands of root
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PRINTED_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"printing took more than {PRINTED_WITHIN_S} s and was stopped; write .html and print it from a "
                              "browser") from None
        if done.returncode or not made.is_file():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise Unavailable(f"Chromium could not print the report ({last}); write .html and print it from a browser")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        shutil.copyfile(made, draft)
        draft.replace(path)
