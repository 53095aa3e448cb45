"""CoW orders by themselves: ids as a node signs them, amounts as the contract rounds them, bent calls."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cow_world import SETTLE_TYPES, SWAP_TYPES
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st
from rpc_world.anvil import CHAIN_ID

from ingest.calldata.abi import CallDataError
from ingest.cow_calls import MAX_BYTES, SETTLE, SWAP, calls_inside, trades_of_call
from ingest.cow_orders import (
    BUYS_INTERNAL,
    EIP712,
    IS_BUY,
    IS_PARTIAL,
    SELLS_BALANCER,
    SELLS_INTERNAL,
    CowOrder,
    Executed,
    RefusedBySettlementError,
    domain_of,
    executed_at,
    signer_of,
)

A, B = "0x" + "0a" * 20, "0x" + "0b" * 20
CONTRACT = "0x" + "c0" * 20
UINTS = st.integers(0, 2**128)


def order(**changes) -> CowOrder:
    return replace(CowOrder(A, B, "0x" + "09" * 20, 1000, 90, 2**32 - 1, b"\x07" * 32, 10, 0), **changes)


# ---------------------------------------------------------------- ids and signatures


def signed_by_node(world, owner: str, one: CowOrder, sells_from: str, buys_to: str) -> bytes:
    """The signature of a node, which hashes typed data by itself."""
    fields = {
        "sellToken": ("address", one.sell_token),
        "buyToken": ("address", one.buy_token),
        "receiver": ("address", one.receiver),
        "sellAmount": ("uint256", str(one.sell_amount)),
        "buyAmount": ("uint256", str(one.buy_amount)),
        "validTo": ("uint32", one.valid_to),
        "appData": ("bytes32", "0x" + one.app_data.hex()),
        "feeAmount": ("uint256", str(one.fee_amount)),
        "kind": ("string", one.kind),
        "partiallyFillable": ("bool", one.partially_fillable),
        "sellTokenBalance": ("string", sells_from),
        "buyTokenBalance": ("string", buys_to),
    }
    domain = {
        "name": ("string", "Gnosis Protocol"),
        "version": ("string", "v2"),
        "chainId": ("uint256", CHAIN_ID),
        "verifyingContract": ("address", CONTRACT),
    }
    types = {
        name: [{"name": field, "type": kind} for field, (kind, _) in of.items()]
        for name, of in (("Order", fields), ("EIP712Domain", domain))
    }
    typed = {
        "types": types,
        "primaryType": "Order",
        "domain": {field: value for field, (_, value) in domain.items()},
        "message": {field: value for field, (_, value) in fields.items()},
    }
    return bytes.fromhex(world.chain.rpc("eth_signTypedData_v4", owner, typed)[2:])


BALANCES = {
    0: "erc20",
    SELLS_INTERNAL: "erc20",  # without the other bit it is not read
    SELLS_BALANCER: "external",
    SELLS_BALANCER | SELLS_INTERNAL: "internal",
}


@pytest.mark.parametrize("sells", BALANCES)
@pytest.mark.parametrize("buys", [0, BUYS_INTERNAL])
@pytest.mark.parametrize("kind", range(4))
def test_an_order_is_hashed_as_a_node_hashes_it_whatever_its_flags(world, sells, buys, kind):
    one, owner = order(flags=sells | buys | kind), world.users[kind]
    signature = signed_by_node(world, owner, one, BALANCES[sells], "internal" if buys else "erc20")
    assert signer_of(one.digest(domain_of(CHAIN_ID, CONTRACT)), EIP712, signature) == owner
    assert signer_of(one.digest(domain_of(CHAIN_ID, A)), EIP712, signature) != owner


@pytest.mark.parametrize("scheme", range(4))
@pytest.mark.parametrize("length", [0, 19, 21, 64, 66])
def test_a_signature_of_the_wrong_length_is_nobodys(scheme, length):
    expected = "0x" + "01" * 20 if scheme == 2 and length > 20 else None  # EIP-1271: the owner, then anything
    assert signer_of(b"\x01" * 32, scheme, b"\x01" * length) == expected


@pytest.mark.parametrize("ending", [0, 1, 26, 29, 30, 255])
def test_a_signature_that_the_chain_would_not_recover_is_nobodys(world, ending):
    signature = signed_by_node(world, world.users[0], order(), "erc20", "erc20")
    digest = order().digest(domain_of(CHAIN_ID, CONTRACT))
    assert signer_of(digest, EIP712, signature[:-1] + bytes([ending])) is None
    assert signer_of(digest, EIP712, bytes(64) + signature[-1:]) is None
    for r in range(1, 20):  # so small that the curve has points for two further endings, which the chain does not know
        assert signer_of(digest, EIP712, r.to_bytes(32, "big") + signature[32:64] + bytes([ending])) is None


# ---------------------------------------------------------------- amounts


@given(sell=UINTS, buy=UINTS, fee=UINTS, part=UINTS, sell_price=UINTS, buy_price=UINTS, flags=st.integers(0, 3))
def test_what_is_executed_keeps_the_limit_or_is_refused(sell, buy, fee, part, sell_price, buy_price, flags):
    one = order(sell_amount=sell, buy_amount=buy, fee_amount=fee, flags=flags)
    breaks_limit, too_much = sell * sell_price < buy * buy_price, part > (sell if one.kind == "sell" else buy)
    try:
        got = executed_at(one, part, sell_price, buy_price)
    except RefusedBySettlementError:
        assert breaks_limit or too_much or 0 in (sell_price, buy_price, sell, buy)
        return
    assert not breaks_limit
    assert not (too_much and one.partially_fillable)
    assert got.sold * buy <= got.bought * sell
    assert got.sold * sell_price <= got.bought * buy_price
    assert got.fee <= fee


def test_the_contracts_rounding():
    assert executed_at(order(), 5, 7, 30) == Executed(1000, 234, 10)  # 233.3 up; it sells all, whatever is said
    assert executed_at(order(flags=IS_BUY), 5, 7, 30) == Executed(385, 90, 10)  # 385.7 down
    assert executed_at(order(flags=IS_PARTIAL), 199, 7, 30) == Executed(199, 47, 1)  # 46.4 up, 1.99 down
    assert executed_at(order(flags=IS_PARTIAL | IS_BUY), 17, 7, 30) == Executed(72, 17, 1)  # 72.9 and 1.9 down


@pytest.mark.parametrize(
    ("one", "part", "prices", "why"),
    [
        (order(), 0, (8999, 100_000), "break the order's limit"),
        (order(flags=IS_PARTIAL), 1001, (1, 1), "1001 of an order of 1000"),
        (order(flags=IS_PARTIAL | IS_BUY), 91, (1, 1), "91 of an order of 90"),
        (order(), 0, (1, 0), "is 0"),
        (order(buy_amount=0, flags=IS_BUY), 0, (0, 1), "is 0"),
        (order(sell_amount=0, buy_amount=0, flags=IS_PARTIAL), 0, (1, 1), "is 0"),
    ],
)
def test_what_the_contract_would_refuse_is_refused(one, part, prices, why):
    with pytest.raises(RefusedBySettlementError, match=why):
        executed_at(one, part, *prices)


# ---------------------------------------------------------------- calls


def trade(sell=0, buy=1, flags=0, valid_to=5) -> tuple:
    return (sell, buy, A, 1000, 90, valid_to, b"\x07" * 32, 10, flags, 1000, b"\x01" * 65)


def settle(*trades: tuple, tokens=(A, B), prices=(7, 30)) -> bytes:
    return SETTLE + encode(SETTLE_TYPES, (tokens, prices, trades, [[], [(A, 0, b"\x05" * 40)], []]))


@pytest.mark.parametrize(
    ("data", "count", "why"),
    [
        (settle(trade(sell=2)), 1, "points at token 2 of 2"),
        (settle(trade(buy=2**255)), 1, "points at token"),
        (settle(trade(), prices=(7,)), 1, "points at token 1 of 1"),
        (settle(trade(), tokens=(A,)), 1, "points at token 1 of 1"),
        (settle(trade(flags=4 << 5)), 1, "names no way of signing"),
        (settle(trade()), 2, "makes 1 trades, not 2"),
        (settle(), 1, "makes 0 trades, not 1"),
        (SWAP + encode(SWAP_TYPES, ([], [A, B], trade())), 2, "makes 1 trade, not 2"),
        (SWAP + encode(SWAP_TYPES, ([], [A, B], trade(buy=2))), 1, "points at token 2 of 2"),
        (b"", 0, "neither settle nor swap"),
        (b"\x12\x34\x56\x78" + settle(trade())[4:], 1, "neither settle nor swap"),
        (settle(trade()) + bytes(MAX_BYTES), 1, "bytes, more than"),
    ],
)
def test_a_bent_call_is_refused_with_the_reason(data, count, why):
    with pytest.raises(CallDataError, match=why):
        trades_of_call(data, count)


def test_a_call_that_is_cut_before_its_trades_end_is_refused():
    """What comes after them, the interactions, is not read."""
    data, signature = settle(trade()), trade()[-1]
    end = data.index(signature) + len(signature)
    for cut in range(end):
        with pytest.raises(CallDataError):
            trades_of_call(data[:cut], 1)
    assert trades_of_call(data[:end], 1) == trades_of_call(data, 1)


def test_a_call_is_found_anywhere_in_another_ones_data_unless_that_is_too_long():
    data = b"\x01" * 7 + SETTLE + b"\x02" * 31 + settle(trade(), trade(1, 0)) + b"\x03" * 5
    assert list(calls_inside(data, 2)) == [trades_of_call(settle(trade(), trade(1, 0)), 2)]
    assert list(calls_inside(data, 1)) == []
    assert list(calls_inside(data + bytes(MAX_BYTES), 2)) == []
