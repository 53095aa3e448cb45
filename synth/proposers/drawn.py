"""`random`: candidates drawn evenly from the space of templates, with no feedback: the best of N by chance."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from synth.space import value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synth.records import Proposal, Tried
    from synth.space import Space


class Drawn:
    """Draws template, window and the parameters' places in their ranges, each evenly."""

    name = "random"

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._chances = random.Random(seed)  # noqa: S311 - a search, no secret

    def learn(self, tried: Sequence[Tried]) -> None:
        """Learns nothing from it."""

    def ask(self, count: int) -> Sequence[Proposal]:
        """So many drawn candidates."""
        return [self._draw() for _ in range(count)]

    def tell(self, tried: Sequence[Tried]) -> None:
        """Learns nothing from it."""

    def _draw(self) -> Proposal:
        space, chances = self._space, self._chances
        template = chances.choice(sorted(space.templates))
        window = chances.choice(space.windows)
        parameters = {each.name: value_at(each, chances.random()) for each in space.templates[template].parameters}
        return space.proposal(template, parameters, window)
