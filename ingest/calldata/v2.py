"""Calls of a Uniswap v2 router and its forks (SushiSwap, QuickSwap): one swap each.

Methods are those of IUniswapV2Router01 and IUniswapV2Router02.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.calldata.abi import Args, CallDataError, selector
from ingest.calldata.steps import Frame, Fund, Move, Swap

if TYPE_CHECKING:
    from ingest.records import IntentKind

TAXED = "SupportingFeeOnTransferTokens"


@dataclass(frozen=True, slots=True)
class _Method:
    name: str
    kind: IntentKind
    native_in: bool
    native_out: bool

    @property
    def signature(self) -> str:
        amounts = "uint256" if self.native_in else "uint256,uint256"
        return f"{self.name}({amounts},address[],address,uint256)"


_SWAPS = (
    _Method("swapExactTokensForTokens", "sell", native_in=False, native_out=False),
    _Method("swapExactETHForTokens", "sell", native_in=True, native_out=False),
    _Method("swapExactTokensForETH", "sell", native_in=False, native_out=True),
    _Method("swapExactTokensForTokens" + TAXED, "sell", native_in=False, native_out=False),
    _Method("swapExactETHForTokens" + TAXED, "sell", native_in=True, native_out=False),
    _Method("swapExactTokensForETH" + TAXED, "sell", native_in=False, native_out=True),
    _Method("swapTokensForExactTokens", "buy", native_in=False, native_out=False),
    _Method("swapETHForExactTokens", "buy", native_in=True, native_out=False),
    _Method("swapTokensForExactETH", "buy", native_in=False, native_out=True),
)
_BY_SELECTOR = {selector(method.signature): method for method in _SWAPS}

_LIQUIDITY = (
    "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
    "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
    "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)",
    "removeLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
    "removeLiquidityETHSupportingFeeOnTransferTokens(address,uint256,uint256,uint256,address,uint256)",
    "removeLiquidityWithPermit(address,address,uint256,uint256,uint256,address,uint256,bool,uint8,bytes32,bytes32)",
    "removeLiquidityETHWithPermit(address,uint256,uint256,uint256,address,uint256,bool,uint8,bytes32,bytes32)",
    "removeLiquidityETHWithPermitSupportingFeeOnTransferTokens"
    "(address,uint256,uint256,uint256,address,uint256,bool,uint8,bytes32,bytes32)",
)
_NO_TRADE = {selector(signature) for signature in _LIQUIDITY}


def read(frame: Frame, data: bytes) -> None:
    """Adds the steps of a call to its frame.

    Raises:
        CallDataError: It is no call of a known method, or its arguments cannot be read.
    """
    method = _BY_SELECTOR.get(data[:4])
    if method is None:
        if data[:4] in _NO_TRADE:
            return
        raise CallDataError(f"calls the unknown method 0x{data[:4].hex()}")
    args = Args(data[4:])
    if method.native_in:
        first, second = (frame.value_wei, args.uint(0)) if method.kind == "sell" else (args.uint(0), frame.value_wei)
    else:
        first, second = args.uint(0), args.uint(1)
    place = 1 if method.native_in else 2
    amount_in, amount_out = (first, second) if method.kind == "sell" else (second, first)
    path, recipient = args.addresses(place), args.address(place + 1)
    if method.native_in:
        frame.add(Fund(frame.router, path[0], frame.value_wei))
    frame.add(
        Swap(
            method=method.name,
            kind=method.kind,
            path=path,
            fees_pips=(),
            amount_in=amount_in,
            amount_out=amount_out,
            payer=frame.router if method.native_in else frame.sender,
            recipient=frame.router if method.native_out else recipient,
            deadline_ts=args.uint(place + 2),
            never_partial=method.kind == "sell",
            balance_checked=method.name.endswith(TAXED) and not method.native_out,
        )
    )
    if method.native_out:
        frame.add(Move(frame.router, path[-1], recipient, 0, unwrapped=True))
