"""Progress of long work, on standard error: bars on a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from app.text import printable

if TYPE_CHECKING:
    from types import TracebackType

SECONDS_BETWEEN_LINES = 5.0


class ProgressReport:
    """Shows how far each stage of a job is.

    Used as a context manager. `step` may be called as often as the job likes: plain lines are thinned out to one in
    five seconds, besides the first and the last of a stage.
    """

    def __init__(self) -> None:
        self._bars = _bars() if sys.stderr.isatty() else None
        self._tasks: dict[str, TaskID] = {}
        self._last_line_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def step(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Notes that ``done`` of ``total`` units of a stage are through."""
        if self._bars:
            self._move_bar(self._bars, stage, done, total, printable(detail))
        elif self._line_is_due(stage, final=done >= total):
            sys.stderr.write(f"{stage} {done}/{total}{f' {printable(detail)}' if detail else ''}\n")
            sys.stderr.flush()

    def _move_bar(self, bars: Progress, stage: str, done: int, total: int, detail: str) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = bars.add_task(stage, total=total, detail="")
        bars.update(self._tasks[stage], completed=done, total=total, detail=detail)

    def _line_is_due(self, stage: str, *, final: bool) -> bool:
        now = time.monotonic()
        last = self._last_line_at.get(stage)
        if last is not None and not final and now - last < SECONDS_BETWEEN_LINES:
            return False
        self._last_line_at[stage] = now
        return True


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
