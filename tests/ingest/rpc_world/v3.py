"""Traffic in v3 pools."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rpc_world.asked import RouterCall
from rpc_world.chances import MAX_SQRT, MIN_SQRT, Chances, Plan, plan
from rpc_world.deploy import FOREVER
from rpc_world.world import NATIVE, Call, is_base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rpc_world.world import Venue

_ALL = 2**128 - 1


class V3(Chances):
    """Users at the router and the position manager, and bots at the pools."""

    __slots__ = ()

    def user_swap(self) -> Plan:
        """A user at the router, over one pool or two, with a limit from a quote."""
        if self.rng.random() < 0.12:
            tokens, fees = [self.world.tokens[name] for name in ("WETH", "USD", "MKR")], [500, 10000]
            turned = self.rng.random() < 0.5
        else:
            venue = self.venue("v3")
            tokens, fees = [venue.token0, venue.token1], [venue.fee_pips]
            turned = not self.sells0(venue)
        if turned:
            tokens, fees = tokens[::-1], fees[::-1]
        sells = self.rng.random() < 0.6
        amount = self.world.units(tokens[0 if sells else -1], self.usd(250_000))
        quote = (
            ("quoteExactInput", packed(tokens, fees))
            if sells
            else ("quoteExactOutput", packed(tokens[::-1], fees[::-1]))
        )
        return Plan(
            lambda answer: [self._user_swap(tokens, fees, amount, answer[0], sells=sells)],
            ("v3 quoter", *quote, amount),
        )

    def _user_swap(self, path: list[str], fees: list[int], amount: int, quoted: int, *, sells: bool) -> Call:
        """One of the router's four functions, by itself or in a multicall; at times with the chain's own coin."""
        user, router, deadline = self.user(), self.world.contracts["v3 router"], self.deadline()
        limit = int(quoted * (1 - self.slack())) if sells else int(quoted * (1 + self.slack())) + 1
        gives, gets = (amount, limit) if sells else (limit, amount)
        weth, chance = self.world.tokens["WETH"], self.rng.random()
        pays_coin, gets_coin = path[0] == weth and chance < 0.3, path[-1] == weth and chance < 0.3
        to = NATIVE if gets_coin else user  # the zero address has the router keep it, for unwrapping
        if len(path) == 2:
            method = "exactInputSingle" if sells else "exactOutputSingle"
            stop = 0 if self.rng.random() < 0.8 else (MIN_SQRT if path[0] < path[1] else MAX_SQRT)  # both: no limit
            arguments: tuple[Any, ...] = (*path, *fees, to, deadline, amount, limit, stop)
        else:
            method = "exactInput" if sells else "exactOutput"
            way = packed(path, fees) if sells else packed(path[::-1], fees[::-1])
            arguments = (way, to, deadline, amount, limit)
        steps = [router.data(method, arguments)]
        if gets_coin:
            steps.append(router.data("unwrapWETH9", gets, user))
        if pays_coin and not sells:
            steps.append(router.data("refundETH"))
        alone = len(steps) == 1 and self.rng.random() < 0.9
        return Call(
            user,
            router.address,
            steps[0] if alone else router.data("multicall", [bytes.fromhex(step[2:]) for step in steps]),
            value_wei=gives if pays_coin else 0,
            must=False,
            asked=RouterCall(
                "v3",
                method,
                "sell" if sells else "buy",
                tuple(path),
                tuple(fees),
                gives,
                gets,
                user,
                user,
                deadline,
                payer=router.address if pays_coin else user,
                receiver=router.address if gets_coin else user,
            ),
        )

    def bot_swap(self) -> Plan:
        """A bot at the pool itself: exact in or out, and often up to a price."""
        venue = self.venue("v3")
        sells0, exact_in = self.sells0(venue), self.rng.random() < 0.6
        amount = self.world.units(venue.token0 if sells0 == exact_in else venue.token1, self.usd(500_000))
        limit = MIN_SQRT if sells0 else MAX_SQRT
        if self.rng.random() < 0.4:
            move = (-0.5 if sells0 else 0.5) * self.rng.uniform(0.0001, 0.01)
            limit = int(self.book.sqrt_price[venue.name] * math.exp(move))
        # Where earlier calls of the block have moved the price past the limit, the pool refuses.
        return plan(self.bot("swapV3", venue.address, sells0, amount if exact_in else -amount, limit, must=False))

    def bot_liquidity(self) -> Plan:
        """The bot mints, burns a part or all, collects, or only pokes."""
        venue = self.venue("v3")
        held = [(key[1:], value) for key, value in self.book.bot.items() if key[0] == venue.name and value > 0]
        if self.rng.random() < 0.45:
            return plan(self.bot("mintV3", venue.address, *self.range_near(venue), self.liquidity(venue)))
        ticks, liquidity = self.rng.choice(held)
        if is_base(*ticks):
            part = self.rng.choice((0, liquidity // 100))
        else:
            part = self.rng.choice((0, liquidity, liquidity, int(liquidity * self.rng.random())))
        calls = [self.bot("burnV3", venue.address, *ticks, part, must=False)]  # a block may burn the same one twice
        if self.rng.random() < 0.7:
            calls.append(self.bot("collectV3", venue.address, *ticks))
        return plan(*calls)

    def nft(self) -> Plan:
        """A user's position in the position manager: opened, added to, or reduced and collected."""
        open_ids = sorted(token_id for token_id, liquidity in self.book.nfts.items() if liquidity)
        if not open_ids or self.rng.random() < 0.5:
            venue, user = self.venue("v3"), self.user()
            place = (venue.token0, venue.token1, venue.fee_pips, *self.range_near(venue))
            return plan(self._manager("mint", (*place, *self._amounts(venue), 0, 0, user, FOREVER), user))
        token_id = self.rng.choice(open_ids)
        owner, liquidity = self.book.owners[token_id], self.book.nfts[token_id]
        if self.rng.random() < 0.3:
            amounts = self._amounts(self.world.venues[self.book.pools[token_id]])
            return plan(self._manager("increaseLiquidity", (token_id, *amounts, 0, 0, FOREVER), owner))
        part = liquidity if self.rng.random() < 0.4 else -(-liquidity // self.rng.randrange(2, 9))
        return plan(
            self._manager("decreaseLiquidity", (token_id, part, 0, 0, FOREVER), owner),
            self._manager("collect", (token_id, owner, _ALL, _ALL), owner),
        )

    def _amounts(self, venue: Venue) -> list[int]:
        return [self.world.units(token, self.usd()) for token in (venue.token0, venue.token1)]

    def _manager(self, function: str, arguments: tuple[Any, ...], sender: str) -> Call:
        return self.world.call("v3 positions", function, arguments, sender=sender, must=False)

    def flash(self) -> Plan:
        """Both tokens borrowed and paid back, at times with more than the fee."""
        venue, extra = self.venue("v3"), self.rng.choice((0, 0, 12345))
        return plan(self.bot("flashV3", venue.address, *self._amounts(venue), extra))

    def just_in_time(self) -> Plan:
        """Liquidity around the price for one big swap, in three transactions of one block."""
        venue = self.world.venues["v3 USD/WETH 500"]
        ticks = self.world.around(venue, self.book.sqrt_price[venue.name], -10, 10)
        liquidity, sells0 = self.world.depth(venue) * 5, self.sells0(venue)
        amount = self.world.units(venue.token0 if sells0 else venue.token1, self.rng.uniform(50_000, 200_000))
        return plan(
            self.bot("mintV3", venue.address, *ticks, liquidity),
            self.bot("swapV3", venue.address, sells0, amount, MIN_SQRT if sells0 else MAX_SQRT),
            self.bot("burnV3", venue.address, *ticks, liquidity),
        )

    def several_at_once(self) -> Plan:
        """One transaction with several deeds in two pools, of which some may fail and leave no trace."""
        steps, must = [], self.rng.random() < 0.5
        pair, pool = self.world.venues["v2 USD/WETH"], self.venue("v3")
        for _ in range(self.rng.randrange(2, 6)):
            step = self._step(self.rng.choice((pair, pool)))
            if not must and self.rng.random() < 0.4:
                step = self.world.contracts["bot"].data("fail", bytes.fromhex(step[2:]))
            steps.append(bytes.fromhex(step[2:]))
        return plan(self.bot("run", steps, must))

    def _step(self, venue: Venue) -> str:
        sells0 = self.rng.random() < 0.5
        amount = self.world.units(venue.token0 if sells0 else venue.token1, self.usd(20_000))
        data = self.world.contracts["bot"].data
        if venue.kind == "v2":
            return data("swapV2", venue.address, sells0, amount, 0)
        return data("swapV3", venue.address, sells0, amount, MIN_SQRT if sells0 else MAX_SQRT)


def packed(path: Sequence[str], fees: Sequence[int]) -> bytes:
    """A v3 router's path: tokens with the fees between them."""
    parts = [bytes.fromhex(path[0][2:])]
    for fee, token in zip(fees, path[1:], strict=True):
        parts += [fee.to_bytes(3, "big"), bytes.fromhex(token[2:])]
    return b"".join(parts)
