"""Uniswap v4: a pool without hooks in the genuine PoolManager.

It does v3's arithmetic; what differs is where its state lies, who is called, and that events tell the fee of each swap
and not what a position paid or got.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.records import LiquidityEvent
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.kernel import SWAP_V4
from verify.venues import Applied
from verify.venues.v3 import V3
from verify.venues.v4_deploy import PERMIT2, key, protocol_fee

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.records import Event, PoolState, VenueKind
    from verify.evm import Evm, Slots
    from verify.venues import Ledgers
    from verify.venues.v3_deploy import Deployed

_EXECUTE = selector("execute(bytes,bytes[],uint256)")
_V4_SWAP = b"\x10"  # the Universal Router's command
_SWAP_EXACT_IN_SINGLE, _SETTLE_ALL, _TAKE_ALL = 0x06, 0x0C, 0x0F  # v4-periphery's actions


class V4(V3):
    """A v4 pool; see `verify.venues.Venue`."""

    kind: VenueKind = "v4"

    def __init__(self, evm: Evm, state: PoolState, made: Deployed, ledgers: Ledgers) -> None:
        """As `V3`."""
        super().__init__(evm, state, made, ledgers)
        record = state.pool
        self.set_fee(record.fee_pips)
        self.spender = PERMIT2
        self.terms = (record.token0.address, record.token1.address, record.fee_pips, record.tick_spacing)

    def apply(self, event: Event) -> Applied:
        """See `Venue`. A mint or burn is exact when the pool takes it: no event tells its amounts."""
        if not isinstance(event, LiquidityEvent) or event.kind not in ("mint", "burn"):
            return super().apply(event)
        if not event.liquidity:  # only collects what a position has earned
            return Applied(True, "no effect", "", {})
        applied = super().apply(event)
        # Without slots the pool refused it; else only its amounts, with fees in them, can differ.
        return applied._replace(exact=True, why="") if applied.changed else applied

    # ------------------------------------------------------------------ fee

    def set_fee(self, fee_pips: int) -> None:
        """See `Venue`: what is above the providers' fee is the protocol's, the same in both directions."""
        pips = protocol_fee(self._record, fee_pips)
        self._write_fee(pips)
        self._protocol_pips = pips

    def notice(self, slots: Mapping[tuple[str, int], int]) -> None:
        """See `Venue`. The fee is in the slot of the price, which a swap of another fee may have written last."""
        super().notice(slots)
        if self._watch.slot0_key in slots:
            self._write_fee(self._protocol_pips)

    def _write_fee(self, protocol_pips: int) -> None:
        packed = self._evm.storage(*self._watch.slot0_key)
        if at.v3_slot0_price(packed):  # else the pool has not begun
            packed = at.v4_slot0_with_protocol_fee(packed, protocol_pips)
        self._evm.rebase({self._watch.slot0_key: packed})

    # ------------------------------------------------------------------ router

    def router_allowances(self, trader: str) -> Slots:
        """See `Venue`: those that Permit2 keeps."""
        tokens = self._record.token0.address, self._record.token1.address
        return {(PERMIT2, at.permit2_slot(trader, token, self.router)): at.PERMIT2_UNLIMITED for token in tokens}

    def router_call(self, trader: str, zero_for_one: bool, amount_in: int, min_out: int, deadline: int) -> bytes:  # noqa: ARG002 - what is due goes to the caller
        """See `Venue`: the swap, then all of what is owed and due of each token."""
        tokens = self._record.token0.address, self._record.token1.address
        paid, due = tokens if zero_for_one else tokens[::-1]
        swap = key(self._record) + word(zero_for_one) + word(amount_in) + word(min_out) + word(9 * 32) + word(0)
        parameters = (
            word(32) + swap,
            address_word(paid) + word(amount_in),
            address_word(due) + word(min_out),
        )
        actions = _bytes(bytes((_SWAP_EXACT_IN_SINGLE, _SETTLE_ALL, _TAKE_ALL)))
        plan = word(64) + word(64 + len(actions)) + actions + _list(parameters)
        commands, inputs = _bytes(_V4_SWAP), _list((plan,))
        return _EXECUTE + word(96) + word(96 + len(commands)) + word(deadline) + commands + inputs

    def router_received(self, output: bytes) -> int:  # noqa: ARG002 - the router returns nothing
        """See `Venue`: what the pool's own log says."""
        for address, topics, data in self._evm.logs:
            if address == self.pool and topics[0] == SWAP_V4:
                return max(int.from_bytes(data[i : i + 32], "big", signed=True) for i in (0, 32))
        return 0


def _bytes(content: bytes) -> bytes:
    """ABI encoding of bytes: their length, and themselves up to a whole word."""
    return word(len(content)) + content + bytes(-len(content) % 32)


def _list(items: Iterable[bytes]) -> bytes:
    """ABI encoding of a list of bytes: its length, where each begins, and each."""
    encoded = [_bytes(item) for item in items]
    starts = [32 * len(encoded) + sum(map(len, encoded[:i])) for i in range(len(encoded))]
    return word(len(encoded)) + b"".join(map(word, starts)) + b"".join(encoded)
