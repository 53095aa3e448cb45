"""Traffic in v4 pools, through the routers that v4-core carries for its own tests."""

from __future__ import annotations

from dataclasses import replace

from rpc_world.chances import MAX_SQRT, MIN_SQRT, Chances, Plan, plan
from rpc_world.world import NATIVE, is_base

_MORE_THAN_ENOUGH = 10**24
"""Of the chain's own coin, where a pool has it; what is too much comes back."""


class V4(Chances):
    """Users who swap, provide and donate."""

    __slots__ = ()

    def swap(self) -> Plan:
        """Exact in or out; here a negative amount is paid exactly, a positive one taken."""
        venue = self.venue("v4")
        sells0, exact_in = self.sells0(venue), self.rng.random() < 0.6
        amount = self.world.units(venue.token0 if sells0 == exact_in else venue.token1, self.usd(200_000))
        swap = (sells0, -amount if exact_in else amount, MIN_SQRT if sells0 else MAX_SQRT)
        value = 0
        if venue.token0 == NATIVE and sells0:
            value = amount if exact_in else _MORE_THAN_ENOUGH
        arguments = (venue.key, swap, (False, False), b"")
        return plan(self.world.call("v4 swap", "swap", *arguments, sender=self.user(), value_wei=value))

    def add_or_remove(self) -> Plan:
        """All positions are the test router's; a salt keeps some of the same range apart."""
        venue = self.venue("v4")
        held = [(key[1:], value) for key, value in self.book.v4.items() if key[0] == venue.name and value > 0]
        held = [entry for entry in held if not is_base(*entry[0][:2])]
        if held and self.rng.random() < 0.5:
            (lower, upper, salt), liquidity = self.rng.choice(held)
            change = -liquidity if self.rng.random() < 0.5 else -int(liquidity * self.rng.random())
        else:
            lower, upper = self.range_near(venue)
            salt = self.rng.choice((bytes(32), self.rng.randbytes(32)))
            change = self.liquidity(venue)
        value = _MORE_THAN_ENOUGH if venue.token0 == NATIVE else 0
        arguments = (venue.key, (lower, upper, change, salt), b"")
        call = self.world.call("v4 modify", "modifyLiquidity", *arguments, sender=self.user(), value_wei=value)
        # This router refuses an addition whose collected fees are more than what is added of a token.
        return plan(replace(call, must=False))

    def donation(self) -> Plan:
        """Tokens given to whoever provides at the price."""
        venue = self.world.venues["v4 USD/WETH 3000"]
        amounts = [self.world.units(token, self.rng.uniform(0, 100)) for token in (venue.token0, venue.token1)]
        return plan(self.world.call("v4 donate", "donate", venue.key, *amounts, b"", sender=self.user()))
