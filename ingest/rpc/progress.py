"""How far an ingest is, and how long the rest may take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

WINDOW_CHUNKS = 20
MIN_S = 2.0  # before that, no estimate is worth its ink


@dataclass(frozen=True, slots=True)
class Progress:
    """What is done of an ingest.

    ``remaining_s`` is a range: by the speed of the last chunks, and by the speed since the start. It is None while
    there is too little to go by. Blocks with more events take longer, so that neither end is a promise.
    """

    done_blocks: int
    total_blocks: int
    last_block: int
    logs: int
    transactions: int
    elapsed_s: float
    remaining_s: tuple[float, float] | None


class Meter:
    """Counts chunks and their time."""

    def __init__(self, total_blocks: int) -> None:
        self.total_blocks = total_blocks
        self.done_blocks = self.logs = self.transactions = 0
        self._start_s = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._start_s, 0)], WINDOW_CHUNKS)

    def add(self, last_block: int, blocks: int, logs: int, transactions: int) -> Progress:
        """Counts a chunk that was stored."""
        self.done_blocks += blocks
        self.logs += logs
        self.transactions += transactions
        now_s = time.monotonic()
        self._recent.append((now_s, self.done_blocks))
        return Progress(
            self.done_blocks,
            self.total_blocks,
            last_block,
            self.logs,
            self.transactions,
            now_s - self._start_s,
            self._remaining(now_s),
        )

    def _remaining(self, now_s: float) -> tuple[float, float] | None:
        left = self.total_blocks - self.done_blocks
        if now_s - self._start_s < MIN_S:
            return None
        then_s, then_blocks = self._recent[0]
        overall = left * (now_s - self._start_s) / self.done_blocks
        recent = left * (now_s - then_s) / (self.done_blocks - then_blocks)
        return min(overall, recent), max(overall, recent)
