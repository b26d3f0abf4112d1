"""What Hutong says when something that it was given cannot be used."""

from __future__ import annotations


class HutongError(Exception):
    """Root of every error that is meant for the person at the keyboard: one sentence, no traceback, exit code 2."""


class BadInput(HutongError):
    """Input that cannot be used.

    The message is one sentence: where it was found, what is wrong, and how to mend it.

    >>> str(BadInput("the polygon crosses itself", where="square.wkt", mend="redraw it without the crossing"))
    'square.wkt: the polygon crosses itself; redraw it without the crossing.'
    """

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        self.what, self.where, self.mend = what, where, mend
        sentence = f"{where}: {what}" if where else what
        if mend:
            sentence = f"{sentence}; {mend}"
        super().__init__(sentence if sentence.endswith((".", "?", "!")) else sentence + ".")


class Unavailable(HutongError):
    """Something outside Hutong is missing on this machine (a graphics library, a browser); says how to get it."""
