"""``python -m viz.cli`` is ``hutong``."""

from viz.cli import main

main()
