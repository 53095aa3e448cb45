"""How many blocks to ask a node for at a time: learnt from what it refuses, and tried again after a while."""

from __future__ import annotations

import threading

START_BLOCKS = 1_000
CALM = 8  # answers in a row before a span is tried again that was refused before


class Span:
    """The number of blocks per question, shared by threads.

    It halves when the node refuses (or takes what the node suggests), doubles while answers are small, and goes
    beyond what was refused only after a run of good answers. A limit that the node states as its rule is kept.

    Args:
        most_blocks: Never more than that.
        most_logs: With half as many logs in an answer the span does not grow.
        start_blocks: The first span.
    """

    def __init__(self, most_blocks: int, most_logs: int, start_blocks: int = START_BLOCKS) -> None:
        self.most_logs = most_logs
        self._most = most_blocks
        self._size = min(start_blocks, most_blocks)
        self._refused = most_blocks + 1
        self._calm = 0
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The number of blocks to ask for next."""
        return self._size

    def refused(self, asked: int, suggested: int | None = None, *, lasting: bool = False) -> int:
        """Learns that so many blocks were too many; gives the number to ask for instead, at least 1."""
        smaller = max(1, asked // 2)
        if suggested is not None and 1 <= suggested < asked:
            smaller = suggested
        with self._lock:
            self._calm = 0
            if lasting and suggested is not None and suggested < asked:
                self._most = min(self._most, suggested)
            self._refused = min(self._refused, asked)
            self._size = min(self._size, smaller)
        return smaller

    def answered(self, asked: int, logs: int) -> None:
        """Learns that so many blocks were answered, with so many logs."""
        with self._lock:
            if asked < self._size:
                return
            self._calm += 1
            if self._calm >= CALM:
                self._refused = self._most + 1
            if logs > self.most_logs:
                self._size = max(1, asked // 2)
            elif logs <= self.most_logs // 2:
                self._size = min(2 * asked, self._most, max(1, self._refused - 1))
