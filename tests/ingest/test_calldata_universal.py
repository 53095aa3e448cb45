"""Calls of the Universal Router: its commands put together to what the sender wanted from end to end."""

from __future__ import annotations

import pytest
from router_calls import (
    CALLER,
    COLLECTOR,
    DEADLINE,
    ETHER,
    FRIEND,
    HELD,
    ITSELF,
    PAIR,
    SENDER,
    SWAP,
    UNIVERSAL_1,
    UNIVERSAL_1_2,
    UNIVERSAL_2,
    V2_SWAP,
    WETH,
    A,
    B,
    C,
    arguments,
    decoded,
    execute,
    only,
    packed,
    plan,
    reason,
)

from ingest.calldata.decode import Router

V3_IN, V3_OUT, V2_IN, V2_OUT = 0x00, 0x01, 0x08, 0x09
TRANSFER_FROM, PERMIT_BATCH, SWEEP, TRANSFER, PORTION = 0x02, 0x03, 0x04, 0x05, 0x06
PERMIT, WRAP, UNWRAP, TRANSFERS_FROM, BALANCE_CHECK, V4, SUB_PLAN = 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x10, 0x21
PAY = "address,address,uint256"
NATIVE = "address,uint256"


def v3_in(amount, least, *path, to=CALLER, by_sender=True):
    return (V3_IN, SWAP, to, amount, least, packed(*path), by_sender)


def v2_in(amount, least, *path, to=CALLER, by_sender=True):
    return (V2_IN, V2_SWAP, to, amount, least, list(path), by_sender)


def v3_out(amount, most, *path, to=CALLER, by_sender=True):
    return (V3_OUT, SWAP, to, amount, most, packed(*path), by_sender)


def v2_out(amount, most, *path, to=CALLER, by_sender=True):
    return (V2_OUT, V2_SWAP, to, amount, most, list(path), by_sender)


@pytest.mark.parametrize("router", [UNIVERSAL_1, UNIVERSAL_1_2, UNIVERSAL_2])
@pytest.mark.parametrize("deadline", [None, DEADLINE])
def test_each_swap_command_is_read(router, deadline):
    cases = [
        (v3_in(100, 90, A, 500, B, 3000, C), "sell", "V3_SWAP_EXACT_IN", (500, 3000)),
        (v2_in(100, 90, A, B, C), "sell", "V2_SWAP_EXACT_IN", ()),
        (v3_out(90, 100, C, 3000, B, 500, A), "buy", "V3_SWAP_EXACT_OUT", (500, 3000)),
        (v2_out(90, 100, A, B, C), "buy", "V2_SWAP_EXACT_OUT", ()),
    ]
    for command, kind, method, fees in cases:
        trade = only(router, execute(command, deadline=deadline))
        assert (trade.kind, trade.method, trade.path, trade.fees_pips) == (kind, method, (A, B, C), fees)
        assert (trade.amount_in, trade.amount_out) == (100, 90)
        assert (trade.recipient, trade.deadline_ts) == (SENDER, deadline)
        assert not trade.may_fail


def test_placeholders_stand_for_the_sender_and_the_router():
    assert only(UNIVERSAL_2, execute(v2_in(100, 90, A, B, to=FRIEND))).recipient == FRIEND
    assert only(UNIVERSAL_2, execute(v2_in(100, 90, A, B, to=CALLER))).recipient == SENDER
    assert only(UNIVERSAL_2, execute(v2_in(100, 90, A, B, to=ITSELF))).recipient == UNIVERSAL_2


def test_permits_and_checks_are_no_part_of_what_is_wanted():
    details = (A, 1 << 150, DEADLINE, 0)
    permit = (PERMIT, "((address,uint160,uint48,uint48),address,uint256),bytes", (details, UNIVERSAL_2, 1), b"s" * 65)
    batch = (PERMIT_BATCH, "((address,uint160,uint48,uint48)[],address,uint256),bytes", ([details], A, 1), b"s" * 65)
    check = (BALANCE_CHECK, PAY, SENDER, A, 5)
    swap = v3_in(100, 90, A, 500, B)
    assert only(UNIVERSAL_2, execute(permit, batch, swap, check)) == only(UNIVERSAL_2, execute(swap))
    assert decoded(UNIVERSAL_2, execute(permit)) == ()


def test_wrapped_ether_is_what_a_sale_sells():
    trade = only(UNIVERSAL_2, execute((WRAP, NATIVE, ITSELF, 100), v2_in(100, 90, WETH, B, by_sender=False)), value=100)
    assert (trade.path, trade.amount_in, trade.amount_out) == ((WETH, B), 100, 90)
    whole = only(
        UNIVERSAL_2,
        execute((WRAP, NATIVE, ITSELF, HELD), v3_in(HELD, 90, WETH, 500, B, by_sender=False)),
        value=100,
    )
    assert (whole.path, whole.amount_in) == ((WETH, B), 100)


def test_a_purchase_spends_at_most_what_was_wrapped_and_its_refund_is_no_outcome():
    for most, expected in ((100, 100), ((1 << 256) - 1, 120)):
        trade = only(
            UNIVERSAL_2,
            execute(
                (WRAP, NATIVE, ITSELF, 120),
                v3_out(90, most, B, 500, WETH, by_sender=False),
                (UNWRAP, NATIVE, CALLER, 0),
            ),
            value=120,
        )
        assert (trade.kind, trade.amount_in, trade.amount_out) == ("buy", expected, 90)
        assert (trade.path, trade.recipient, trade.native_out) == ((WETH, B), SENDER, False)


def test_what_is_unwrapped_goes_to_its_final_recipient():
    trade = only(UNIVERSAL_2, execute(v3_in(100, 0, A, 500, WETH, to=ITSELF), (UNWRAP, NATIVE, FRIEND, 90)))
    assert (trade.path, trade.amount_out, trade.recipient, trade.native_out) == ((A, WETH), 90, FRIEND, True)
    assert not trade.native_unlogged
    assert not trade.balance_checked


def test_a_split_over_v2_and_v3_is_one_trade_limited_by_the_final_sweep():
    parts = [v2_in(60, 0, A, B, to=ITSELF), v3_in(40, 0, A, 500, B, to=ITSELF)]
    trade = only(UNIVERSAL_2, execute(*parts, (SWEEP, PAY, B, CALLER, 90)))
    assert (trade.kind, trade.amount_in, trade.amount_out, trade.recipient) == ("sell", 100, 90, SENDER)
    assert (trade.path, trade.fees_pips) == ((A, B), ())
    assert trade.method == "V2_SWAP_EXACT_IN+V3_SWAP_EXACT_IN"


def test_a_split_purchase_adds_up_what_it_buys_and_what_it_may_cost():
    parts = [
        v2_out(60, 70, WETH, B, by_sender=False, to=ITSELF),
        v3_out(30, 40, B, 500, WETH, by_sender=False, to=ITSELF),
    ]
    trade = only(
        UNIVERSAL_2,
        execute((WRAP, NATIVE, ITSELF, 100), *parts, (SWEEP, PAY, B, FRIEND, 90), (UNWRAP, NATIVE, CALLER, 0)),
        value=100,
    )
    assert (trade.kind, trade.amount_in, trade.amount_out, trade.recipient) == ("buy", 100, 90, FRIEND)


@pytest.mark.parametrize("last", [v2_in(HELD, 70, B, C, by_sender=False), v3_in(HELD, 70, B, 500, C, by_sender=False)])
def test_a_route_through_both_kinds_of_pool_is_one_chain(last):
    trade = only(UNIVERSAL_2, execute(v3_in(100, 0, A, 500, B, to=ITSELF), last))
    assert (trade.path, trade.amount_in, trade.amount_out, trade.recipient) == ((A, B, C), 100, 70, SENDER)
    assert trade.fees_pips == ((500, 500) if last[0] == V3_IN else ())


def test_a_pair_that_was_paid_before_goes_on_with_the_chain():
    trade = only(UNIVERSAL_2, execute(v3_in(100, 0, A, 500, B, to=PAIR), v2_in(0, 70, B, C, by_sender=False)))
    assert (trade.path, trade.amount_in, trade.amount_out, trade.recipient) == ((A, B, C), 100, 70, SENDER)
    permit2 = (TRANSFER_FROM, "address,address,uint160", B, PAIR, 55)
    trade = only(UNIVERSAL_2, execute(permit2, v2_in(0, 70, B, C, by_sender=False)))
    assert (trade.path, trade.amount_in) == ((B, C), 55)
    assert "nobody paid" in reason(UNIVERSAL_2, execute(v2_in(0, 70, B, C, by_sender=False)))


def test_splits_that_meet_in_the_middle_are_one_trade():
    parts = [v2_in(60, 0, A, B, to=ITSELF), v3_in(40, 0, A, 500, B, to=ITSELF)]
    trade = only(UNIVERSAL_2, execute(*parts, v3_in(HELD, 70, B, 500, C, by_sender=False)))
    assert (trade.path, trade.fees_pips, trade.amount_in, trade.amount_out) == ((A, C), (), 100, 70)


def test_a_part_by_way_of_another_token_joins_one_that_goes_straight():
    parts = [v3_in(50, 0, A, 500, C, to=ITSELF), v3_in(60, 0, A, 500, B, to=ITSELF)]
    middle = v3_in(55, 0, B, 500, C, by_sender=False, to=ITSELF)
    trade = only(UNIVERSAL_2, execute(*parts, middle, (SWEEP, PAY, C, CALLER, 90)))
    assert (trade.path, trade.amount_in, trade.amount_out) == ((A, C), 110, 90)


def test_two_chains_through_one_token_are_two_trades():
    chains = [
        step
        for first, last, amount in ((A, C, 100), (WETH, FRIEND, 7))
        for step in (v3_in(amount, 0, first, 500, B, to=ITSELF), v3_in(HELD, 1, B, 500, last, by_sender=False))
    ]
    first, second = decoded(UNIVERSAL_2, execute(*chains))
    assert (first.path, first.amount_in) == ((A, B, C), 100)
    assert (second.path, second.amount_in) == ((WETH, B, FRIEND), 7)


def test_what_a_chain_left_over_does_not_join_it_with_a_sale_for_the_same_token():
    steps = [
        v3_in(10, 0, A, 500, B, to=ITSELF),
        v3_in(5, 4, B, 500, C, by_sender=False),
        v3_in(7, 6, A, 500, B, to=ITSELF),
    ]
    first, second = decoded(UNIVERSAL_2, execute(*steps, (SWEEP, PAY, B, CALLER, 0)))
    assert (first.path, first.amount_in, first.amount_out) == ((A, B, C), 10, 4)
    assert (second.path, second.amount_in, second.amount_out) == ((A, B), 7, 6)


def test_the_pair_paid_last_goes_on_not_another_recipient():
    steps = [v3_in(10, 9, A, 500, B, to=FRIEND), v3_in(8, 0, C, 500, B, to=PAIR), v2_in(0, 7, B, WETH, by_sender=False)]
    first, second = decoded(UNIVERSAL_2, execute(*steps))
    assert (first.path, first.recipient) == ((A, B), FRIEND)
    assert (second.path, second.amount_in, second.amount_out) == ((C, B, WETH), 8, 7)


def test_what_the_sender_holds_is_the_senders_own():
    first, second = decoded(UNIVERSAL_2, execute(v3_in(10, 9, A, 500, B), v3_in(8, 7, B, 500, C)))
    assert [(trade.path, trade.amount_in) for trade in (first, second)] == [((A, B), 10), ((B, C), 8)]


def test_a_fee_on_what_two_trades_bought_is_rounded_against_each():
    steps = [v3_in(10, 99, token, 500, C, to=ITSELF) for token in (A, B)]
    trades = decoded(UNIVERSAL_2, execute(*steps, (PORTION, PAY, C, COLLECTOR, 100), (SWEEP, PAY, C, CALLER, 0)))
    assert [trade.amount_out for trade in trades] == [98, 98]


def test_an_interface_fee_on_what_was_bought_lowers_what_is_due_at_least():
    swap = v3_in(100, 20_001, A, 500, B, to=ITSELF)
    fee = (PORTION, PAY, B, COLLECTOR, 15)
    trade = only(UNIVERSAL_2, execute(swap, fee, (SWEEP, PAY, B, CALLER, 0)))
    assert trade.amount_out == 20_001 - 20_001 * 15 // 10_000
    trade = only(UNIVERSAL_2, execute(swap, fee, (SWEEP, PAY, B, CALLER, 19_990)))
    assert (trade.amount_out, trade.recipient) == (19_990, SENDER)
    flat = (TRANSFER, PAY, B, COLLECTOR, 7)
    assert only(UNIVERSAL_2, execute(swap, flat, (SWEEP, PAY, B, CALLER, 0))).amount_out == 19_994


def test_a_fee_in_ether_leaves_no_log():
    swap, unwrap = v3_in(100, 1_000, A, 500, WETH, to=ITSELF), (UNWRAP, NATIVE, ITSELF, 900)
    sweep = (SWEEP, PAY, ETHER, CALLER, 0)
    trade = only(UNIVERSAL_2, execute(swap, unwrap, (PORTION, PAY, ETHER, COLLECTOR, 100), sweep))
    assert (trade.amount_out, trade.recipient) == (990, SENDER)
    assert trade.native_out
    assert trade.native_unlogged
    assert not only(UNIVERSAL_2, execute(swap, unwrap, sweep)).native_unlogged


def test_a_fee_on_what_is_sold_is_a_part_of_what_is_sold():
    pull = (TRANSFER_FROM, "address,address,uint160", A, ITSELF, 1_000)
    for fee in ((TRANSFER, PAY, A, COLLECTOR, 20), (PORTION, PAY, A, COLLECTOR, 200)):
        trade = only(UNIVERSAL_2, execute(pull, fee, v3_in(HELD, 90, A, 500, B, by_sender=False)))
        assert (trade.amount_in, trade.amount_out) == (1_000, 90)
        trade = only(UNIVERSAL_2, execute(pull, fee, v3_in(980, 90, A, 500, B, by_sender=False)))
        assert trade.amount_in == 1_000
    settle = (SETTLE, "address,uint256,bool", A, HELD, False)
    action = (0x07, ALONG, (A, [hop(B)], 0, 90))
    trade = only(
        UNIVERSAL_2, execute(pull, (TRANSFER, PAY, A, COLLECTOR, 20), v4(settle, action, (TAKE_ALL, NATIVE, B, 0)))
    )
    assert (trade.amount_in, trade.amount_out) == (1_000, 90)
    fee = (PORTION, PAY, ETHER, COLLECTOR, 200)
    trade = only(
        UNIVERSAL_2,
        execute(fee, (WRAP, NATIVE, ITSELF, 980), v2_in(980, 90, WETH, B, by_sender=False)),
        value=1_000,
    )
    assert (trade.amount_in, trade.native_unlogged) == (1_000, True)


def test_what_is_paid_to_the_sender_in_two_ways_is_added_up():
    swap = v3_in(100, 50, A, 500, B, to=ITSELF)
    trade = only(UNIVERSAL_2, execute(swap, (TRANSFER, PAY, B, CALLER, 20), (SWEEP, PAY, B, CALLER, 40)))
    assert (trade.amount_out, trade.recipient) == (60, SENDER)
    trade = only(UNIVERSAL_2, execute(swap, (TRANSFER, PAY, B, CALLER, 20)))
    assert (trade.amount_out, trade.recipient) == (20, SENDER)
    trade = only(UNIVERSAL_2, execute(swap, (TRANSFER, PAY, B, FRIEND, HELD)))
    assert (trade.amount_out, trade.recipient) == (50, FRIEND)
    swap, unwrap = v3_in(100, 50, A, 500, WETH, to=ITSELF), (UNWRAP, NATIVE, ITSELF, 50)
    trade = only(UNIVERSAL_2, execute(swap, unwrap, (TRANSFER, PAY, ETHER, CALLER, 20), (SWEEP, PAY, ETHER, CALLER, 0)))
    assert (trade.amount_out, trade.native_unlogged) == (50, False)


def test_tokens_that_permit2_brought_are_what_is_sold():
    transfers = (
        TRANSFERS_FROM,
        "(address,address,uint160,address)[]",
        [(SENDER, ITSELF, 30, A), (SENDER, ITSELF, 25, A)],
    )
    trade = only(UNIVERSAL_2, execute(transfers, v3_in(HELD, 90, A, 500, B, by_sender=False)))
    assert trade.amount_in == 55
    stolen = (TRANSFERS_FROM, "(address,address,uint160,address)[]", [(FRIEND, ITSELF, 30, A)])
    assert "somebody else" in reason(UNIVERSAL_2, execute(stolen))


def test_a_plan_within_the_plan_is_a_part_of_it_and_may_fail_alone_if_it_says_so():
    inner = plan(v2_in(60, 50, A, B), v3_in(40, 30, A, 500, B))
    for byte, may_fail in ((SUB_PLAN, False), (SUB_PLAN | 0x80, True)):
        for router in (UNIVERSAL_1_2, UNIVERSAL_2):
            trade = only(router, execute((byte, "bytes,bytes[]", *inner)))
            assert (trade.amount_in, trade.amount_out, trade.may_fail) == (100, 80, may_fail)
    assert "0x21" in reason(UNIVERSAL_1, execute((SUB_PLAN, "bytes,bytes[]", *inner)))


def test_the_bit_that_allows_failure_changes_nothing_for_a_swap():
    command = v2_in(60, 50, A, B)
    marked = (command[0] | 0x80, *command[1:])
    assert only(UNIVERSAL_2, execute(marked)) == only(UNIVERSAL_2, execute(command))


def test_a_round_trip_ends_in_the_token_it_began_with():
    trade = only(
        UNIVERSAL_2, execute(v3_in(100, 0, A, 500, B, to=ITSELF), v3_in(HELD, 101, B, 3000, A, by_sender=False))
    )
    assert (trade.path, trade.amount_in, trade.amount_out) == ((A, B, A), 100, 101)


UNCLEAR = {
    "sells several": (
        (TRANSFER_FROM, "address,address,uint160", B, ITSELF, 10),
        v3_in(1, 0, A, 500, B, to=ITSELF),
        v3_in(HELD, 0, B, 500, C, by_sender=False),
    ),
    "several tokens for one": (
        v3_in(1, 0, A, 500, C, to=ITSELF),
        v3_in(1, 0, B, 500, C, to=ITSELF),
        v3_in(HELD, 0, C, 500, WETH, by_sender=False),
    ),
    "one token for several": (
        v3_in(9, 0, A, 500, B, to=ITSELF),
        v3_in(4, 0, B, 500, C, by_sender=False),
        v3_in(5, 0, B, 500, WETH, by_sender=False),
    ),
    "exact amount in with an exact amount out": (
        v3_in(9, 0, A, 500, B, to=ITSELF),
        v3_out(4, 9, C, 500, B, by_sender=False),
    ),
    "several addresses": (
        v3_in(9, 9, A, 500, B, to=ITSELF),
        v3_in(4, 1, B, 500, C, by_sender=False, to=FRIEND),
        v3_in(5, 1, B, 500, C, by_sender=False, to=COLLECTOR),
    ),
    "parts": ((PORTION, PAY, A, COLLECTOR, 10_001),),
    "0x07": ((0x07, PAY, A, COLLECTOR, 1),),
    "0x13": (v3_in(9, 9, A, 500, B), (0x13, "uint256", 1)),
}


@pytest.mark.parametrize("why", UNCLEAR)
def test_what_is_no_trade_of_one_token_for_one_is_said_to_be_none(why):
    assert why in reason(UNIVERSAL_2, execute(*UNCLEAR[why]))


def test_inputs_must_match_the_commands():
    commands, inputs = plan(v2_in(60, 50, A, B))
    data = execute()[:4] + arguments("bytes,bytes[],uint256", commands * 2, inputs, DEADLINE)
    assert "1 inputs for 2 commands" in reason(UNIVERSAL_2, data)


def test_the_first_generations_nft_commands_are_not_taken_for_v4_swaps():
    for router in (UNIVERSAL_1, UNIVERSAL_1_2):
        assert "0x10" in reason(router, execute((V4, "uint256,bytes", 5, b"")))


# v4

KEY = "(address,address,uint24,int24,address)"
SINGLE = f"({KEY},bool,uint128,uint128,bytes)"
HOPS = "(address,uint24,int24,address,bytes)[]"
ALONG = f"(address,{HOPS},uint128,uint128)"
SETTLE, SETTLE_ALL, TAKE, TAKE_ALL, TAKE_PORTION = 0x0B, 0x0C, 0x0E, 0x0F, 0x10


def v4(*actions):
    return (V4, "bytes,bytes[]", *plan(*actions))


def hop(token, fee=500):
    return (token, fee, 10, ETHER, b"hook data")


def key(one, other, fee=500):
    return (*sorted((one, other)), fee, 10, ETHER)


@pytest.mark.parametrize(
    ("action", "kind", "amounts"),
    [
        ((0x06, SINGLE, (key(A, B), True, 100, 90, b"")), "sell", (100, 90)),
        ((0x08, SINGLE, (key(A, B), True, 90, 100, b"")), "buy", (100, 90)),
        ((0x07, ALONG, (A, [hop(C, 100), hop(B, 3000)], 100, 90)), "sell", (100, 90)),
        ((0x09, ALONG, (B, [hop(A, 100), hop(C, 3000)], 90, 100)), "buy", (100, 90)),
    ],
)
def test_each_v4_swap_is_read(action, kind, amounts):
    orders = [action, (SETTLE_ALL, NATIVE, A, 100), (TAKE_ALL, NATIVE, B, 0)]
    trade = only(UNIVERSAL_2, execute(v4(*orders)))
    assert (trade.kind, (trade.amount_in, trade.amount_out), trade.recipient) == (kind, amounts, SENDER)
    single = action[0] in (0x06, 0x08)
    assert trade.path == ((A, B) if single else (A, C, B))
    assert trade.fees_pips == ((500,) if single else (100, 3000))
    assert not trade.native_unlogged


def test_a_v4_swap_against_the_order_of_its_pool():
    action = (0x06, SINGLE, (key(A, B), False, 100, 90, b""))
    trade = only(
        UNIVERSAL_2, execute(v4(action, (SETTLE, "address,uint256,bool", B, 0, True), (TAKE_ALL, NATIVE, A, 95)))
    )
    assert (trade.path, trade.amount_in, trade.amount_out) == ((B, A), 100, 95)


def test_the_native_coin_of_v4_counts_as_the_wrapped_token_and_leaves_no_log():
    action = (0x06, SINGLE, (key(ETHER, B), True, 100, 90, b""))
    settle, take = (SETTLE, "address,uint256,bool", ETHER, 0, False), (TAKE, PAY, B, FRIEND, 0)
    trade = only(UNIVERSAL_2, execute(v4(action, settle, take)), value=100)
    assert (trade.path, trade.amount_in, trade.amount_out) == ((WETH, B), 100, 90)
    assert (trade.recipient, trade.native_unlogged, trade.native_out) == (FRIEND, True, False)
    action = (0x07, ALONG, (B, [hop(ETHER)], 100, 90))
    trade = only(UNIVERSAL_2, execute(v4(action, (SETTLE_ALL, NATIVE, B, 100), (TAKE_ALL, NATIVE, ETHER, 0))))
    assert (trade.path, trade.native_unlogged, trade.native_out) == ((B, WETH), True, True)


def test_a_fee_of_v4s_own_lowers_what_is_due_at_least():
    action = (0x06, SINGLE, (key(A, B), True, 100, 1_000, b""))
    settle, portion = (SETTLE_ALL, NATIVE, A, 100), (TAKE_PORTION, PAY, B, COLLECTOR, 25)
    trade = only(UNIVERSAL_2, execute(v4(action, settle, portion, (TAKE, PAY, B, CALLER, 0))))
    assert (trade.amount_out, trade.recipient) == (998, SENDER)


def test_a_route_from_v3_into_v4_is_one_chain():
    settle = (SETTLE, "address,uint256,bool", B, HELD, False)
    action = (0x07, ALONG, (B, [hop(C, 100)], 0, 70))
    take = (TAKE, PAY, C, CALLER, 0)
    for order in ([settle, action, take], [action, settle, take]):
        trade = only(UNIVERSAL_2, execute(v3_in(100, 0, A, 500, B, to=ITSELF), v4(*order)))
        assert (trade.path, trade.fees_pips) == ((A, B, C), (500, 100))
        assert (trade.amount_in, trade.amount_out, trade.recipient) == (100, 70, SENDER)


def test_a_route_from_v4_into_v2_is_one_chain():
    action = (0x06, SINGLE, (key(A, B), True, 100, 1, b""))
    orders = [action, (SETTLE_ALL, NATIVE, A, 100), (TAKE, PAY, B, ITSELF, 0)]
    trade = only(UNIVERSAL_2, execute(v4(*orders), v2_in(HELD, 70, B, C, by_sender=False)))
    assert (trade.path, trade.amount_in, trade.amount_out) == ((A, B, C), 100, 70)


def test_a_split_over_v3_and_v4_is_one_trade():
    action = (0x06, SINGLE, (key(A, B), True, 40, 0, b""))
    orders = [action, (SETTLE_ALL, NATIVE, A, 40), (TAKE, PAY, B, ITSELF, 0)]
    trade = only(UNIVERSAL_2, execute(v3_in(60, 0, A, 500, B, to=ITSELF), v4(*orders), (SWEEP, PAY, B, CALLER, 90)))
    assert (trade.amount_in, trade.amount_out, trade.path) == (100, 90, (A, B))


def test_the_amount_paid_in_before_is_what_a_v4_swap_of_all_sells():
    settle = (SETTLE, "address,uint256,bool", A, 55, True)
    action = (0x07, ALONG, (A, [hop(B)], 0, 70))
    trade = only(UNIVERSAL_2, execute(v4(settle, action, (TAKE_ALL, NATIVE, B, 0))))
    assert (trade.amount_in, trade.amount_out) == (55, 70)


def test_a_fee_that_a_hook_sets_is_not_named():
    action = (0x06, SINGLE, (key(A, B, 1 << 23), True, 100, 90, b""))
    trade = only(UNIVERSAL_2, execute(v4(action, (SETTLE_ALL, NATIVE, A, 100), (TAKE_ALL, NATIVE, B, 0))))
    assert trade.fees_pips == ()


def test_a_v4_trade_whose_output_nobody_takes_is_no_trade():
    action = (0x06, SINGLE, (key(A, B), True, 100, 90, b""))
    assert "pool manager" in reason(UNIVERSAL_2, execute(v4(action, (SETTLE_ALL, NATIVE, A, 100))))
    assert "0x02" in reason(UNIVERSAL_2, execute(v4((0x02, "uint256", 1))))


def test_a_later_generation_names_limits_of_the_hops_before_the_amounts():
    router = {FRIEND: Router("Universal Router 2.1", "universal-2.1")}
    along = f"(address,{HOPS},uint256[],uint128,uint128)"
    action = (0x07, along, (A, [hop(B)], [7], 100, 90))
    orders = v4(action, (SETTLE_ALL, NATIVE, A, 100), (TAKE_ALL, NATIVE, B, 0))
    trade = only(FRIEND, execute(orders), routers=router)
    assert (trade.path, trade.amount_in, trade.amount_out) == ((A, B), 100, 90)
    swap = (V3_IN, "address,uint256,uint256,bytes,bool,uint256[]", CALLER, 100, 90, packed(A, 500, B), True, [7])
    assert only(FRIEND, execute(swap), routers=router) == only(UNIVERSAL_2, execute(v3_in(100, 90, A, 500, B)))
