"""A whole HTML file that needs nothing else: nothing in it may be fetched, and nothing runs but what it brings."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from app.report.html import Html, el

if TYPE_CHECKING:
    from app.report.html import Content


def document(title: str, style: str, *body: Content, script: str = "") -> str:
    """The file's text.

    Args:
        title: Of the window; text.
        style: The style sheet; this program's own.
        body: The page; whatever is not `Html` is text.
        script: The script, if there is one; this program's own.
    """
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        Html(f"<style>{style}</style>"),
    )
    running = Html(f"<script>{script}</script>") if script else None
    return f"<!doctype html>\n{el('html', head, el('body', el('main', *body), running), lang='en')}\n"


def _policy(style: str, script: str) -> str:
    """Nothing may be fetched; only this very style sheet and script apply."""
    scripts = f"script-src {_digest(script)}; " if script else ""
    return f"default-src 'none'; {scripts}style-src {_digest(style)}; base-uri 'none'; form-action 'none'"


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
