"""Calls of the v2 routers and the two v3 routers: every method read as it was encoded, every placeholder resolved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from router_calls import (
    CALLER,
    COLLECTOR,
    DEADLINE,
    ETHER,
    FRIEND,
    ITSELF,
    SENDER,
    V2_ROUTER,
    V3_ROUTER,
    V3_ROUTER_02,
    WETH,
    A,
    B,
    C,
    call,
    decoded,
    only,
    packed,
    reason,
)

from ingest.calldata.decode import KNOWN_ROUTERS, Router, Undecodable

NODE_MODULES = Path(__file__).resolve().parents[2] / "node_modules"
TAXED = "SupportingFeeOnTransferTokens"

V2_METHODS = [
    # name, kind, pays ether, is paid ether
    ("swapExactTokensForTokens", "sell", False, False),
    ("swapExactETHForTokens", "sell", True, False),
    ("swapExactTokensForETH", "sell", False, True),
    ("swapExactTokensForTokens" + TAXED, "sell", False, False),
    ("swapExactETHForTokens" + TAXED, "sell", True, False),
    ("swapExactTokensForETH" + TAXED, "sell", False, True),
    ("swapTokensForExactTokens", "buy", False, False),
    ("swapETHForExactTokens", "buy", True, False),
    ("swapTokensForExactETH", "buy", False, True),
]


@pytest.mark.parametrize(("name", "kind", "pays_ether", "is_paid_ether"), V2_METHODS)
def test_each_v2_swap_is_read(name, kind, pays_ether, is_paid_ether):
    path = [WETH if pays_ether else A, B, WETH if is_paid_ether else C]
    if pays_ether:  # the amount in is the ether sent along
        data = call(f"{name}(uint256,address[],address,uint256)", 90, path, FRIEND, DEADLINE)
        trade = only(V2_ROUTER, data, value=100)
    else:
        amounts = (100, 90) if kind == "sell" else (90, 100)
        data = call(f"{name}(uint256,uint256,address[],address,uint256)", *amounts, path, FRIEND, DEADLINE)
        trade = only(V2_ROUTER, data)
    assert (trade.method, trade.kind, trade.path, trade.fees_pips) == (name, kind, tuple(path), ())
    assert (trade.amount_in, trade.amount_out) == (100, 90)
    assert (trade.recipient, trade.deadline_ts, trade.native_out) == (FRIEND, DEADLINE, is_paid_ether)
    assert trade.balance_checked == (name.endswith(TAXED) and not is_paid_ether)
    assert not trade.partially_fillable


@pytest.mark.parametrize("address", [address for address, router in KNOWN_ROUTERS.items() if router.family == "v2"])
def test_forks_are_read_as_the_router_they_are(address):
    data = call("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)", 2, 1, [A, B], SENDER, DEADLINE)
    assert only(address, data) == only(V2_ROUTER, data)


def default(abi_type: str):
    if abi_type.endswith("[]"):
        return [default(abi_type[:-2])] * 2
    if abi_type == "address":
        return A
    return {"bool": False, "bytes": packed(A, 500, B)}.get(abi_type, b"\1" * 32 if abi_type == "bytes32" else 7)


def abi(path: str) -> list[dict]:
    file = NODE_MODULES / path
    if not file.exists():
        pytest.skip("npm's packages are not installed")
    return [one for one in json.loads(file.read_text())["abi"] if one["type"] == "function"]


def encoded(function: dict) -> bytes:
    def kind(field: dict) -> str:
        inner = field.get("components")
        return field["type"] if inner is None else f"({','.join(map(kind, inner))})"

    def value(field: dict):
        inner = field.get("components")
        return default(field["type"]) if inner is None else tuple(map(value, inner))

    types = [kind(field) for field in function["inputs"]]
    signature = f"{function['name']}({','.join(types)})"
    return keccak(signature.encode())[:4] + encode(types, [value(field) for field in function["inputs"]])


@pytest.mark.parametrize(
    ("router", "path"),
    [
        (V2_ROUTER, "@uniswap/v2-periphery/build/IUniswapV2Router02.json"),
        (V3_ROUTER, "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json"),
    ],
)
def test_every_method_of_the_genuine_router_that_can_change_something_is_known(router, path):
    seen = 0
    for function in abi(path):
        name = function["name"]
        if function["stateMutability"] in ("view", "pure") or name in ("multicall", "uniswapV3SwapCallback"):
            continue
        answer = decoded(router, encoded(function), 7)
        assert not isinstance(answer, Undecodable), (name, answer)
        assert len(answer) == ("swap" in name or "exact" in name), name
        seen += 1
    assert seen >= 12


INPUT_SINGLE = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
OUTPUT_SINGLE = INPUT_SINGLE.replace("Input", "Output")
INPUT = "exactInput((bytes,address,uint256,uint256,uint256))"
OUTPUT = INPUT.replace("Input", "Output")
INPUT_SINGLE_02 = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"
OUTPUT_SINGLE_02 = INPUT_SINGLE_02.replace("Input", "Output")
INPUT_02 = "exactInput((bytes,address,uint256,uint256))"
OUTPUT_02 = INPUT_02.replace("Input", "Output")


@pytest.mark.parametrize("kind", ["sell", "buy"])
@pytest.mark.parametrize("second", [False, True])
def test_single_pool_swaps_are_read(kind, second):
    first, limit = (100, 90) if kind == "sell" else (90, 100)
    if second:
        signature = INPUT_SINGLE_02 if kind == "sell" else OUTPUT_SINGLE_02
        trade = only(V3_ROUTER_02, call(signature, (A, B, 500, FRIEND, first, limit, 0)))
    else:
        signature = INPUT_SINGLE if kind == "sell" else OUTPUT_SINGLE
        trade = only(V3_ROUTER, call(signature, (A, B, 500, FRIEND, DEADLINE, first, limit, 0)))
    assert (trade.kind, trade.amount_in, trade.amount_out) == (kind, 100, 90)
    assert (trade.path, trade.fees_pips, trade.recipient) == ((A, B), (500,), FRIEND)
    assert trade.deadline_ts == (None if second else DEADLINE)
    assert trade.method == ("exactInputSingle" if kind == "sell" else "exactOutputSingle")


@pytest.mark.parametrize("kind", ["sell", "buy"])
@pytest.mark.parametrize("second", [False, True])
def test_swaps_along_a_path_are_read_from_what_is_sold_to_what_is_bought(kind, second):
    first, limit = (100, 90) if kind == "sell" else (90, 100)
    path = packed(A, 500, B, 3000, C) if kind == "sell" else packed(C, 3000, B, 500, A)
    if second:
        trade = only(V3_ROUTER_02, call(INPUT_02 if kind == "sell" else OUTPUT_02, (path, FRIEND, first, limit)))
    else:
        trade = only(V3_ROUTER, call(INPUT if kind == "sell" else OUTPUT, (path, FRIEND, DEADLINE, first, limit)))
    assert (trade.kind, trade.amount_in, trade.amount_out) == (kind, 100, 90)
    assert (trade.path, trade.fees_pips, trade.recipient) == ((A, B, C), (500, 3000), FRIEND)
    assert trade.deadline_ts == (None if second else DEADLINE)


def test_a_price_limit_makes_a_swap_partially_fillable():
    assert only(V3_ROUTER, call(INPUT_SINGLE, (A, B, 500, FRIEND, DEADLINE, 100, 90, 1 << 96))).partially_fillable
    assert only(V3_ROUTER_02, call(INPUT_SINGLE_02, (A, B, 500, FRIEND, 100, 90, 1 << 96))).partially_fillable


def test_what_is_unwrapped_afterwards_goes_to_its_final_recipient_for_the_higher_minimum():
    swap = call(INPUT_SINGLE, (A, WETH, 500, ETHER, DEADLINE, 100, 80, 0))
    for least, expected in ((90, 90), (70, 80)):
        data = call("multicall(bytes[])", [swap, call("unwrapWETH9(uint256,address)", least, FRIEND)])
        trade = only(V3_ROUTER, data)
        assert (trade.recipient, trade.amount_out, trade.native_out) == (FRIEND, expected, True)
        assert trade.path == (A, WETH)


def test_what_is_left_with_the_router_is_the_routers():
    trade = only(V3_ROUTER, call(INPUT_SINGLE, (A, B, 500, ETHER, DEADLINE, 100, 80, 0)))
    assert trade.recipient == V3_ROUTER


def test_permits_and_refunds_are_no_part_of_what_is_wanted():
    permit = call("selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)", A, 1, 2, 27, b"r" * 32, b"s" * 32)
    swap = call(OUTPUT_SINGLE, (WETH, B, 500, FRIEND, DEADLINE, 90, 100, 0))
    data = call("multicall(bytes[])", [permit, swap, call("refundETH()")])
    assert only(V3_ROUTER, data, value=100) == only(V3_ROUTER, swap)
    assert decoded(V3_ROUTER, call("multicall(bytes[])", [permit])) == ()


def test_a_fee_is_taken_from_what_was_required_at_least():
    swap = call(INPUT_SINGLE, (A, B, 500, ETHER, DEADLINE, 100, 0, 0))
    sweep = call("sweepTokenWithFee(address,uint256,address,uint256,address)", B, 1_999, FRIEND, 50, COLLECTOR)
    trade = only(V3_ROUTER, call("multicall(bytes[])", [swap, sweep]))
    assert (trade.recipient, trade.amount_out) == (FRIEND, 1_999 - 1_999 * 50 // 10_000)
    assert not trade.native_unlogged

    swap = call(INPUT_SINGLE, (A, WETH, 500, ETHER, DEADLINE, 100, 0, 0))
    unwrap = call("unwrapWETH9WithFee(uint256,address,uint256,address)", 2_000, FRIEND, 100, COLLECTOR)
    trade = only(V3_ROUTER, call("multicall(bytes[])", [swap, unwrap]))
    assert (trade.amount_out, trade.native_out, trade.native_unlogged) == (1_980, True, True)


def test_a_split_is_one_trade_with_its_limits_added_up():
    path = packed(A, 500, B, 3000, C)
    swaps = [
        call(INPUT, (path, FRIEND, DEADLINE + 1, 60, 50)),
        call(INPUT_SINGLE, (A, C, 3000, FRIEND, DEADLINE, 40, 33, 0)),
    ]
    trade = only(V3_ROUTER, call("multicall(bytes[])", swaps))
    assert (trade.kind, trade.amount_in, trade.amount_out, trade.recipient) == ("sell", 100, 83, FRIEND)
    assert (trade.path, trade.fees_pips) == ((A, C), ())
    assert trade.method == "exactInput+exactInputSingle"
    assert trade.deadline_ts == DEADLINE


def test_a_split_over_pools_of_the_same_tokens_and_fee_keeps_its_path():
    swap = call(INPUT_SINGLE, (A, B, 500, FRIEND, DEADLINE, 60, 50, 0))
    trade = only(V3_ROUTER, call("multicall(bytes[])", [swap, swap]))
    assert (trade.path, trade.fees_pips, trade.amount_in, trade.amount_out) == ((A, B), (500,), 120, 100)


def test_independent_swaps_are_trades_of_their_own():
    swaps = [
        call(INPUT_SINGLE, (A, B, 500, FRIEND, DEADLINE, 100, 90, 0)),
        call(OUTPUT_SINGLE, (C, WETH, 500, FRIEND, DEADLINE, 7, 8, 0)),
        call(INPUT_SINGLE, (A, C, 500, FRIEND, DEADLINE, 50, 40, 0)),
        call(INPUT_SINGLE, (A, B, 500, FRIEND, DEADLINE, 1, 1, 0)),
    ]
    first, second, third = decoded(V3_ROUTER, call("multicall(bytes[])", swaps))
    assert (first.path, first.amount_in, first.amount_out) == ((A, B), 101, 91)
    assert (second.kind, second.path, second.amount_in, second.amount_out) == ("buy", (C, WETH), 8, 7)
    assert (third.path, third.amount_in, third.amount_out) == ((A, C), 50, 40)


def test_trades_beside_a_merged_one_keep_their_places():
    """Two sales of A for B that one sweep joins, one for C before it and one for the wrapped coin after."""
    parts = [call(INPUT_SINGLE, (A, B, 500, ETHER, DEADLINE, 10, 1, 0)) for _ in range(2)]
    other, last = (call(INPUT_SINGLE, (A, token, 500, FRIEND, DEADLINE, 4, 3, 0)) for token in (C, WETH))
    sweep = call("sweepToken(address,uint256,address)", B, 5, FRIEND)
    first, second, third = decoded(V3_ROUTER, call("multicall(bytes[])", [*parts, other, sweep, last]))
    assert (first.amount_in, first.amount_out, first.path) == (20, 5, (A, B))
    assert (second.path, third.path) == ((A, C), (A, WETH))


def test_a_minimum_for_what_two_tokens_were_sold_for_is_nobodys_own():
    swaps = [
        call(INPUT_SINGLE, (token, C, 500, ETHER, DEADLINE, amount, 1, 0)) for token, amount in ((A, 100), (B, 200))
    ]
    sweep = call("sweepToken(address,uint256,address)", C, 50, FRIEND)
    trades = decoded(V3_ROUTER, call("multicall(bytes[])", [*swaps, sweep]))
    assert [(trade.amount_in, trade.amount_out) for trade in trades] == [(100, None), (200, None)]


@pytest.mark.parametrize(
    ("signature", "values", "deadline"),
    [
        ("multicall(bytes[])", (), None),
        ("multicall(uint256,bytes[])", (DEADLINE,), DEADLINE),
        ("multicall(bytes32,bytes[])", (b"\7" * 32,), None),
    ],
)
def test_all_forms_of_multicall_of_the_second_router(signature, values, deadline):
    swap = call(INPUT_SINGLE_02, (A, B, 500, CALLER, 100, 90, 0))
    trade = only(V3_ROUTER_02, call(signature, *values, [swap]))
    assert (trade.recipient, trade.deadline_ts, trade.amount_out) == (SENDER, deadline, 90)


def test_the_first_router_knows_only_one_form_of_multicall():
    assert "unknown method" in reason(V3_ROUTER, call("multicall(uint256,bytes[])", DEADLINE, []))


def test_the_second_routers_placeholders_are_its_caller_and_itself():
    swaps = [
        call(INPUT_SINGLE_02, (A, B, 500, ITSELF, 100, 90, 0)),
        call("swapExactTokensForTokens(uint256,uint256,address[],address)", 0, 70, [B, C], CALLER),
    ]
    trade = only(V3_ROUTER_02, call("multicall(bytes[])", swaps))
    assert (trade.path, trade.fees_pips) == ((A, B, C), ())
    assert (trade.amount_in, trade.amount_out, trade.recipient) == (100, 70, SENDER)
    assert trade.method == "exactInputSingle+swapExactTokensForTokens"


def test_a_chain_through_v3_pools_keeps_its_fees():
    swaps = [
        call(INPUT_SINGLE_02, (A, B, 500, ITSELF, 100, 90, 0)),
        call(INPUT_02, (packed(B, 3000, C), FRIEND, 0, 70)),
    ]
    trade = only(V3_ROUTER_02, call("multicall(bytes[])", swaps))
    assert (trade.path, trade.fees_pips, trade.amount_in) == ((A, B, C), (500, 3000), 100)


@pytest.mark.parametrize("kind", ["sell", "buy"])
def test_the_second_routers_v2_swaps_are_read(kind):
    name = "swapExactTokensForTokens" if kind == "sell" else "swapTokensForExactTokens"
    amounts = (100, 90) if kind == "sell" else (90, 100)
    trade = only(V3_ROUTER_02, call(f"{name}(uint256,uint256,address[],address)", *amounts, [A, B], CALLER))
    assert (trade.method, trade.kind, trade.amount_in, trade.amount_out) == (name, kind, 100, 90)
    assert (trade.path, trade.recipient, trade.balance_checked) == ((A, B), SENDER, kind == "sell")


def test_what_the_second_router_sweeps_without_a_name_goes_to_its_caller():
    swap = call(INPUT_SINGLE_02, (A, WETH, 500, ITSELF, 100, 0, 0))
    for tail in (call("unwrapWETH9(uint256)", 90), call("sweepToken(address,uint256)", WETH, 90)):
        trade = only(V3_ROUTER_02, call("multicall(bytes[])", [swap, tail]))
        assert (trade.recipient, trade.amount_out) == (SENDER, 90)
    for tail in (
        call("unwrapWETH9WithFee(uint256,uint256,address)", 10_000, 100, COLLECTOR),
        call("sweepTokenWithFee(address,uint256,uint256,address)", WETH, 10_000, 100, COLLECTOR),
    ):
        trade = only(V3_ROUTER_02, call("multicall(bytes[])", [swap, tail]))
        assert (trade.recipient, trade.amount_out) == (SENDER, 9_900)


def test_what_was_pulled_or_wrapped_is_the_amount_in_of_a_swap_of_all_that_is_held():
    for fund, token, value in ((call("pull(address,uint256)", A, 55), A, 0), (call("wrapETH(uint256)", 55), WETH, 55)):
        swap = call(INPUT_SINGLE_02, (token, B, 500, CALLER, 0, 9, 0))
        trade = only(V3_ROUTER_02, call("multicall(bytes[])", [fund, swap]), value)
        assert (trade.amount_in, trade.amount_out, trade.path) == (55, 9, (token, B))


def test_an_amount_that_no_part_of_the_call_tells_is_unknown():
    trade = only(V3_ROUTER_02, call(INPUT_SINGLE_02, (A, B, 500, CALLER, 0, 9, 0)))
    assert trade.amount_in is None


def test_calls_that_trade_nothing_want_nothing():
    liquidity = "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)"
    assert decoded(V2_ROUTER, call(liquidity, A, 1, 1, 1, SENDER, DEADLINE), 5) == ()
    assert decoded(V2_ROUTER, b"", 5) == ()


def test_other_contracts_are_nobodys_routers():
    data = call("swapExactTokensForTokens(uint256,uint256,address[],address,uint256)", 2, 1, [A, B], SENDER, DEADLINE)
    assert decoded(FRIEND, data) is None
    own = {FRIEND: Router("a fork on a test chain", "v2")}
    assert only(FRIEND, data, routers=own) == only(V2_ROUTER, data)


def test_liquidity_in_between_is_not_taken_for_a_trade():
    swap = call(INPUT_SINGLE_02, (A, B, 500, ITSELF, 100, 90, 0))
    mint = call(
        "mint((address,address,uint24,int24,int24,uint256,uint256,address))", (A, B, 500, -10, 10, 1, 1, SENDER)
    )
    assert "unknown method" in reason(V3_ROUTER_02, call("multicall(bytes[])", [swap, mint]))
