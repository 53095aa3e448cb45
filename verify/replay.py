"""One candidate over history: every batch settled by the real kernel on its own anchor, and undone again."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from coincurve import PrivateKey

from verify import kernel
from verify.audit import fees_in_force
from verify.evm import ExecutionError, Halted, Reverted
from verify.findings import CandidateRejectedError, Finding
from verify.orders import (
    SignedOrder,
    domain_separator,
    no_fills,
    order_words,
    read_fills,
    settle_signed_calldata,
    sign,
)
from verify.outcomes import Flow
from verify.world import accounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.records import History, Intent
    from verify.anchors import Anchors
    from verify.baselines import PreparedBatch
    from verify.venues import SwapResult

SETTLE_GAS = 30_000_000
"""A settlement must fit into one block: Ethereum's block gas limit at the time of the histories so far."""

EMPTIED = "it left the pool so that an unfilled order could not be sold, where the AMM alone could sell it"

PIPS = 10**6
RELAYER = accounts(1, "relayer")[0][0]
"""Who sends the settlements."""


SignedBatches = dict[tuple[str, tuple[int, ...], tuple[int, ...], int], bytes]
"""Calldata of signed batches, by what it follows from: kernel, orders, limits, time."""


class Settled(NamedTuple):
    """What one settlement did, as seen from outside the EVM.

    ``fills`` are (sold, bought) an order; ``fallbacks`` what the unfilled orders then got as market orders, 0 for
    filled ones. ``liquidity_providers`` is the pool's change of balances over settlement and fallbacks, ``lp_fees``
    the part of it that is fee or donation, ``residue`` what stayed with the kernel.
    """

    fills: tuple[tuple[int, int], ...]
    fallbacks: tuple[int, ...]
    gas: int
    dropped: int
    liquidity_providers: Flow
    lp_fees: Flow
    residue: Flow


class Stage:
    """One world with one candidate's rule and kernels installed; replays any batches, in any order.

    A kernel's venue fees are fixed when it is deployed, so there is one kernel for each combination of fees that the
    pools' histories have.

    Args:
        history: The history.
        anchors: A fresh world of it and of the pools beside it, with no candidate installed yet.
        creation_code: The rule's, with its constructor's arguments.
        most_orders: The most orders in any batch.
        signed: Calldata of batches signed so far, shared by the stages of one process; grows.

    Raises:
        CandidateRejectedError: The rule's constructor fails.
    """

    def __init__(
        self, history: History, anchors: Anchors, creation_code: bytes, most_orders: int, signed: SignedBatches
    ) -> None:
        self._history = history
        self._signed = signed
        self._anchors = anchors
        world = self._world = anchors.world
        self._tokens = (world.token0, world.token1)
        self._pools = [venue.pool for venue in world.venues]
        self._held = [[world.balance_key(token, pool) for pool in self._pools] for token in self._tokens]
        try:
            self._rule = world.install(creation_code)
        except ExecutionError as error:
            raise CandidateRejectedError((Finding("deploy", "constructor-failed", str(error)),)) from None
        self._kernels: dict[tuple[int, ...], str] = {}
        venues = [kernel.named(venue) for venue in world.venues]
        histories = (history, *(other.history for other in anchors.beside))
        for fees in product(*(sorted(set(fees_in_force(one.events, one.pool.fee_pips))) for one in histories)):
            for place, fee_pips in enumerate(fees):
                world.set_fee(fee_pips, place)
            self._kernels[fees] = world.install(kernel.creation(self._rule, venues))
        self._traders = [(address, PrivateKey(key)) for address, key in accounts(most_orders)]
        traders = [address for address, _ in self._traders]
        world.fund(traders, self._kernels.values())
        for address in self._kernels.values():
            world.evm.rebase(kernel.in_use(address, traders, world.ledgers))
        self._state: dict[int, int] = {}

    def state(self) -> dict[int, int]:
        """The rule's state as the next batch will find it: key to value, only keys ever written."""
        return dict(self._state)

    def set_state(self, state: Mapping[int, int]) -> None:
        """Makes this the rule's state; keys that it does not name are 0."""
        self._write_state(dict.fromkeys(self._state, 0) | dict(state))
        self._state = dict(state)

    def run(self, prepared: PreparedBatch) -> Settled:
        """Settles one batch on its anchor; the rule's state goes on from the batch before.

        Raises:
            CandidateRejectedError: The settlement reverts or runs out of gas.
        """
        world, batch = self._world, prepared.batch
        self._anchors.move(batch.start_seq, batch.place, block=batch.settle_block, timestamp=prepared.timestamp)
        self._anchors.overlay(prepared.news)
        address = self._kernels[prepared.fees_pips]
        calldata = self._calldata(prepared, address)
        before = self._held_by_pools()
        with world.anchor():
            output, gas, trail = self._settle(prepared, address, calldata)
            fills = read_fills(output, len(prepared.intents))
            fallbacks, fallbacks_in = [], [0, 0]
            for intent, (sold, _) in zip(prepared.intents, fills, strict=True):
                if sold:
                    fallbacks.append(0)
                    continue
                result = self._fall_back(intent)
                if result.spent < intent.sell_amount and not prepared.unscored:
                    raise CandidateRejectedError((_finding_of("pool-emptied", EMPTIED, prepared),))
                fallbacks_in[not intent.sells_token0] += result.spent
                fallbacks.append(result.received)
            after = self._held_by_pools()
            left = [world.evm.storage(*world.balance_key(token, address)) for token in self._tokens]
        self._write_state(dict(trail.stored))
        return Settled(
            fills=tuple(fills),
            fallbacks=tuple(fallbacks),
            gas=gas,
            dropped=trail.dropped,
            liquidity_providers=Flow(after[0] - before[0], after[1] - before[1]),
            lp_fees=_fees(prepared.fees_pips, trail, fallbacks_in),
            residue=Flow(left[0] - kernel.EARLIER_RESIDUE, left[1] - kernel.EARLIER_RESIDUE),
        )

    def _fall_back(self, intent: Intent) -> SwapResult:
        """An unfilled order as a market order."""
        return self._world.swap(intent.sells_token0, intent.sell_amount)

    def _settle(self, prepared: PreparedBatch, address: str, calldata: bytes) -> tuple[bytes, int, kernel.Trail]:
        """The settlement's output, gas and trail.

        Where the AMM itself runs past the known liquidity, nothing that a rule does can be held against it: a
        settlement that reverts there leaves all orders unfilled, and the batch is unscored in any case.
        """
        world = self._world
        try:
            output = world.evm.call(address, calldata, sender=RELAYER, gas=SETTLE_GAS)
        except ExecutionError as error:
            if prepared.unscored:
                return no_fills(len(prepared.intents)), error.gas_used, kernel.no_trail(len(self._pools))
            raise CandidateRejectedError((_finding(error, prepared),)) from None
        return output, world.evm.gas_used, kernel.read_trail(world.evm.logs, address, self._pools, world.token0)

    def _calldata(self, prepared: PreparedBatch, address: str) -> bytes:
        """The signed batch: the same for every candidate, whose kernels have the same addresses."""
        key = (address, prepared.batch.orders, prepared.limits, prepared.timestamp)
        found = self._signed.get(key)
        if found is None:
            found = self._signed[key] = settle_signed_calldata(self._orders(prepared, address))
        return found

    def _orders(self, prepared: PreparedBatch, address: str) -> list[SignedOrder]:
        domain = domain_separator(self._history.pool.chain_id, address)
        signed = []
        for intent, limit, (trader, key) in zip(prepared.intents, prepared.limits, self._traders, strict=False):
            times = intent.placed_ts, prepared.timestamp
            words = self._words(trader, intent.sells_token0, intent.sell_amount, limit, times)
            signed.append(sign(words, key, domain))
        return signed

    def _words(
        self, trader: str, sells_token0: bool, sell_amount: int, limit: int, placed_and_valid_to: tuple[int, int]
    ) -> bytes:
        """An order's ABI words; of each account the first."""
        sell, buy = self._tokens if sells_token0 else self._tokens[::-1]
        placed_at, valid_to = placed_and_valid_to
        return order_words(
            trader=trader,
            sell_token=sell,
            buy_token=buy,
            sell_amount=sell_amount,
            min_buy_amount=limit,
            nonce=0,
            valid_to=valid_to,
            placed_at=placed_at,
        )

    def _held_by_pools(self) -> tuple[int, int]:
        storage = self._world.evm.storage
        held0, held1 = (sum(storage(*key) for key in keys) for keys in self._held)
        return held0, held1

    def _write_state(self, written: Mapping[int, int]) -> None:
        """Carries the rule's state over the rollback, into the kernel of every fee."""
        if written:
            self._state.update(written)
            self._world.evm.rebase(
                {(address, key): value for address in self._kernels.values() for key, value in written.items()}
            )


def _fees(fees_pips: Sequence[int], trail: kernel.Trail, fallbacks_in: Sequence[int]) -> Flow:
    """What all pools' liquidity providers got beside their side of the trades: fees and donations, by token."""
    traded_in = [list(amounts) for amounts in trail.traded_in]
    traded_in[0] = [sum(amounts) for amounts in zip(traded_in[0], fallbacks_in, strict=True)]
    fees = [
        sum(-(-amounts[token] * fee_pips // PIPS) for amounts, fee_pips in zip(traded_in, fees_pips, strict=True))
        for token in (0, 1)
    ]
    return Flow(fees[0] + trail.donated[0], fees[1] + trail.donated[1])


def _finding(error: ExecutionError, prepared: PreparedBatch) -> Finding:
    if isinstance(error, Reverted):
        name, words = kernel.error_in_words(error.output)
        return _finding_of(_kebab(name), words, prepared)
    if isinstance(error, Halted) and error.reason.startswith("OutOfGas"):
        return _finding_of("out-of-gas", f"the settlement needs more than {SETTLE_GAS:,} gas", prepared)
    return _finding_of("halted", str(error), prepared)


def _finding_of(code: str, message: str, prepared: PreparedBatch) -> Finding:
    batch = prepared.batch
    where = f"in the batch that settles in block {batch.settle_block} ({len(batch.orders)} orders)"
    return Finding("run", code, f"{where}: {message}")


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
