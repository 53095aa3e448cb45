"""What was wanted on the test chain: the truth that decoded call data must equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RouterCall:
    """What somebody asked a router for.

    A ``sell`` gives exactly ``amount_in`` for at least ``amount_out``, a ``buy`` takes exactly ``amount_out`` for at
    most ``amount_in``. ``path`` are tokens, WETH where the chain's own coin is meant. ``payer`` and ``receiver`` are
    who the first token leaves and who the last one reaches; the router, for the chain's own coin.
    """

    venue: Literal["v2", "v3"]
    method: str
    kind: Literal["sell", "buy"]
    path: tuple[str, ...]
    fees_pips: tuple[int, ...]
    amount_in: int
    amount_out: int
    trader: str
    recipient: str
    deadline_ts: int
    payer: str
    receiver: str


@dataclass(frozen=True, slots=True)
class CowOrder:
    """A signed CoW order. A ``sell`` gives ``sell_amount`` for at least ``buy_amount``, a ``buy`` the other way."""

    uid: str
    owner: str
    receiver: str
    sell_token: str
    buy_token: str
    sell_amount: int
    buy_amount: int
    valid_to: int
    app_data: str
    fee_amount: int
    kind: Literal["sell", "buy"]
    partially_fillable: bool
    scheme: Literal["eip712", "ethsign", "presign"]

    @property
    def whole(self) -> int:
        """How much is filled when all is: of what the order names exactly."""
        return self.sell_amount if self.kind == "sell" else self.buy_amount


@dataclass(frozen=True, slots=True)
class CowFill:
    """What one settlement does for one order, by the contract's formulas; ``sold`` includes ``fee``.

    ``executed`` is in what the order names exactly. An order may be filled several times.
    """

    order: CowOrder
    executed: int
    sold: int
    bought: int
    fee: int


@dataclass(frozen=True, slots=True)
class CowBatch:
    """One settlement: what it does for its orders, in the order of its trades."""

    fills: tuple[CowFill, ...]


Asked = RouterCall | CowBatch
