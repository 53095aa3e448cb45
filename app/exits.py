"""The exit codes, and the one way to write a JSON result."""

from __future__ import annotations

import json
import sys
from typing import Any

EXIT_SUCCESS = 0
EXIT_FAILURE = 1
EXIT_BAD_INPUT = 2
EXIT_NEGATIVE = 3
EXIT_INTERRUPTED = 128 + 2  # as a shell reports SIGINT
EXIT_PIPE_CLOSED = 128 + 13  # as a shell reports SIGPIPE


def write_document(document: dict[str, Any]) -> None:
    """One JSON document on standard output; ASCII, so that no locale can break it; NaN is refused."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
