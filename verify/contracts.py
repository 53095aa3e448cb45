"""Where the project's own Solidity lies."""

from __future__ import annotations

from pathlib import Path


def contracts_dir() -> Path:
    """The folder that holds ``kernel/``, ``harness/`` and ``templates/``; in a wheel it lies beside the packages."""
    return Path(__file__).resolve().parents[1] / "contracts"
