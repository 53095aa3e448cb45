"""Where things lie on this machine, besides the store (`ingest.store.default_root`)."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def traceback_dir() -> Path:
    """Where the traceback of an unexpected error is kept for a bug report."""
    return platformdirs.user_log_path("pactsmith")


def embedded_market() -> Path:
    """The description of the embedded, simulated history: in the checkout, or where the wheel was installed."""
    return Path(__file__).resolve().parents[1] / "data" / "embedded.toml"
