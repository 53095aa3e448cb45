"""The candidate's real kernel in a world that goes on: what a settlement does lasts, as far as it is the pools'."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from verify import kernel
from verify.flows import fee_of, total
from verify.orders import read_fills
from verify.outcomes import Flow
from verify.replay import Stage

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from verify.baselines import PreparedBatch
    from verify.evm import Slots
    from verify.venues import Venue
    from verify.world import World

_SWAP_DATA_BYTES = (5 * 32, 6 * 32)
"""Of v3's and v4's event; no other event of theirs has as many. The tick is the fifth word of both."""

_TICK = slice(4 * 32, 5 * 32)


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one settlement did, undone again.

    ``fills`` are (sold, bought) an order, ``changed`` every slot of the pools and their tokens that it may have
    changed, ``stored`` the rule's writes to its state, ``lp_fees`` the pools' fees and donations.
    """

    fills: tuple[tuple[int, int], ...]
    gas: int
    dropped: int
    residue: Flow
    lp_fees: Flow
    changed: Slots
    stored: tuple[tuple[int, int], ...]


class LiveStage(Stage):
    """A candidate's rule and kernels in a live world; see `verify.replay.Stage`.

    The kernel's own books (nonces, what it holds) are as before at every settlement, so that each is one among many;
    what it kept is told as residue. The rule's state goes on where `remember` is told so.
    """

    @property
    def world(self) -> World:
        """The world that the candidate is installed in."""
        return self._world

    def clear(self, prepared: PreparedBatch) -> Cleared:
        """Settles a batch on the world as it is, and undoes it. Outside an anchor.

        Raises:
            CandidateRejectedError: The settlement reverts or runs out of gas.
        """
        world = self.world
        address = self._kernels[world.fees]
        calldata = self._calldata(prepared, address)
        marks = [venue.mark() for venue in world.venues]
        with world.anchor():
            output, gas, trail = self._settle(prepared, address, calldata)
            logs = world.evm.logs if any(map(any, trail.traded_in)) else []
            changed: Slots = {}
            for venue, mark in zip(world.venues, marks, strict=True):
                changed |= changed_by_trades(venue, mark, logs)
            left = [world.evm.storage(*world.balance_key(token, address)) for token in (world.token0, world.token1)]
        return Cleared(
            fills=tuple(read_fills(output, len(prepared.intents))),
            gas=gas,
            dropped=trail.dropped,
            residue=Flow(left[0] - kernel.EARLIER_RESIDUE, left[1] - kernel.EARLIER_RESIDUE),
            lp_fees=total((Flow(*trail.donated), *_fees(trail, world.fees))),
            changed=changed,
            stored=trail.stored,
        )

    def remember(self, cleared: Cleared) -> None:
        """Makes the state that this settlement left the rule's."""
        self._write_state(dict(cleared.stored))


def _fees(trail: kernel.Trail, fees_pips: Iterable[int]) -> Iterator[Flow]:
    for amounts, fee_pips in zip(trail.traded_in, fees_pips, strict=True):
        for sells_token0, amount in zip((True, False), amounts, strict=True):
            yield fee_of(sells_token0, amount, fee_pips)


def changed_by_trades(venue: Venue, mark: int, logs: list[tuple[str, list[bytes], bytes]]) -> Slots:
    """Every slot of a pool that any number of swaps and donations since ``mark`` may have changed.

    A swap moves the price one way, so the ticks that were crossed lie between the lowest and the highest tick that the
    pool stood at between two swaps: what `Venue.changed_by_swap` gives from both of them.
    """
    marks = {mark}
    if venue.kind != "v2":
        ticks = [
            int.from_bytes(data[_TICK], "big", signed=True)
            for address, _, data in logs
            if address == venue.pool and len(data) in _SWAP_DATA_BYTES
        ]
        marks = {min([mark, *ticks]), max([mark, *ticks])}
    changed: Slots = {}
    for each in marks:
        for zero_for_one in (True, False):
            changed |= venue.changed_by_swap(each, zero_for_one)
    return changed


def without(prepared: PreparedBatch, gone: Container[int]) -> PreparedBatch:
    """A batch of those of its orders that are not gone."""
    kept = [i for i, intent in enumerate(prepared.intents) if intent.seq not in gone]
    return replace(
        prepared,
        batch=replace(prepared.batch, orders=tuple(prepared.batch.orders[i] for i in kept)),
        intents=tuple(prepared.intents[i] for i in kept),
        limits=tuple(prepared.limits[i] for i in kept),
        delay_outs=tuple(prepared.delay_outs[i] for i in kept),
        routes=None,
    )
