"""Orders of CoW Protocol: what a trader signs, the id that commits to it, and what a settlement must give for it.

The hashes follow EIP-712 and the contracts' GPv2Order and GPv2Signing, the amounts GPv2Settlement, of which every chain
has the same. A mistake here cannot go unnoticed: ids and amounts are compared with those that the contract logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from coincurve import PublicKey
from eth_hash.auto import keccak

if TYPE_CHECKING:
    from ingest.records import IntentKind

NATIVE_COIN = "0x" + "ee" * 20  # what an order names as bought that buys the chain's own coin
TO_OWNER = "0x" + "00" * 20  # a receiver that stands for the owner

IS_BUY, IS_PARTIAL, SELLS_INTERNAL, SELLS_BALANCER, BUYS_INTERNAL, SCHEME_SHIFT = 1, 2, 4, 8, 16, 5
EIP712, ETH_SIGN, EIP1271, PRE_SIGN = range(4)

_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_ORDER_TYPE = keccak(
    b"Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,uint32 validTo,"
    b"bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,string sellTokenBalance,"
    b"string buyTokenBalance)"
)
_SELL, _BUY, _ERC20, _EXTERNAL, _INTERNAL = map(keccak, (b"sell", b"buy", b"erc20", b"external", b"internal"))
_SIGNED_MESSAGE = b"\x19Ethereum Signed Message:\n32"
_ADDRESS_BYTES, _ECDSA_BYTES = 20, 65


class RefusedBySettlementError(Exception):
    """What the settlement contract would have refused, so that it cannot have happened; the text says why."""


@dataclass(frozen=True, slots=True)
class CowOrder:
    """An order as it is signed; ``flags`` are those of its trade, with the kind, the balances and how it is signed.

    A sell order's ``buy_amount`` is the least it takes for all of ``sell_amount``, a buy order's ``sell_amount`` the
    most it gives for all of ``buy_amount``; ``fee_amount`` is taken on top, in the sold token.
    """

    sell_token: str
    buy_token: str
    receiver: str
    sell_amount: int
    buy_amount: int
    valid_to: int
    app_data: bytes
    fee_amount: int
    flags: int

    @property
    def kind(self) -> IntentKind:
        """Which side is exact."""
        return "buy" if self.flags & IS_BUY else "sell"

    @property
    def partially_fillable(self) -> bool:
        """Whether several settlements may fill it, each a part; else one fills it, or none."""
        return bool(self.flags & IS_PARTIAL)

    def digest(self, domain: bytes) -> bytes:
        """What the trader signs, in the domain of a settlement contract."""
        sells_from = _ERC20
        if self.flags & SELLS_BALANCER:
            sells_from = _INTERNAL if self.flags & SELLS_INTERNAL else _EXTERNAL
        fields = (
            _ORDER_TYPE,
            _word(int(self.sell_token, 16)),
            _word(int(self.buy_token, 16)),
            _word(int(self.receiver, 16)),
            _word(self.sell_amount),
            _word(self.buy_amount),
            _word(self.valid_to),
            self.app_data,
            _word(self.fee_amount),
            _BUY if self.flags & IS_BUY else _SELL,
            _word(self.partially_fillable),
            sells_from,
            _INTERNAL if self.flags & BUYS_INTERNAL else _ERC20,
        )
        return keccak(b"\x19\x01" + domain + keccak(b"".join(fields)))


@dataclass(frozen=True, slots=True)
class Executed:
    """What one settlement took from an order and gave it; ``fee`` is taken on top of ``sold``."""

    sold: int
    bought: int
    fee: int


@lru_cache(maxsize=64)
def domain_of(chain_id: int, settlement: str) -> bytes:
    """The EIP-712 domain separator of a settlement contract."""
    name, version = keccak(b"Gnosis Protocol"), keccak(b"v2")
    return keccak(_DOMAIN_TYPE + name + version + _word(chain_id) + _word(int(settlement, 16)))


def uid_of(digest: bytes, owner: str, valid_to: int) -> bytes:
    """The id under which the contract keeps an order."""
    return digest + bytes.fromhex(owner[2:]) + valid_to.to_bytes(4, "big")


def signer_of(digest: bytes, scheme: int, signature: bytes) -> str | None:
    """Whose order a signature makes it; None where it is no signature of that scheme.

    For the first two schemes only its owner can have made it. For EIP-1271 and pre-signed orders the signature just
    names the owner, of whose consent the contract made sure.
    """
    if scheme in (EIP1271, PRE_SIGN):
        sound = len(signature) == _ADDRESS_BYTES if scheme == PRE_SIGN else len(signature) >= _ADDRESS_BYTES
        return "0x" + signature[:_ADDRESS_BYTES].hex() if sound else None
    if len(signature) != _ECDSA_BYTES or signature[-1] not in (27, 28):
        return None
    signed = keccak(_SIGNED_MESSAGE + digest) if scheme == ETH_SIGN else digest
    try:
        key = PublicKey.from_signature_and_message(signature[:-1] + bytes([signature[-1] - 27]), signed, hasher=None)
    except ValueError:
        return None
    return "0x" + keccak(key.format(compressed=False)[1:])[-_ADDRESS_BYTES:].hex()


def executed_at(order: CowOrder, executed_amount: int, sell_price: int, buy_price: int) -> Executed:
    """What an order gives and gets at a settlement's clearing prices, with the contract's rounding.

    Args:
        order: The order.
        executed_amount: Of what the order names exactly; read where it is partially fillable, else all is executed.
        sell_price: Of its sold token.
        buy_price: Of its bought token: ``sold · sell_price = bought · buy_price``, before rounding.

    Raises:
        RefusedBySettlementError: The prices break the limit, or more than all would be executed.
    """
    if order.sell_amount * sell_price < order.buy_amount * buy_price:
        raise RefusedBySettlementError("the clearing prices break the order's limit")
    size = order.sell_amount if order.kind == "sell" else order.buy_amount
    filled = executed_amount if order.partially_fillable else size
    if filled > size:
        raise RefusedBySettlementError(f"{filled} of an order of {size} would be executed")
    try:
        fee = order.fee_amount * filled // size if order.partially_fillable else order.fee_amount
        if order.kind == "sell":
            return Executed(filled, -(-filled * sell_price // buy_price), fee)
        return Executed(filled * buy_price // sell_price, filled, fee)
    except ZeroDivisionError:
        raise RefusedBySettlementError("a clearing price or an order's size is 0") from None


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
