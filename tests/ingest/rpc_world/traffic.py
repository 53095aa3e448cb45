"""Seeded random traffic: users with limits, bots, liquidity that comes and goes, and batches of signed orders."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from rpc_world.book import Book
from rpc_world.cow import Cow
from rpc_world.deploy import deploy, take_protocol_fees
from rpc_world.v2 import V2
from rpc_world.v3 import V3
from rpc_world.v4 import V4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rpc_world.anvil import Anvil
    from rpc_world.chances import Plan
    from rpc_world.truth import Block
    from rpc_world.world import Call, World

_CALLS = (0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 12)
"""How many deeds a block has: one of these."""


def played(chain: Anvil, *, blocks: int = 600, seed: int = 1) -> Traffic:
    """A world with its traffic after so many blocks of it: about four swaps and liquidity changes a block."""
    traffic = Traffic(deploy(chain, seed), seed)
    traffic.play(blocks // 2)
    take_protocol_fees(traffic.world)
    traffic.play(blocks - blocks // 2)
    return traffic


class Traffic:
    """Plays on one world. The same world and seed give the same blocks."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)  # traffic, no secrets
        self.book = Book()
        self.book.rebuild(world)
        parts = world, self.rng, self.book
        v2, v3, v4, cow = V2(*parts), V3(*parts), V4(*parts), Cow(*parts)
        self._mix: list[tuple[float, Callable[[], Plan]]] = [
            (20, v2.user_swap),
            (5, v2.bot_swap),
            (6, v2.add_or_remove),
            (2, v2.gift),
            (2, v2.flash),
            (2, v2.sandwich),
            (20, v3.user_swap),
            (14, v3.bot_swap),
            (9, v3.bot_liquidity),
            (7, v3.nft),
            (2, v3.flash),
            (2, v3.just_in_time),
            (3, v3.several_at_once),
            (14, v4.swap),
            (7, v4.add_or_remove),
            (2, v4.donation),
            (3, cow.batch),
        ]

    def play(self, blocks: int) -> list[Block]:
        """Makes so many blocks; a quarter of them are empty."""
        return [self._block() for _ in range(blocks)]

    def reorganise(self, depth: int = 3, blocks: int = 4, seed: int = 0) -> None:
        """Puts other blocks in the place of the last ``depth``, as a chain does that changes its mind."""
        states = [(rng, rng.getstate()) for rng in (self.rng, self.world.rng)]
        for rng, _ in states:
            rng.seed(f"reorganisation {seed}")
        self.world.rollback(depth)
        self.book.rebuild(self.world)
        self.play(blocks)
        for rng, state in states:
            rng.setstate(state)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """See `World.unchanged`; the traffic goes on after as if nothing had been."""
        states = [(rng, rng.getstate()) for rng in (self.rng, self.world.rng)]
        try:
            with self.world.unchanged():
                yield
        finally:
            self.book.rebuild(self.world)
            for rng, state in states:
                rng.setstate(state)

    def _block(self) -> Block:
        weights = [weight for weight, _ in self._mix]
        makers = self.rng.choices([make for _, make in self._mix], weights, k=self.rng.choice(_CALLS))
        block = self.world.mine(self._calls([make() for make in makers]))
        self.book.add(self.world, block)
        return block

    def _calls(self, plans: Sequence[Plan]) -> list[Call]:
        answers = iter(self.world.ask([plan.question for plan in plans if plan.question is not None]))
        calls: list[Call] = []
        for plan in plans:
            answer = None if plan.question is None else next(answers)
            if plan.question is None or answer is not None:
                calls += plan.build(answer)
        return [replace(call, tip_wei=self.rng.randrange(3 * 10**9)) for call in calls]
