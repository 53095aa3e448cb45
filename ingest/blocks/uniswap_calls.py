"""Swaps of Uniswap v2-type pairs and v3-type pools in call traces.

A pool is known by what it does when it is asked to swap: it pays out, and reads its own balances to learn what it was
paid. That also names its tokens, which call data does not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from ingest.blocks.calls import (
    SELECTOR_BYTES,
    Transfer,
    address,
    arguments,
    balances_read,
    descendants,
    is_message,
    selector,
    signed,
    transfers,
    unsigned,
)
from ingest.blocks.trades import Exchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.traces import Call

V2_SWAP = selector("swap(uint256,uint256,address,bytes)")
V3_SWAP = selector("swap(address,bool,int256,uint160,bytes)")
GET_RESERVES = selector("getReserves()")
V2_SETTLES = frozenset(map(selector, ("mint(address)", "burn(address)", "sync()")))  # what else changes reserves
RESERVES_BYTES = 96
V3_DELTAS_BYTES = 64

Pair = tuple[int, int]  # amounts of token0 and token1


def v3_swap(calls: Sequence[Call], place: int) -> Exchanged | None:
    """The v3 swap that the call at ``place`` made, by the amounts that the pool answered; None where it made none."""
    call = calls[place]
    if call.data[:SELECTOR_BYTES] != V3_SWAP or len(call.output) != V3_DELTAS_BYTES:
        return None
    amount_out, amount_in = sorted((signed(call.output, 0), signed(call.output, 1)))
    if not amount_out < 0 < amount_in:
        return None
    within = descendants(calls, place)
    recipient = address(arguments(call), 0)
    paid = [one.token for one in transfers(within) if one == Transfer(one.token, call.to, recipient, -amount_out)]
    asked = [token for token in balances_read(within, call.to) if token not in paid[:1]]
    if not paid or len(asked) != 1:
        return None
    return Exchanged("v3", call.to, recipient, asked[0], paid[0], amount_in, -amount_out)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transfer, and the call that made it."""

    by: tuple[int, ...]
    transfer: Transfer


@dataclass(slots=True)
class V2Pairs:
    """The pairs of a block while its calls are read in execution order.

    A pair takes what its balance exceeds the reserve by as paid in. The balances stand in its own calls; the reserve
    is what it last answered or settled to in this block. Where the block does not show it, what was sent to the pair
    since it last settled counts: more than it got where the token takes a fee on transfers. ``transfer_fees`` are the
    largest shares of what was sent that did not arrive, by token.
    """

    reserves: dict[str, Pair] = field(default_factory=dict)
    transfer_fees: dict[str, Fraction] = field(default_factory=dict)
    _sent: dict[str, list[_Sent]] = field(default_factory=lambda: defaultdict(list))
    _swapping: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def begin_transaction(self) -> None:
        """Forgets what belongs to one transaction: its tree of calls, and tokens that were sent and left lying."""
        self._sent.clear()
        self._swapping.clear()

    def follow(self, calls: Sequence[Call], place: int) -> Exchanged | None:
        """Takes note of the call at ``place``; returns the swap that it made, if it made one."""
        call = calls[place]
        kind = call.data[:SELECTOR_BYTES]
        if kind == GET_RESERVES and not call.failed and len(call.output) == RESERVES_BYTES:
            if not self._is_within_swap(call, call.to):  # there it is still the reserve before the swap
                self.reserves[call.to] = (unsigned(call.output, 0), unsigned(call.output, 1))
        elif is_message(call):
            for one in transfers((call,)):
                if not self._is_within_swap(call, one.recipient):  # there the swap has counted it already
                    self._sent[one.recipient].append(_Sent(call.address, one))
            if kind in V2_SETTLES:
                self.reserves.pop(call.to, None)
                self._sent.pop(call.to, None)
            elif kind == V2_SWAP:
                return self._swap(calls, place)
        return None

    def _is_within_swap(self, call: Call, pair: str) -> bool:
        within = self._swapping.get(pair)
        return within is not None and call.address[: len(within)] == within

    def _swap(self, calls: Sequence[Call], place: int) -> Exchanged | None:
        call = calls[place]
        pair, words, within = call.to, arguments(call), descendants(calls, place)
        inside, balances = list(transfers(within)), balances_read(within, pair)
        if len(balances) != 2:
            return None
        token0, token1 = balances
        outs = unsigned(words, 0), unsigned(words, 1)
        if not (_paid(inside, pair, token0, outs[0]) and _paid(inside, pair, token1, outs[1])):
            return None
        given = [*self._arrived(call), *(one for one in inside if one.recipient == pair)]
        came = _total(given, token0), _total(given, token1)
        after = balances[token0], balances[token1]
        before = self.reserves.get(pair)
        ins = came
        if before is not None:
            ins = max(after[0] - before[0] + outs[0], 0), max(after[1] - before[1] + outs[1], 0)
            self._note_fee(token0, came[0], ins[0])
            self._note_fee(token1, came[1], ins[1])
        self.reserves[pair] = after
        self._swapping[pair] = call.address
        amounts = pair_amounts(ins, outs, came)
        if amounts is None:
            return None
        sold, amount_in, amount_out = amounts
        token_in, token_out = (token0, token1) if sold == 0 else (token1, token0)
        return Exchanged("v2", pair, address(words, 2), token_in, token_out, amount_in, amount_out)

    def _arrived(self, swap: Call) -> list[Transfer]:
        """Takes what was sent to the pair before the swap; a transfer that made the swap itself is not done yet."""
        sent = self._sent.pop(swap.to, [])
        self._sent[swap.to] = [one for one in sent if swap.address[: len(one.by)] == one.by]
        return [one.transfer for one in sent if swap.address[: len(one.by)] != one.by]

    def _note_fee(self, token: str, sent: int, taken: int) -> None:
        if 0 < taken < sent:
            lost = Fraction(sent - taken, sent)
            self.transfer_fees[token] = max(lost, self.transfer_fees.get(token, lost))


def pair_amounts(ins: Pair, outs: Pair, came: Pair) -> tuple[int, int, int] | None:
    """A pair's swap as (the token sold: 0 or 1, amount in, amount out).

    Args:
        ins: What the pair took as paid in, by token.
        outs: What it paid out.
        came: What transfers to it were seen to bring. Of the token it paid out, that is a loan given back and no part
            of the trade; what appears there without a transfer is the token's own doing (some share their transfer
            fee among all holders) and takes nothing from what the buyer got.

    Returns:
        None where nothing was bought, such as by a loan that was given back in the same token.
    """
    net = [given - taken for given, taken in zip(ins, outs, strict=True)]
    sold = 0 if net[0] > 0 else 1
    bought = 1 - sold
    if not net[bought] < 0 < net[sold]:
        return None
    return sold, net[sold], outs[bought] - min(ins[bought], came[bought])


def _paid(inside: Sequence[Transfer], pair: str, token: str, amount: int) -> bool:
    """Whether the pair sent what it was asked for."""
    return not amount or any(one.sender == pair and one.token == token and one.amount == amount for one in inside)


def _total(given: Sequence[Transfer], token: str) -> int:
    return sum(one.amount for one in given if one.token == token)
