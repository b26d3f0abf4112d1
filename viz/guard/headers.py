"""Security headers. Scripts come from this server, or are named by their hash; nothing else runs."""

from __future__ import annotations

import base64
import hashlib
import re

_INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>(.*?)</script>", re.DOTALL)


def policy(html: str = "") -> str:
    """The Content-Security-Policy of an answer; the scripts that stand in ``html`` are allowed by their hashes.

    Only for pages whose every script is written by Hutong itself: a hash is a promise that the script is meant. Styles
    may stand in the page because Mantine and AG Grid write them while they run; deck.gl compiles the WebAssembly that
    it carries.
    """
    hashes = "".join(f" 'sha256-{_hash(script)}'" for script in dict.fromkeys(_INLINE.findall(html)))
    return (f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
            "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", policy().encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
"""What every answer carries, unless its route says otherwise."""
TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Over https only."""
PRIVATE = (b"cache-control", b"no-store")
"""Of what was said to somebody who is logged in: kept by no cache."""


def completed(given: list[tuple[bytes, bytes]], *, https: bool, private: bool) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with those that are missing."""
    names = {name.lower() for name, _ in given}
    more = [*HEADERS, *([TRANSPORT] if https else []), *([PRIVATE] if private else [])]
    return [*given, *(pair for pair in more if pair[0] not in names)]
