"""The pools by themselves: what they can be built at, how events are matched, what the router and fee changes do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from ingest.errors import InputError
from ingest.records import LiquidityEvent, Pool, PoolState, Swap, TickLiquidity, Token
from verify import slots
from verify.abi import selector, word
from verify.evm import Reverted
from verify.npm import artifact
from verify.venues import OPERATOR, SwapResult
from verify.venues.ranges import liquidity_ranges, positions_needed
from verify.venues.v2 import amount_out
from verify.world import World, accounts

USD = Token("0x" + "a0" * 20, "USD", 6)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
V3 = Pool("v3", 1, "0x" + "b3" * 20, USD, ETH, fee_pips=500, tick_spacing=10)
V2 = Pool("v2", 1, "0x" + "b2" * 20, USD, ETH, fee_pips=3000)
PRICE, TICK, DEPTH = 1662995104975155420368771254341874, 199045, 12 * 10**18


def ticks(*pairs: tuple[int, int]) -> tuple[TickLiquidity, ...]:
    return tuple(TickLiquidity(tick, net) for tick, net in pairs)


def v3_state(**changes) -> PoolState:
    return replace(
        PoolState(
            V3,
            None,
            sqrt_price_x96=PRICE,
            tick=TICK,
            liquidity=DEPTH,
            ticks=ticks((198000, DEPTH), (199040, 5), (199050, -5 - DEPTH // 3), (200000, -(DEPTH - DEPTH // 3))),
        ),
        **({"liquidity": DEPTH + 5} | changes),
    )


def v2_state(**changes) -> PoolState:
    return replace(PoolState(V2, None, reserve0=30_000_000 * 10**6, reserve1=13_200 * 10**18), **changes)


def swap_event(world: World, zero_for_one: bool, amounts: tuple[int, int], **changes) -> Swap:
    """The event of a swap that has just been made."""
    v3 = world.state.pool.kind == "v3"
    balances = world.capture()
    amount0, amount1 = amounts if zero_for_one else amounts[::-1]
    fields = {
        "sqrt_price_x96": world.price() if v3 else None,
        "liquidity": world.liquidity() if v3 else None,
        "tick": world.tick(),
        "reserve0": None if v3 else balances[world.balance_key(world.token0, world.pool)],
        "reserve1": None if v3 else balances[world.balance_key(world.token1, world.pool)],
    }
    return Swap(0, 100, 1200, "0x" + "01" * 32, 0, 0, amount0, amount1, world.fee_pips, **(fields | changes))


def liquidity_event(kind: str, lower: int, upper: int, liquidity: int, amount0: int = 0, amount1: int = 0):
    return LiquidityEvent(0, kind, 100, 1200, "0x" + "01" * 32, 0, 0, None, lower, upper, liquidity, amount0, amount1)


# ---------------------------------------------------------------- which positions a tick table needs


def test_runs_of_equal_liquidity_become_one_position_each():
    assert liquidity_ranges(ticks((-20, 5), (0, 2), (10, -3), (30, -4)), (), artificial_ends=False) == (
        (-20, 0, 5),
        (0, 10, 7),
        (10, 30, 4),
    )


def test_a_separate_position_takes_its_share_and_its_ticks_are_not_initialised_twice():
    # [0, 10) holds 7, of which 2 are a position that will be burnt: after that its ticks must be gone.
    table = ticks((-20, 5), (0, 2), (10, -2), (30, -5))
    assert liquidity_ranges(table, [(0, 10, 2)], artificial_ends=False) == ((0, 10, 2), (-20, 30, 5))


def test_more_than_the_table_has_is_refused_but_not_beyond_artificial_ends():
    table = ticks((-20, 5), (30, -5))
    with pytest.raises(InputError, match="from tick 0 to 10 the history removes 1 more"):
        liquidity_ranges(table, [(0, 10, 6)], artificial_ends=True)
    with pytest.raises(InputError, match="from tick -50 to -20"):
        liquidity_ranges(table, [(-50, 40, 5)], artificial_ends=False)
    assert liquidity_ranges(table, [(-50, 40, 5)], artificial_ends=True) == ((-50, 40, 5),)


def test_positions_needed_are_the_burns_that_no_mint_covers():
    events = [
        liquidity_event("burn", 0, 10, 5),
        liquidity_event("mint", 0, 10, 3),
        liquidity_event("burn", 0, 10, 4),
        liquidity_event("mint", 20, 30, 9),
        liquidity_event("burn", 20, 30, 9),
    ]
    assert positions_needed(v3_state(), events) == ((0, 10, 6),)
    assert positions_needed(v3_state(ticks=()), events) == ()  # from creation: every burn has its mint


# ---------------------------------------------------------------- building


def test_a_v3_pool_is_built_at_its_state_tick_by_tick():
    world = World.build(v3_state())
    assert (world.price(), world.tick(), world.liquidity()) == (PRICE, TICK, DEPTH + 5)
    for entry in v3_state().ticks:
        packed = world.evm.storage(world.pool, slots.v3_tick_slots(entry.tick)[0])
        assert slots.v3_tick_liquidity(packed)[1] == entry.liquidity_net
    empty = world.evm.storage(world.pool, slots.v3_tick_slots(199060)[0])
    assert slots.v3_tick_liquidity(empty) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"liquidity": DEPTH}, "liquidity"),
        ({"tick": TICK + 1}, "tick"),
        ({"sqrt_price_x96": 5}, "ticks"),
        ({"ticks": ticks((198000, DEPTH + 5), (199053, -DEPTH - 5))}, "ticks"),  # not a multiple of the spacing
    ],
)
def test_a_state_that_no_v3_pool_can_have_is_refused(changes, field):
    with pytest.raises(InputError) as caught:
        World.build(v3_state(**changes))
    assert caught.value.field == field


def test_a_pool_that_stopped_exactly_on_a_tick_from_above():
    world = World.build(v3_state())
    at_tick = 199040
    price = price_at_tick(world, at_tick)
    with world.anchor():
        stop_at(world, price)
        assert (world.price(), world.tick()) == (price, at_tick - 1)  # crossed, although the price is the tick's
        liquidity = world.liquidity()
    state = v3_state(sqrt_price_x96=price, tick=at_tick - 1, liquidity=liquidity)
    again = World.build(state)
    assert (again.price(), again.tick(), again.liquidity()) == (price, at_tick - 1, DEPTH)
    for zero_for_one, amount in ((True, 10**9), (False, 10**17)):
        with world.anchor():
            stop_at(world, price)
            expected = world.swap(zero_for_one, amount)
        assert again.quote(zero_for_one, amount) == expected


def price_at_tick(world: World, tick: int) -> int:
    """The lowest price with that tick, found with the pool's own swaps."""
    low, high = 10**33, PRICE
    while low < high:
        middle = (low + high) // 2
        with world.anchor():
            stop_at(world, middle)
            low, high = (low, middle) if world.tick() >= tick else (middle + 1, high)
    with world.anchor():
        stop_at(world, low - 1)
        if world.tick() == tick - 1:
            return low - 1
    return low


def stop_at(world: World, price: int) -> None:
    call = selector("swap(bool,int256,uint160)") + word(1) + word(2**200) + word(price)
    world.evm.call(world.driver, call, sender=OPERATOR)


def test_tokens_must_be_ordered_addresses_that_are_no_precompiles():
    for low, high in ((ETH, USD), (Token("0x" + "0" * 39 + "4", "A", 18), ETH), (USD, USD)):
        with pytest.raises(InputError, match="must be below"):
            World.build(replace(v2_state(), pool=replace(V2, token0=low, token1=high)))


def test_a_v2_pair_is_built_at_its_reserves_and_only_with_its_own_fee():
    world = World.build(v2_state())
    assert world.venue.reserves() == (30_000_000 * 10**6, 13_200 * 10**18)
    assert world.tick() is None
    assert not world.exhausted()
    for changes, field in (({"reserve0": 0}, "reserve0"), ({"reserve1": 2**112}, "reserve1")):
        with pytest.raises(InputError) as caught:
            World.build(v2_state(**changes))
        assert caught.value.field == field
    with pytest.raises(InputError, match="fee of 3000 pips"):
        World.build(v2_state(pool=replace(V2, fee_pips=2500)))
    with pytest.raises(InputError, match="fee of 3000 pips"):
        world.set_fee(2500)


def test_the_bytecode_is_the_genuine_one():
    pool = artifact("@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json")
    # the init-code hash that the periphery's router carries (v3-periphery, PoolAddress.sol)
    assert keccak(bytes.fromhex(pool["bytecode"][2:])).hex() == (
        "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
    )
    pair = artifact("@uniswap/v2-core/build/UniswapV2Pair.json")
    # the init-code hash of every mainnet pair (v2-periphery, UniswapV2Library.sol)
    assert keccak(bytes.fromhex(pair["bytecode"].removeprefix("0x"))).hex() == (
        "96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"
    )


# ---------------------------------------------------------------- matching events


def v3_called(zero_for_one: bool, amount: int, limit: int) -> tuple[World, tuple[int, int]]:
    """A pool after a call of its driver, and the amounts (in, out) from the pool's side."""
    world = World.build(v3_state())
    call = selector("swap(bool,int256,uint160)") + word(zero_for_one) + word(amount) + word(limit)
    with world.keeping():
        output = world.evm.call(world.driver, call, sender=OPERATOR)
    found = int.from_bytes(output[:32], "big", signed=True), int.from_bytes(output[32:], "big", signed=True)
    return world, found if zero_for_one else found[::-1]


@pytest.mark.parametrize(
    ("zero_for_one", "amount", "limit", "mode"),
    [
        (True, 7_777_777_777, 4295128740, "exact_in"),
        (False, 3 * 10**18 + 1, 2**159, "exact_in"),
        (True, -(10**18 + 7), 4295128740, "exact_out"),
        (False, -5_000_000_001, 2**159, "exact_out"),
        (True, 10**15, PRICE - PRICE // 10**4, "price_limit"),
        (False, 10**24, PRICE + PRICE // 10**4, "price_limit"),
    ],
)
def test_how_a_v3_pool_was_called_is_found_out(zero_for_one, amount, limit, mode):
    after, amounts = v3_called(zero_for_one, amount, limit)
    event = swap_event(after, zero_for_one, amounts)
    world = World.build(v3_state())
    applied = world.apply(event)
    assert (applied.exact, applied.why) == (True, "")
    assert applied.mode == mode
    assert (world.price(), world.tick(), world.liquidity()) == (after.price(), after.tick(), after.liquidity())


@pytest.mark.parametrize(
    ("field", "off"),
    # a price limit a few units away gives the same amounts: a price has far more digits than an amount
    [("amount0", 1), ("amount1", 1), ("sqrt_price_x96", 10**18), ("tick", 1), ("liquidity", 1)],
)
def test_one_wei_off_is_a_mismatch_and_the_chain_goes_on(field, off):
    after, amounts = v3_called(True, 7_777_777_777, 4295128740)
    event = swap_event(after, True, amounts)
    wrong = replace(event, **{field: getattr(event, field) + off})
    world = World.build(v3_state())
    applied = world.apply(wrong)
    assert not applied.exact
    if field != "amount0":  # that is the input itself: all else differs then
        assert applied.why == f"{field} {getattr(event, field)} instead of {getattr(wrong, field)}"
    # resynced to what was recorded, so that what follows is judged by itself
    assert (world.price(), world.tick(), world.liquidity()) == (wrong.sqrt_price_x96, wrong.tick, wrong.liquidity)


def test_inside_an_anchor_a_mismatch_stays_applied_as_exact_input():
    after, amounts = v3_called(True, 7_777_777_777, 4295128740)
    wrong = swap_event(after, True, amounts, sqrt_price_x96=PRICE)
    world = World.build(v3_state())
    with world.anchor():
        assert not world.apply(wrong).exact
        assert world.price() == after.price()
    assert world.price() == PRICE


def test_mints_and_burns_are_compared_and_take_effect():
    world = World.build(v3_state())
    with world.anchor():
        minted = world.apply(liquidity_event("mint", 199000, 199100, 10**17))
        amounts = [int(part.split()[1]) for part in minted.why.split(", ")]
    assert not minted.exact  # the event claimed amounts of 0
    assert world.apply(liquidity_event("mint", 199000, 199100, 10**17, *amounts)).exact
    assert world.liquidity() == DEPTH + 5 + 10**17
    burnt = world.apply(liquidity_event("burn", 199000, 199100, 10**17, amounts[0] - 1, amounts[1] - 1))
    assert (burnt.exact, burnt.why) == (True, "")  # a pool rounds against its liquidity providers
    assert world.liquidity() == DEPTH + 5
    too_much = world.apply(liquidity_event("burn", 199000, 199100, 1))
    assert not too_much.exact
    assert "reverted" in too_much.why
    for kind in ("collect", "flash", "burn"):
        assert world.apply(liquidity_event(kind, 199000, 199100, 0)).mode == "no effect"


def test_a_pool_is_initialised_by_its_event():
    state = v3_state(sqrt_price_x96=0, tick=0, liquidity=0, ticks=())
    world = World.build(state)
    event = replace(liquidity_event("initialize", 0, 0, 0), sqrt_price_x96=PRICE, tick=TICK)
    assert world.apply(event).mode == "initialize"
    assert (world.price(), world.tick()) == (PRICE, TICK)
    assert world.swap(True, 10**6).received == 0  # no liquidity yet


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_v2_swaps_are_exact_at_the_most_and_below_it_but_not_above(zero_for_one):
    amount = 10**10 if zero_for_one else 10**19
    made = World.build(v2_state())
    received = made.swap(zero_for_one, amount).received
    reserves = v2_state().reserve0, v2_state().reserve1
    assert received == amount_out(amount, *(reserves if zero_for_one else reserves[::-1]))
    for less, mode in ((0, "exact_in"), (1, "amounts")):
        event = v2_event(zero_for_one, amount, received - less)
        applied = World.build(v2_state()).apply(event)
        assert (applied.exact, applied.mode) == (True, mode)
    world = World.build(v2_state())
    greedy = v2_event(zero_for_one, amount, received + 1)
    applied = world.apply(greedy)
    assert not applied.exact
    assert "UniswapV2: K" in applied.why
    assert world.venue.reserves() == (greedy.reserve0, greedy.reserve1)
    off = replace(v2_event(zero_for_one, amount, received), reserve0=5 * 10**12)
    applied = World.build(v2_state()).apply(off)
    assert not applied.exact
    assert "instead of (5000000000000," in applied.why


def v2_event(zero_for_one: bool, amount: int, received: int) -> Swap:
    amounts = (amount, -received) if zero_for_one else (-received, amount)
    reserve0, reserve1 = v2_state().reserve0 + amounts[0], v2_state().reserve1 + amounts[1]
    return Swap(0, 9, 108, "0x" + "02" * 32, 0, 0, *amounts, 3000, reserve0=reserve0, reserve1=reserve1)


def test_tokens_sent_to_a_v2_pair_move_its_price_when_it_takes_them():
    world = World.build(v2_state())
    reserve0, reserve1 = world.venue.reserves()
    sent = replace(liquidity_event("sync", 0, 0, 0, 10**9, 7), reserve0=reserve0 + 10**9, reserve1=reserve1 + 7)
    before = world.quote(True, 10**9).received
    assert world.apply(sent).exact
    assert world.venue.reserves() == (reserve0 + 10**9, reserve1 + 7)
    assert world.quote(True, 10**9).received < before
    fell = replace(liquidity_event("sync", 0, 0, 0, -5, 0), reserve0=reserve0 + 10**9 - 5, reserve1=reserve1 + 7)
    applied = world.apply(fell)
    assert not applied.exact
    assert "changed by themselves" in applied.why
    assert world.venue.reserves() == (fell.reserve0, fell.reserve1)


def test_after_a_mismatch_a_v3_pool_can_pay_what_its_recorded_liquidity_is_worth():
    world = World.build(v3_state())
    made = World.build(v3_state())
    result = made.swap(True, 10**9)
    event = swap_event(made, True, (result.spent, -result.received))
    assert not world.apply(replace(event, liquidity=event.liquidity * 10**6)).exact
    worth = world.quote(True, 10**16)
    assert worth.spent == 10**16
    assert worth.received > made.quote(True, 10**16).received


def test_v2_liquidity_of_a_pair_whose_shares_are_not_known():
    world = World.build(v2_state())
    reserve0, reserve1 = world.venue.reserves()
    minted = replace(
        liquidity_event("mint", 0, 0, 0, reserve0 // 7, reserve1 // 7),
        reserve0=reserve0 + reserve0 // 7,
        reserve1=reserve1 + reserve1 // 7,
    )
    assert world.apply(minted).exact
    # a burn's amounts as a pair with few shares pays them out: 123,457 of 1,000,003 shares
    paid = [reserve * 123_457 // 1_000_003 for reserve in world.venue.reserves()]
    left = [reserve - amount for reserve, amount in zip(world.venue.reserves(), paid, strict=True)]
    burnt = replace(liquidity_event("burn", 0, 0, 0, *paid), reserve0=left[0], reserve1=left[1])
    with world.anchor():
        wrong = world.apply(replace(burnt, amount0=paid[0] + 10**6))
        assert not wrong.exact
    assert world.apply(burnt).exact
    assert world.venue.reserves() == tuple(left)


# ---------------------------------------------------------------- fee, router, range


def test_a_pool_whose_fee_changed_is_the_same_pool_with_another_fee():
    world, cheap = World.build(v3_state()), World.build(v3_state(pool=replace(V3, fee_pips=100)))
    trader = accounts(1)[0][0]
    world.fund([trader], [world.router])
    before = world.quote(True, 10**10)
    world.set_fee(100)
    assert world.quote(True, 10**10) == cheap.quote(True, 10**10) != before
    with world.anchor():  # the router finds it where it was
        assert world.router_swap(trader, True, 10**10, 1)[0] == cheap.quote(True, 10**10).received
    world.set_fee(500)
    assert world.quote(True, 10**10) == before
    with pytest.raises(InputError, match="no v3 pool can have a fee"):
        world.set_fee(10**8)


@pytest.mark.parametrize("state", [v2_state(), v3_state()], ids=["v2", "v3"])
@pytest.mark.parametrize("zero_for_one", [True, False])
def test_the_router_gives_what_the_pool_gives_and_keeps_the_limit(state, zero_for_one):
    world = World.build(state)
    trader = accounts(1)[0][0]
    world.fund([trader], [world.router])
    amount = 10**10 if zero_for_one else 10**19
    received = world.quote(zero_for_one, amount).received
    with world.anchor():
        got, gas = world.router_swap(trader, zero_for_one, amount, received)
    assert got == received
    assert 80_000 < gas < 135_000
    with world.anchor(), pytest.raises(Reverted, match=r"INSUFFICIENT_OUTPUT_AMOUNT|Too little received"):
        world.router_swap(trader, zero_for_one, amount, received + 1)


def test_swaps_that_give_nothing_do_nothing():
    v2, v3 = World.build(v2_state()), World.build(v3_state())
    for world in (v2, v3):
        before = world.capture()
        assert world.swap(True, 0) == world.swap(False, 0)
        assert world.swap(True, 0).spent == 0
        assert world.capture() == before
    assert v2.swap(False, 1).received == 0
    assert v3.swap(True, 2**130).spent < 2**130  # the pool ran dry at the end of its range
    assert v3.swap(True, 10**6) == v3.swap(True, 0)


def test_a_price_beyond_a_reconstructed_table_is_exhausted():
    for known, expected in ((True, True), (False, False)):
        world = World.build(v3_state(ticks_reconstructed=known))
        with world.anchor():
            world.swap(True, 10**12)
            assert not world.exhausted()
            world.swap(True, 10**16)
            assert world.exhausted() is expected
        assert not world.exhausted()


def test_only_the_operator_moves_the_driver():
    world = World.build(v3_state())
    for data in (bytes(17), selector("burn(int24,int24,uint128)") + bytes(96)):
        with world.anchor(), pytest.raises(Reverted) as caught:
            world.evm.call(world.driver, data, sender=accounts(1)[0][0])
        assert caught.value.output == selector("OnlyOperator()")
    callback = selector("uniswapV3SwapCallback(int256,int256,bytes)") + word(1) + word(1) + word(96) + word(0)
    with world.anchor(), pytest.raises(Reverted) as caught:
        world.evm.call(world.driver, callback, sender=accounts(1)[0][0])
    assert caught.value.output == selector("OnlyPool()")


# ---------------------------------------------------------------- packing


def test_slot0_packing_reads_back_with_negative_ticks():
    high = (1 << 240) | (7 << 216)
    for tick in (-887272, -1, 0, 1, 887271):
        packed = slots.v3_slot0_with(high | 12345, 2**160 - 1, tick)
        assert (slots.v3_slot0_price(packed), slots.v3_slot0_tick(packed)) == (2**160 - 1, tick)
        assert packed >> 184 == high >> 184
        assert len(slots.v3_observation_slots(packed)) == 7
    packed = slots.v2_with_reserves(5 << 224 | 1, 2**112 - 1, 9)
    assert slots.v2_reserves(packed) == (2**112 - 1, 9)
    assert packed >> 224 == 5


def test_the_pools_keep_one_price_observation():
    world = World.build(v3_state())
    packed = world.evm.storage(world.pool, slots.V3_SLOT0)
    assert slots.v3_observation_slots(packed) == [slots.V3_OBSERVATIONS]


def test_a_swap_over_ticks_that_do_not_fit_the_recorded_liquidity_gives_nothing():
    """Where a history with holes left less liquidity than the next tick takes away, the pool itself refuses."""
    world = World.build(v3_state())
    world.update({(world.pool, slots.V3_LIQUIDITY): 1})
    assert world.quote(False, 10**30) == SwapResult(0, 0)
    assert world.swap(False, 10**30) == SwapResult(0, 0)
    assert world.liquidity() == 1
