"""Traffic in v2 pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rpc_world.asked import RouterCall
from rpc_world.chances import Chances, Plan, plan
from rpc_world.deploy import FOREVER, V2_PAIRS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from rpc_world.world import Call


class V2(Chances):
    """Users at the router, and bots at the pairs."""

    __slots__ = ()

    def user_swap(self) -> Plan:
        """A user at the router, over one pair or two, with a limit from a quote."""
        tokens = self.world.tokens
        name = V2_PAIRS[0] if self.rng.random() < 0.65 else self.rng.choice(V2_PAIRS[1:])
        names = [name, "WETH"]
        if self.sells0(self.world.venues[f"v2 {name}/WETH"]) != (tokens[name] < tokens["WETH"]):
            names.reverse()
        elif self.rng.random() < 0.15:
            names.append(self.rng.choice([other for other in V2_PAIRS if other != name]))
        path = [tokens[name] for name in names]
        usd = self.usd(2_000 if {"ODD", "VOID"} & set(names) else 400_000)
        if "TAXED" in names:
            return self._taxed(path, usd)
        if self.rng.random() < 0.65:
            amount = self.world.units(path[0], usd)
            return Plan(
                lambda answer: [self.sell(path, amount, int(answer[0][-1] * (1 - self.slack())))],
                ("v2 router", "getAmountsOut", amount, path),
            )
        amount = self.world.units(path[-1], usd)
        return Plan(
            lambda answer: [self._buy(path, int(answer[0][0] * (1 + self.slack())) + 1, amount)],
            ("v2 router", "getAmountsIn", amount, path),
        )

    def sell(self, path: list[str], amount: int, least: int) -> Call:
        """A user gives exactly this much; the chain's own coin at times where WETH is at an end."""
        limits, coin = (amount, least), self._coin(path)
        if coin == 0:
            return self._call("swapExactETHForTokens", "sell", (least,), path, limits, value=amount)
        method = "swapExactTokensForTokens" if coin is None else "swapExactTokensForETH"
        return self._call(method, "sell", (amount, least), path, limits)

    def _buy(self, path: list[str], most: int, amount: int) -> Call:
        limits, coin = (most, amount), self._coin(path)
        if coin == 0:
            return self._call("swapETHForExactTokens", "buy", (amount,), path, limits, value=most)
        method = "swapTokensForExactTokens" if coin is None else "swapTokensForExactETH"
        return self._call(method, "buy", (amount, most), path, limits)

    def _coin(self, path: list[str]) -> int | None:
        """At which end of the path, 0 or -1, the chain's own coin stands for WETH, if at any."""
        ends = [end for end in (0, -1) if path[end] == self.world.tokens["WETH"]]
        return self.rng.choice(ends) if ends and self.rng.random() < 0.4 else None

    def _taxed(self, path: list[str], usd: float) -> Plan:
        """A token that burns a part of what is transferred, through the router's function for such."""
        amount = self.world.units(path[0], usd)
        method = "swapExactTokensForTokensSupportingFeeOnTransferTokens"
        return plan(self._call(method, "sell", (amount, 0), path, (amount, 0)))

    def _call(
        self,
        method: str,
        kind: Literal["sell", "buy"],
        amounts: tuple[int, ...],
        path: list[str],
        limits: tuple[int, int],
        value: int = 0,
    ) -> Call:
        user, router, deadline = self.user(), self.world.contracts["v2 router"].address, self.deadline()
        recipient = user if self.rng.random() < 0.9 else self.user()
        payer, receiver = router if value else user, router if method.endswith("ETH") else recipient
        asked = RouterCall(
            "v2", method, kind, tuple(path), (), *limits, user, recipient, deadline, payer=payer, receiver=receiver
        )
        return self.world.call(
            "v2 router",
            method,
            *amounts,
            path,
            recipient,
            deadline,
            sender=user,
            value_wei=value,
            must=False,
            asked=asked,
        )

    def bot_swap(self) -> Plan:
        """A bot at the pair itself, which sometimes takes a little less than it could."""
        venue = self.venue("v2")
        sells0, shaved = self.sells0(venue), self.rng.choice((0, 0, 1, 1000))
        amount = self.world.units(venue.token0 if sells0 else venue.token1, self.usd(100_000))
        return plan(self.bot("swapV2", venue.address, sells0, amount, shaved))

    def add_or_remove(self) -> Plan:
        """A user's liquidity."""
        venue, user = self.venue("v2"), self.user()
        both, held = (venue.token0, venue.token1), self.book.shares[venue.name, user]
        if held and self.rng.random() < 0.5:
            share = held if self.rng.random() < 0.3 else int(held * self.rng.uniform(0.05, 0.9))
            router = self.world.contracts["v2 router"].address
            approve = self.world.call(venue.name, "approve", router, share, sender=user)
            remove = self.world.call("v2 router", "removeLiquidity", *both, share, 0, 0, user, FOREVER, sender=user)
            return plan(approve, replace(remove, must=False))  # another call of the block may have taken the share
        amounts = [self.world.units(token, self.usd()) for token in both]
        return plan(self.world.call("v2 router", "addLiquidity", *both, *amounts, 0, 0, user, FOREVER, sender=user))

    def gift(self) -> Plan:
        """Tokens sent to a pair, which then takes note of them."""
        venue, gives0 = self.venue("v2"), self.rng.random() < 0.5
        amount = self.world.units(venue.token0 if gives0 else venue.token1, self.rng.uniform(0, 50))
        return plan(self.bot("giveV2", venue.address, gives0, amount))

    def flash(self) -> Plan:
        """One token or both, borrowed and paid back in one swap: what remains are amounts that no plain swap has."""
        venue, borrowed = self.world.venues["v2 MKR/WETH"], self.rng.choice(((0, 1), (1, 0), (1, 1)))
        tokens = zip((venue.token0, venue.token1), borrowed, strict=True)
        amounts = [self.world.units(token, self.usd()) * which for token, which in tokens]
        return plan(self.bot("flashV2", venue.address, *amounts))

    def sandwich(self) -> Plan:
        """A bot before and behind a user, in one block."""
        venue, attacker = self.world.venues["v2 USD/WETH"], self.world.bot_owners[0]
        sells0, size = self.sells0(venue), self.rng.uniform(0.2, 1.5)
        path = [venue.token0, venue.token1] if sells0 else [venue.token1, venue.token0]
        amount = self.world.units(path[0], self.rng.uniform(20_000, 100_000))

        def build(answer: Sequence[Sequence[int]]) -> list[Call]:
            quoted = answer[0][-1]
            legs = ((sells0, int(amount * size)), (not sells0, int(quoted * size * 0.985)))
            front, back = (
                self.world.call("bot", "swapV2", venue.address, way, given, 0, sender=attacker) for way, given in legs
            )
            return [front, self.sell(path, amount, int(quoted * 0.95)), back]

        return Plan(build, ("v2 router", "getAmountsOut", amount, path))
