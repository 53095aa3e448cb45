"""The block loop: price, writers, arbitrage at the top, then the waiting orders with who lives off them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.market.bots import Arbitrageur, SandwichBot
from verify.market.chain import Chain
from verify.market.opening import base_is_token0, pool_price
from verify.market.price import GasPath, PricePath
from verify.market.providers import Providers
from verify.market.traders import Traders
from verify.market.view import View

if TYPE_CHECKING:
    from ingest.records import PoolState
    from verify.market.chain import Book
    from verify.market.config import MarketConfig
    from verify.market.wishes import Order


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulation leaves behind.

    Args:
        state: The pool before the first block.
        book: Logs and truths.
        prices: (timestamp, quote for one base as decimal text), one a block.
        sandwiches: Attacks that were carried out.
        just_in_time: Orders around which liquidity was put for one block.
        unfinished: Orders that were still waiting at the end.
    """

    state: PoolState
    book: Book
    prices: tuple[tuple[int, str], ...]
    sandwiches: int
    just_in_time: int
    unfinished: int


def run(config: MarketConfig) -> Run:
    """Simulates a market; the same configuration gives the same run.

    Raises:
        InputError: The pool that the configuration asks for cannot be.
    """
    return _Simulation(config).run()


class _Simulation:
    def __init__(self, config: MarketConfig) -> None:
        self._config = config
        self._chain = Chain(config)
        seeds = np.random.SeedSequence(config.seed).spawn(8)
        price, gas, users, noise, arbitrage, sandwich, providers, order = map(np.random.default_rng, seeds)
        tag = f"market:{config.name}"
        self._price = PricePath(config.price, price)
        self._gas = GasPath(config.gas, gas)
        self._traders = (
            Traders(config.users, config.sandwich.seen_share, users, f"{tag}:user"),
            Traders(config.noise, 0, noise, f"{tag}:noise"),
        )
        self._arbitrageur = Arbitrageur(config.arbitrage, arbitrage, f"{tag}:arbitrageur")
        self._bot = SandwichBot(config.sandwich, sandwich, f"{tag}:sandwich")
        self._providers = Providers(config.liquidity, providers, f"{tag}:provider")
        self._order = order
        self._waiting: dict[int, list[Order]] = defaultdict(list)
        self._sandwiches = 0
        self._just_in_time = 0

    def run(self) -> Run:
        prices = tuple(self._block(i) for i in range(self._config.blocks))
        unfinished = sum(map(len, self._waiting.values()))
        return Run(self._chain.state, self._chain.book, prices, self._sandwiches, self._just_in_time, unfinished)

    def _block(self, index: int) -> tuple[int, str]:
        """One block; returns the exogenous price from its time on."""
        config = self._config
        timestamp = config.first_timestamp + index * config.block_seconds
        self._price.step()
        self._gas.step()
        self._chain.begin(config.first_block + index, timestamp, self._gas.wei())
        view = self._view()
        for traders in self._traders:
            for order in traders.write(view):
                self._waiting[order.block_number].append(order)
        arbitrage = self._arbitrageur.act(view)
        if arbitrage is not None:
            self._chain.execute(arbitrage)
        for move in self._providers.act(view):
            self._chain.execute(move)
        due = self._waiting.pop(view.block_number, [])
        for place in self._order.permutation(len(due)).tolist():
            self._include(view, due[place])
        return timestamp, self._price.text()

    def _view(self) -> View:
        config, chain = self._config, self._chain
        return View(
            pool=chain,
            block_number=chain.block_number,
            price=pool_price(config, self._price.price()),
            quote_is_token1=base_is_token0(config),
            quote_unit=10**config.quote.decimals,
            base_unit=10**config.base.decimals,
            gas_price_wei=chain.gas_price_wei,
        )

    def _include(self, view: View, order: Order) -> None:
        """Executes one order, with an attack or just-in-time liquidity around it where somebody wants that."""
        chain = self._chain
        attack = self._bot.attack(view, order)
        provision = None if attack else self._providers.just_in_time(view, order)
        if attack:
            chain.execute(attack.front)
            self._sandwiches += 1
        if provision:
            chain.execute(provision)
            self._just_in_time += 1
        result = chain.execute(order.trade)
        if attack:
            chain.execute(attack.back)
        if provision:
            chain.execute(chain.withdrawal(provision))
        if result is not None and order.is_user:
            buys_base = order.trade.zero_for_one != view.quote_is_token1
            self._price.favour(buys_base=buys_base)
