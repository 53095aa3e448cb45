"""The garbage collector, out of the way of work that makes many records and no cycles."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def paused() -> Iterator[None]:
    """Keeps the collector from looking for cycles; what nothing refers to is freed all the same.

    Hundreds of thousands of records that live on, each of which it would visit again and again, double the time that
    making them takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
