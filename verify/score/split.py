"""Which windows train, which are held out, and the embargo between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["train", "embargo", "heldout"]

PARTS: tuple[Part, ...] = ("train", "embargo", "heldout")


@dataclass(frozen=True, slots=True)
class Split:
    """A history's blocks cut in three. All bounds are inclusive; a part may be empty (its last block before its first).

    The first two thirds of the blocks train; the embargo lasts one order lifetime, which is one window, so that no
    order placed in the training part can still be open in the held-out one.
    """

    first_block: int
    last_block: int
    window_blocks: int

    @property
    def train_last(self) -> int:
        """The last block of the training part."""
        return self.first_block + 2 * (self.last_block - self.first_block + 1) // 3 - 1

    @property
    def embargo_last(self) -> int:
        """The last block of the embargo."""
        return min(self.train_last + self.window_blocks, self.last_block)

    def part(self, window: int) -> Part:
        """The part that a window belongs to, whole: one that straddles a boundary is in the embargo.

        Window i is blocks i·w to i·w + w − 1.
        """
        first = window * self.window_blocks
        if first + self.window_blocks - 1 <= self.train_last:
            return "train"
        return "heldout" if first > self.embargo_last else "embargo"

    def blocks(self, part: Part) -> tuple[int, int]:
        """First and last block of a part."""
        return {
            "train": (self.first_block, self.train_last),
            "embargo": (self.train_last + 1, self.embargo_last),
            "heldout": (self.embargo_last + 1, self.last_block),
        }[part]
