"""v4 pools: which can be replayed, that the genuine manager meets every event, its fees, router and settlements."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import bundled
from test_replay import replayed
from v4_histories import as_v4, v4_pool, v4_state

from ingest.errors import InputError
from ingest.files import read_history
from ingest.records import LiquidityEvent, Pool, PoolState, Swap, TickLiquidity, Token
from verify import slots as at
from verify.abi import address_word, selector, word
from verify.audit import audit
from verify.beside import audit_beside, world_of
from verify.evm import Reverted
from verify.score.ratios import net_mechanism
from verify.venues import OPERATOR
from verify.venues.v4_deploy import PERMIT2, key, pool_id, protocol_fee
from verify.world import FEE, Opening, World, accounts

USD = Token("0x" + "a0" * 20, "USD", 6)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
V3 = Pool("v3", 1, "0x" + "b3" * 20, USD, ETH, fee_pips=500, tick_spacing=10)
V4 = v4_pool(V3)
PRICE, TICK, DEPTH = 1662995104975155420368771254341874, 199045, 12 * 10**18
LOWEST, HIGHEST = 4295128740, 2**159
TRADER = accounts(1)[0][0]


def state(pool: Pool = V4, **changes) -> PoolState:
    table = ((198000, DEPTH), (199040, 5), (199050, -5 - DEPTH // 3), (200000, -(DEPTH - DEPTH // 3)))
    ticks = tuple(TickLiquidity(*entry) for entry in table)
    return replace(PoolState(pool, None, PRICE, TICK, DEPTH + 5, ticks), **changes)


def build(**changes) -> World:
    world = World.build(state(**changes))
    world.fund([TRADER], [world.router])
    return world


def liquidity_event(kind: str, lower: int = 0, upper: int = 0, liquidity: int = 0, **fields) -> LiquidityEvent:
    return LiquidityEvent(0, kind, 100, 1200, "0x" + "01" * 32, 0, 0, None, lower, upper, liquidity, **fields)


# ---------------------------------------------------------------- which pools


def test_a_pools_id_is_the_hash_of_its_key():
    """Mainnet's pool of the coin and USDC at 0.05 %, as Uniswap's own interface names it."""
    usdc = Token("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6)
    pool = Pool("v4", 1, "", Token("0x" + "00" * 20, "ETH", 18), usdc, fee_pips=500, tick_spacing=10)
    assert pool_id(pool) == "0x21c67e77068de97969ba93d4aab21826d33ca12bb9f565d8496e8fda8a82ca27"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"address": "0x" + "12" * 32}, "with hooks, or with a fee that hooks set"),
        ({"fee_pips": 0}, "with hooks, or with a fee that hooks set"),  # how a dynamic fee is recorded
        ({"tick_spacing": 60}, "with hooks, or with a fee that hooks set"),
        ({"token0": Token("0x" + "00" * 20, "ETH", 18)}, "of the chain's own coin"),
    ],
)
def test_a_pool_that_cannot_be_replayed_is_refused_by_name(changes, said):
    pool = replace(V4, **changes)
    for build_it in (
        lambda: World.build(state(pool)),
        lambda: World.build(state(V3), beside=[Opening(state(pool))]),
    ):
        with pytest.raises(InputError, match=said) as caught:
            build_it()
        assert pool.address in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"liquidity": DEPTH}, "liquidity"),
        ({"tick": TICK + 1}, "tick"),
        ({"sqrt_price_x96": 5}, "ticks"),
        ({"ticks": (TickLiquidity(198000, DEPTH + 5), TickLiquidity(199053, -DEPTH - 5))}, "ticks"),
    ],
)
def test_a_state_that_no_v4_pool_can_have_is_refused(changes, field):
    with pytest.raises(InputError) as caught:
        World.build(state(**changes))
    assert caught.value.field == field


def test_a_pool_is_built_tick_by_tick_in_the_managers_storage():
    world = World.build(state())
    assert (world.price(), world.tick(), world.liquidity()) == (PRICE, TICK, DEPTH + 5)
    first = at.v4_pool_slot(V4.address)
    for entry in state().ticks:
        packed = world.evm.storage(world.pool, at.v4_tick_slots(first, entry.tick)[0])
        assert at.v3_tick_liquidity(packed)[1] == entry.liquidity_net
    # The manager's own view of it (StateLibrary's layout).
    with world.anchor():
        read = world.evm.call(world.pool, selector("extsload(bytes32)") + word(first + 3), sender=OPERATOR)
    assert int.from_bytes(read, "big") == DEPTH + 5


def test_a_pool_that_stopped_exactly_on_a_tick_from_above():
    """As v3's: the price is the tick's, the tick the one below, and its liquidity is out already."""
    made = {pool.kind: World.build(state(pool)) for pool in (V3, V4)}
    price = tick_price(made["v4"], 199040)
    for world in made.values():
        with world.keeping():
            world.evm.call(world.driver, limited(True, 2**200, price), sender=OPERATOR)
        assert (world.price(), world.tick(), world.liquidity()) == (price, 199039, DEPTH)
    again = World.build(state(sqrt_price_x96=price, tick=199039, liquidity=DEPTH))
    assert (again.price(), again.tick(), again.liquidity()) == (price, 199039, DEPTH)
    for zero_for_one, amount in ((True, 10**9), (False, 10**17)):
        assert again.quote(zero_for_one, amount) == made["v4"].quote(zero_for_one, amount)


def limited(zero_for_one: bool, amount: int, limit: int) -> bytes:
    return selector("swap(bool,int256,uint160)") + word(zero_for_one) + word(amount) + word(limit)


def tick_price(world: World, tick: int) -> int:
    """The lowest price with that tick, found with the pool's own swaps to every price."""

    def at_or_above(price: int) -> bool:
        with world.anchor():
            world.evm.call(world.driver, limited(True, 2**200, price), sender=OPERATOR)
            return world.tick() >= tick

    low, high = 10**33, PRICE
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if at_or_above(middle) else (middle + 1, high)
    return low - 1  # at the price of an initialised tick it is crossed already


# ---------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("zero_for_one", "amount", "limit", "mode"),
    [
        (True, 7_777_777_777, LOWEST, "exact_in"),
        (False, 3 * 10**18 + 1, HIGHEST, "exact_in"),
        (True, -(10**18 + 7), LOWEST, "exact_out"),
        (False, -5_000_000_001, HIGHEST, "exact_out"),
        (True, 10**15, PRICE - PRICE // 10**4, "price_limit"),
        (False, 10**24, PRICE + PRICE // 10**4, "price_limit"),
    ],
)
def test_how_a_pool_was_called_is_found_out_and_one_unit_off_is_a_mismatch(zero_for_one, amount, limit, mode):
    after = World.build(state())
    with after.keeping():
        output = after.evm.call(after.driver, limited(zero_for_one, amount, limit), sender=OPERATOR)
    amounts = [int.from_bytes(output[i : i + 32], "big", signed=True) for i in (0, 32)]
    fields = {"sqrt_price_x96": after.price(), "liquidity": after.liquidity(), "tick": after.tick()}
    event = Swap(0, 100, 1200, "0x" + "01" * 32, 0, 0, *amounts, 500, **fields)
    world = World.build(state())
    applied = world.apply(event)
    assert (applied.exact, applied.why, applied.mode) == (True, "", mode)
    assert (world.price(), world.tick(), world.liquidity()) == (after.price(), after.tick(), after.liquidity())
    # A price limit a few units away gives the same amounts: a price has far more digits than an amount.
    for field, off in (("amount0", 10**4), ("amount1", 10**13), ("liquidity", 1), ("tick", 1)):
        wrong = replace(event, **{field: getattr(event, field) + off})
        world = World.build(state())
        assert not world.apply(wrong).exact
        assert (world.price(), world.tick(), world.liquidity()) == (
            wrong.sqrt_price_x96,
            wrong.tick,
            wrong.liquidity,
        )


def test_mints_and_burns_take_effect_and_tell_no_amounts():
    world = World.build(state())
    assert world.apply(liquidity_event("mint", 199000, 199100, 10**17))[:3] == (True, "mint", "")
    assert world.liquidity() == DEPTH + 5 + 10**17
    assert world.apply(liquidity_event("burn", 199000, 199100, 10**17))[:3] == (True, "burn", "")
    assert world.liquidity() == DEPTH + 5
    too_much = world.apply(liquidity_event("burn", 199000, 199100, 1))
    assert (too_much.exact, too_much.mode) == (False, "burn")
    assert "reverted" in too_much.why
    before = world.capture()
    for kind in ("mint", "burn", "flash"):  # fees that are collected, and a donation
        assert world.apply(liquidity_event(kind, 199000, 199100, 0, amount0=5)).mode == "no effect"
    assert world.capture() == before


def test_a_pool_is_initialised_by_its_event():
    world = World.build(state(sqrt_price_x96=0, tick=0, liquidity=0, ticks=()))
    assert world.swap(True, 10**6).received == 0
    event = liquidity_event("initialize", sqrt_price_x96=PRICE, tick=TICK)
    assert world.apply(event).mode == "initialize"
    assert (world.price(), world.tick()) == (PRICE, TICK)
    assert world.swap(True, 10**6).received == 0  # no liquidity yet


@settings(max_examples=40, deadline=None)
@given(
    zero_for_one=st.booleans(),
    amount=st.integers(1, 10**9) | st.integers(1, 10**22),
    fee=st.sampled_from([500, 501, 900]),
    position=st.tuples(st.integers(-40, 40), st.integers(1, 40), st.integers(1, 10**18)),
)
def test_every_slot_that_an_event_changes_is_told(zero_for_one, amount, fee, position):
    """Of the manager and of its balances, by the EVM's own journal."""
    world = made_world()
    world.set_fee(fee)
    lower = 199040 + 10 * position[0]
    mint = liquidity_event("mint", lower, lower + 10 * position[1], position[2])
    with world.anchor():
        mark = world.venue.mark()
        minted = world.venue.apply(mint).changed
        changed = minted | swapped(world, mark, zero_for_one, amount)
        _, journal = world.evm._journal()
    own = {world.balance_key(token, world.pool) for token in (world.token0, world.token1)}
    really = {key for key, value in journal.items() if value != world.evm.storage(*key)}
    really = {key for key in really if key[0] == world.pool or key in own}
    assert len(really) > 5
    assert really <= changed.keys()
    assert all(changed[key] == journal.get(key, world.evm.storage(*key)) for key in changed)
    assert really <= world.capture().keys()


def made_world(kept: list[World] = []) -> World:  # noqa: B006 - the one world of all examples
    if not kept:
        kept.append(World.build(state()))
    return kept[0]


def swapped(world: World, mark: int, zero_for_one: bool, amount: int) -> dict:
    world.venue.swap(zero_for_one, amount)
    return world.venue.changed_by_swap(mark, zero_for_one)


def test_a_v3_history_is_as_exact_in_v4s_manager(simulated):
    """The same prices, amounts, liquidity and ticks, to the unit, over some hundred events."""
    history = simulated("demo-v3", blocks=400, seed=5)
    ours, theirs = audit(as_v4(history))[0], audit(history)[0]
    assert (ours.exact, ours.liquidity_exact) == (theirs.exact, theirs.liquidity_exact)
    assert ours.exact == ours.swaps > 300
    assert ours.liquidity_events > 2
    assert ours.unexplained == ()
    assert ours.modes == theirs.modes


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("pool", "swaps", "exact", "liquidity"), [("8ad5_fee3000", 266, 266, 15), ("88e6_fee500", 6045, 6042, 109)]
)
def test_a_real_day_of_a_v3_pool_is_as_exact_in_v4s_manager(shared_data, pool, swaps, exact, liquidity):
    """As `test_audit` finds it of the v3 pool itself."""
    folder = shared_data / "v3_usdc_weth_mainnet_20240105"
    history = read_history(
        folder / f"pool_{pool}_raw_logs.csv.gz",
        initial_state=folder / f"pool_{pool}_initial_state.json",
        name=pool,
    )
    report, _ = audit(as_v4(history))
    assert (report.swaps, report.exact) == (swaps, exact)
    assert report.liquidity_exact == report.liquidity_events == liquidity


# ---------------------------------------------------------------- fee


@pytest.mark.parametrize("pips", [1, 333, 700, 1000])
def test_what_the_protocol_takes_follows_from_the_fee_of_a_swap(pips):
    """As the manager itself has it set by its controller."""
    ours, theirs = build(), build()
    fee = pips + 500 - pips * 500 // 10**6
    with theirs.evm.persist():
        controller = selector("setProtocolFeeController(address)") + address_word(OPERATOR)
        theirs.evm.call(theirs.pool, controller, sender=OPERATOR)
        set_fee = selector("setProtocolFee((address,address,uint24,int24,address),uint24)")
        theirs.evm.call(theirs.pool, set_fee + key(V4) + word(pips << 12 | pips), sender=OPERATOR)
    ours.set_fee(fee)
    slot0 = (ours.pool, at.v4_pool_slot(V4.address))
    assert ours.evm.storage(*slot0) == theirs.evm.storage(*slot0)
    with ours.anchor(), theirs.anchor():
        for zero_for_one, amount in ((True, 10**10), (False, 10**19)):
            assert ours.swap(zero_for_one, amount) == theirs.swap(zero_for_one, amount)
            assert ours.price() == theirs.price()
        for token in (USD, ETH):
            earned = (ours.pool, at.v4_protocol_fees_slot(token.address))
            assert ours.evm.storage(*earned) == theirs.evm.storage(*earned) > 0
    with ours.anchor():
        _, gas = ours.router_swap(TRADER, True, 10**10, 1)
        topics, data = next((topics, data) for address, topics, data in ours.evm.logs if address == ours.pool)
    assert gas > 100_000
    assert topics[1].hex() == V4.address[2:]
    assert int.from_bytes(data[-32:], "big") == fee  # what the manager's own event says


def test_a_fee_that_no_protocol_fee_makes_is_refused():
    world = build()
    for fee in (499, 1501, 10**6):
        with pytest.raises(InputError, match="no v4 pool whose providers take 500 pips"):
            world.set_fee(fee)
    for pips in range(1001):  # several may round to one fee: the least of them is taken, and swaps are the same
        found = protocol_fee(V4, pips + 500 - pips * 500 // 10**6)
        assert found in (pips - 1, pips)


def test_the_fee_stays_what_it_is_set_to_whatever_is_loaded():
    world = build()
    plain = world.capture()
    before = world.quote(True, 10**10)
    world.set_fee(900)
    dearer = world.quote(True, 10**10)
    assert dearer.received < before.received
    world.swap(True, 10**10)
    world.update({key: value for key, value in plain.items() if key != (world.pool, FEE)})
    assert world.quote(True, 10**10) == dearer  # the price's slot came from a state of another fee
    slots = world.capture()
    world.load({})
    assert (world.fee_pips, world.quote(True, 10**10)) == (500, before)
    other = build()
    other.load(slots)
    assert (other.fee_pips, other.quote(True, 10**10)) == (900, dearer)


# ---------------------------------------------------------------- router


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_the_router_gives_what_the_pool_gives_and_keeps_the_limit(zero_for_one):
    world = build()
    amount = 10**10 if zero_for_one else 10**19
    received = world.quote(zero_for_one, amount).received
    with world.anchor():
        got, gas = world.router_swap(TRADER, zero_for_one, amount, received)
        paid, due = (world.token0, world.token1) if zero_for_one else (world.token1, world.token0)
        assert world.evm.storage(*world.balance_key(paid, TRADER)) == 2**128 - amount
        assert world.evm.storage(*world.balance_key(due, TRADER)) == 2**128 + received
    assert got == received
    assert 120_000 < gas < 160_000
    with world.anchor(), pytest.raises(Reverted) as caught:
        world.router_swap(TRADER, zero_for_one, amount, received + 1)
    too_little = selector("V4TooLittleReceived(uint256,uint256)")
    assert caught.value.output == too_little + word(received + 1) + word(received)
    with world.anchor(), pytest.raises(Reverted):  # nobody is let take another's tokens
        world.router_swap(accounts(2)[1][0], zero_for_one, amount, 1)


def test_what_stands_for_permit2_keeps_its_allowances():
    world = build()
    owner, spender, other = (address for address, _ in accounts(3, "permit2"))
    world.fund([owner], [PERMIT2])
    place = PERMIT2, at.permit2_slot(owner, USD.address, spender)
    take = selector("transferFrom(address,address,uint160,address)")
    call = take + address_word(owner) + address_word(other) + word(40) + address_word(USD.address)
    world.evm.set_block(1, 1000)
    for held, left in (
        (1000 << 160 | 100, 1000 << 160 | 60),
        (7 << 208 | 1000 << 160 | 40, 7 << 208 | 1000 << 160),
        (at.PERMIT2_UNLIMITED, at.PERMIT2_UNLIMITED),
    ):
        world.evm.rebase({place: held})
        with world.anchor():
            world.evm.call(PERMIT2, call, sender=spender)
            assert world.evm.storage(*place) == left
            assert world.evm.storage(*world.balance_key(USD.address, other)) == 40
    for held, error in (
        (999 << 160 | 100, selector("AllowanceExpired(uint256)") + word(999)),
        (1000 << 160 | 39, selector("InsufficientAllowance(uint256)") + word(39)),
        (0, selector("AllowanceExpired(uint256)") + word(0)),
    ):
        world.evm.rebase({place: held})
        with world.anchor(), pytest.raises(Reverted) as caught:
            world.evm.call(PERMIT2, call, sender=spender)
        assert caught.value.output == error


def test_only_the_operator_moves_the_driver():
    world = build()
    for data in (bytes(17), selector("burn(int24,int24,uint128)") + bytes(96)):
        with world.anchor(), pytest.raises(Reverted) as caught:
            world.evm.call(world.driver, data, sender=TRADER)
        assert caught.value.output == selector("OnlyOperator()")
    data = selector("unlockCallback(bytes)") + encode(["bytes"], [b""])
    with world.anchor(), pytest.raises(Reverted) as caught:
        world.evm.call(world.driver, data, sender=TRADER)
    assert caught.value.output == selector("OnlyPool()")


# ---------------------------------------------------------------- settlements


def test_sequential_in_its_own_block_is_the_amm_order_by_order(simulated):
    found = replayed(as_v4(simulated("demo-v3", blocks=120, seed=3)), bundled("Sequential"))
    for name, outcomes in found["Sequential", 1].items():
        assert outcomes.orders, name
        for order in outcomes.orders:
            assert order.bought == order.amm_out
            assert net_mechanism(0)(order)[0] == 0


def test_every_rule_settles_in_a_v4_pool_what_it_settles_in_a_v3_pool(simulated):
    """Prices, quotes, trades and donations are the same to the unit; only the gas is not."""
    history = simulated("demo-v3", blocks=60, seed=6)
    ours, theirs = (replayed(each, bundled(), windows=(3,)) for each in (as_v4(history), history))
    for (name, window), by_variant in theirs.items():
        for variant, outcomes in by_variant.items():
            found = ours[name, window][variant]
            assert [order.bought for order in found.orders] == [order.bought for order in outcomes.orders]
            assert [order.filled for order in found.orders] == [order.filled for order in outcomes.orders]
            assert [batch.lp_fees["candidate"] for batch in found.batches] == [
                batch.lp_fees["candidate"] for batch in outcomes.batches
            ]


def test_a_v4_pool_stands_beside_others_as_it_stands_alone(simulated):
    history = simulated("demo-v3", blocks=60, seed=6)
    other = as_v4(history)
    dearer_pool = v4_pool(replace(history.pool, fee_pips=3000, tick_spacing=60))
    _, (beside,) = audit_beside(history, [other])
    world = world_of(history, other)
    alone = world_of(other)
    assert alone.pool == world.venues[1].pool != world.venues[0].pool
    for seq in (0, len(other.events) // 2, len(other.events)):
        slots = beside.trace.at(seq)
        alone.load(slots)
        world.load(slots)
        for zero_for_one, amount in ((True, 10**9), (False, 10**18)):
            assert world.quote(zero_for_one, amount, 1) == alone.quote(zero_for_one, amount)
    opening = Opening(replace(v4_state(history.initial_state), pool=dearer_pool, sqrt_price_x96=0, ticks=()))
    both = World.build(other.initial_state, beside=[opening])
    assert both.venues[0].pool == alone.pool != both.venues[1].pool  # a manager of its own each
