"""Worlds: moving them between states, undoing, making things last, and who lives in them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from coincurve import PublicKey
from eth_hash.auto import keccak
from hypothesis import example, given, settings
from hypothesis import strategies as st
from v4_histories import v4_state

from ingest.records import LiquidityEvent, Pool, PoolState, TickLiquidity, Token
from verify.abi import address_word, selector, word
from verify.compile import compile_trusted
from verify.evm import EvmMisuseError, Reverted
from verify.ledger import TRADER_FUNDS
from verify.venues import OPERATOR, harness_contract
from verify.world import FEE, World, accounts

USD = Token("0x" + "a0" * 20, "USD", 6)
ETH = Token("0x" + "c0" * 20, "ETH", 18)
DEPTH = 12 * 10**18
STATES = {
    "v2": PoolState(
        Pool("v2", 1, "0x" + "b2" * 20, USD, ETH, fee_pips=3000),
        None,
        reserve0=30_000_000 * 10**6,
        reserve1=13_200 * 10**18,
    ),
    "v3": PoolState(
        Pool("v3", 1, "0x" + "b3" * 20, USD, ETH, fee_pips=500, tick_spacing=10),
        None,
        sqrt_price_x96=1662995104975155420368771254341874,
        tick=199045,
        liquidity=DEPTH,
        ticks=(
            TickLiquidity(198000, DEPTH // 2),
            TickLiquidity(198990, DEPTH // 2),
            TickLiquidity(199080, -(DEPTH // 3)),
            TickLiquidity(200500, -(DEPTH - DEPTH // 3)),
        ),
    ),
}
STATES["v4"] = v4_state(STATES["v3"])
KINDS = pytest.mark.parametrize("kind", ["v2", "v3", "v4"])
TICKED = pytest.mark.parametrize("kind", ["v3", "v4"])


def build(kind: str) -> World:
    world = World.build(STATES[kind])
    world.fund([accounts(1)[0][0]], [world.router])
    return world


def liquidity_event(kind: str, lower: int, upper: int, liquidity: int, amounts: tuple[int, int]) -> LiquidityEvent:
    return LiquidityEvent(0, kind, 5, 60, "0x" + "01" * 32, 0, 0, None, lower, upper, liquidity, *amounts)


def act(world: World, generator: random.Random) -> None:
    """One random action that lasts: a swap, a router transaction, a mint or a burn."""
    block = world.evm.block_number + generator.randrange(3)
    world.evm.set_block(block, 1000 + 12 * block)
    zero_for_one = generator.random() < 0.5
    amount = int(10 ** generator.uniform(3, 12.8) * (1 if zero_for_one else 4 * 10**8))
    what = generator.random()
    if what < 0.5:
        world.swap(zero_for_one, amount)
    elif what < 0.7:
        routed(world, zero_for_one, amount)
    elif world.state.pool.kind == "v2":
        amounts = (10**9 * generator.randrange(1, 9), 10**17 * generator.randrange(1, 9))
        kind = "mint" if what < 0.9 else "burn"
        with world.keeping():
            world.apply(replace(liquidity_event(kind, 0, 0, 0, amounts), tick_lower=None))
    else:
        lower = 198900 + 10 * generator.randrange(20)
        kind, size = ("mint", 10**17) if what < 0.9 else ("burn", 10**16)
        world.apply(liquidity_event(kind, lower, lower + 10 * generator.randrange(1, 9), size, (0, 0)))


def routed(world: World, zero_for_one: bool, amount: int) -> tuple[int, int]:
    """(received, gas) of a swap through the router; nothing where a pool at its very end refuses it."""
    try:
        return world.router_swap(accounts(1)[0][0], zero_for_one, amount, 0)
    except Reverted as error:
        return 0, error.gas_used


def later_behaviour(world: World) -> list[tuple[int, int]]:
    """Amounts and whole-transaction gas of what comes next, each on cold state."""
    seen = []
    generator = random.Random(7)
    world.evm.set_block(10**6, 10**9)
    for _ in range(6):
        zero_for_one = generator.random() < 0.5
        amount = int(10 ** generator.uniform(6, 12.9) * (1 if zero_for_one else 4 * 10**8))
        with world.anchor():
            seen.append(routed(world, zero_for_one, amount))
        world.swap(zero_for_one, amount)
    return seen


# ---------------------------------------------------------------- capture and load


@KINDS
@settings(max_examples=25, deadline=None)
@example(seed=96, actions=16)  # a v3 or v4 pool at the end of its prices
@given(seed=st.integers(0, 2**32), actions=st.integers(0, 25))
def test_a_captured_state_behaves_the_same_in_another_world(kind, seed, actions):
    world, generator = build(kind), random.Random(seed)
    for _ in range(actions):
        act(world, generator)
    slots = world.capture()
    price, liquidity = world.price(), world.liquidity()
    expected = later_behaviour(world)
    fresh = build(kind)
    fresh.load(slots)
    assert (fresh.price(), fresh.liquidity()) == (price, liquidity)
    assert later_behaviour(fresh) == expected  # to the wei, and to the unit of gas
    world.load(slots)  # the used world goes back to it too
    assert later_behaviour(world) == expected
    fresh.load({})
    untouched = build(kind)
    assert later_behaviour(fresh) == later_behaviour(untouched)


@KINDS
def test_loading_is_absolute_and_updating_is_not(kind):
    world = build(kind)
    start = world.capture()
    world.swap(True, 10**11)
    first = world.capture()
    world.swap(False, 10**20)
    second = world.capture()
    changed = {key: value for key, value in first.items() if value != start[key]}
    world.load(changed)
    assert world.capture() == first
    world.update({key: value for key, value in second.items() if value != first[key]})
    assert world.capture() == second
    world.load({})
    assert world.capture() == start


@TICKED
def test_a_loaded_state_knows_ticks_that_another_world_minted(kind):
    made = build(kind)
    made.apply(liquidity_event("mint", 198770, 199110, 10**18, (0, 0)))
    loaded = build(kind)
    loaded.load(made.capture())
    for world in (made, loaded):
        world.evm.set_block(9, 108)
        world.swap(False, 10**22)  # crosses what the other world minted
        world.swap(True, 10**14)
    known = loaded.capture()
    assert known.items() <= made.capture().items()  # equal, but for the position, which cannot change in that world
    tick_slots = made.venue._watch._tick_slots
    minted = {(made.pool, slot) for tick in (198770, 199110) for slot in tick_slots(tick)}
    assert minted <= known.keys()


@pytest.mark.parametrize(("kind", "fee"), [("v3", 100), ("v4", 900)])
def test_the_fee_is_part_of_a_state(kind, fee):
    world = build(kind)
    world.set_fee(fee)
    slots = world.capture()
    assert slots[world.pool, FEE] == fee
    other = build(kind)
    before = other.quote(True, 10**10)
    other.load(slots)
    assert other.fee_pips == fee
    assert other.quote(True, 10**10) == world.quote(True, 10**10) != before
    other.load({})
    assert (other.fee_pips, other.quote(True, 10**10)) == (500, before)


# ---------------------------------------------------------------- what lasts and what does not


@KINDS
def test_an_anchor_leaves_no_trace(kind):
    world = build(kind)
    before, gas = world.capture(), cold_gas(world)
    with world.anchor():
        for amount in (10**9, 10**12):
            world.swap(True, amount)
            world.quote(False, amount * 10**8)
        assert world.capture() != before
    assert world.capture() == before
    assert cold_gas(world) == gas


def cold_gas(world: World) -> int:
    with world.anchor():
        return world.router_swap(accounts(1)[0][0], True, 10**10, 1)[1]


@KINDS
def test_router_gas_is_that_of_a_fresh_world_after_any_use(kind):
    world, generator = build(kind), random.Random(3)
    for _ in range(20):
        act(world, generator)
    slots, block = world.capture(), (world.evm.block_number + 1, world.evm.timestamp + 12)
    gas = []
    for again in (world, build(kind)):
        again.load(slots)
        again.evm.set_block(*block)
        gas.extend(cold_gas(again) for _ in range(3))
    assert len(set(gas)) == 1


@KINDS
def test_looking_does_not_change_the_gas(kind):
    world = build(kind)
    expected = cold_gas(world)
    with world.anchor():
        for look in (world.price, world.tick, world.liquidity, world.exhausted):
            look()
        world.quote(True, 10**9)
        assert world.router_swap(accounts(1)[0][0], True, 10**10, 1)[1] == expected


@KINDS
def test_a_lasting_swap_is_the_same_as_one_in_an_anchor(kind):
    world = build(kind)
    with world.anchor():
        expected = [world.swap(True, 10**12), world.swap(False, 10**21), world.swap(True, 5)]
    assert [world.swap(True, 10**12), world.swap(False, 10**21), world.swap(True, 5)] == expected


@KINDS
def test_keeping_makes_other_contracts_slots_last_too(kind):
    world = build(kind)
    counter = world.install(bytes.fromhex("6009600c60003960096000f3" + "5f54600101805f5500"))
    for expected in (1, 2):
        with world.keeping([(counter, 0)]):
            world.evm.call(counter, b"", sender=OPERATOR)
            world.swap(True, 10**9)
        assert world.evm.storage(counter, 0) == expected
    spent = world.capture()[world.balance_key(world.token0, world.pool)]
    with world.keeping():
        world.evm.call(counter, b"", sender=OPERATOR)
    assert world.evm.storage(counter, 0) == 2
    assert world.capture()[world.balance_key(world.token0, world.pool)] == spent


@TICKED
def test_states_cannot_be_moved_inside_an_anchor(kind):
    world = build(kind)
    with world.anchor():
        for change in (
            lambda: world.load({(world.pool, 4): 1}),
            lambda: world.update({(world.pool, 4): 1}),
            lambda: world.set_fee(900),
            lambda: world.fund([OPERATOR], []),
            lambda: world.install(b"\0"),
        ):
            with pytest.raises(EvmMisuseError):
                change()


# ---------------------------------------------------------------- tokens and accounts


def test_accounts_are_the_same_everywhere_and_their_keys_sign_for_them():
    assert accounts(3) == accounts(5)[:3]
    assert accounts(2, "relayer") != accounts(2)
    for address, key in accounts(3):
        public = PublicKey.from_secret(key).format(compressed=False)
        assert address == "0x" + keccak(public[1:])[-20:].hex()


def test_funded_accounts_are_rich_and_let_the_spender_take_without_end():
    world = build("v2")
    owner, spender, other = (address for address, _ in accounts(3, "fund"))
    world.fund([owner], [spender])
    take = selector("transferFrom(address,address,uint256)") + address_word(owner) + address_word(other) + word(5)
    for token in (world.token0, world.token1):
        with world.anchor():
            world.evm.call(token, take, sender=spender)
            assert world.evm.storage(*world.balance_key(token, owner)) == TRADER_FUNDS - 5
            assert world.evm.storage(*world.balance_key(token, other)) == 5
        with world.anchor(), pytest.raises(Reverted) as caught:
            world.evm.call(token, take, sender=other)
        assert caught.value.output == selector("InsufficientAllowance()")


def test_the_token_is_a_plain_erc20():
    world = build("v3")
    holder, other, spender = (address for address, _ in accounts(3, "token"))
    token, evm = world.token0, world.evm

    def ask(signature: str, *arguments: bytes, sender: str = holder) -> int:
        return int.from_bytes(evm.call(token, selector(signature) + b"".join(arguments), sender=sender), "big")

    with world.anchor():
        ask("mint(address,uint256)", address_word(holder), word(100), sender=OPERATOR)
        assert ask("transfer(address,uint256)", address_word(other), word(30)) == 1
        topic = keccak(b"Transfer(address,address,uint256)")
        assert evm.logs == [(token, [topic, address_word(holder), address_word(other)], word(30))]
        assert ask("balanceOf(address)", address_word(holder)) == 70
        assert ask("approve(address,uint256)", address_word(spender), word(10)) == 1
        moved = ("transferFrom(address,address,uint256)", address_word(holder), address_word(other))
        assert ask(*moved, word(4), sender=spender) == 1
        assert ask("allowance(address,address)", address_word(holder), address_word(spender)) == 6
        assert ask("decimals()") == USD.decimals
        for call, error in (
            ((*moved, word(7)), "InsufficientAllowance()"),
            (("transfer(address,uint256)", address_word(other), word(67)), "InsufficientBalance()"),
            (("mint(address,uint256)", address_word(holder), word(1)), "OnlyMinter()"),
        ):
            sender = spender if call[0].startswith("transferFrom") else holder
            with pytest.raises(Reverted) as caught:
                ask(*call, sender=sender)
            assert caught.value.output == selector(error)
        assert ask("transfer(address,uint256)", address_word(holder), word(66)) == 1  # to itself: nothing is made
        assert ask("balanceOf(address)", address_word(holder)) == 66


def test_installed_contracts_have_addresses_of_their_own_and_last():
    world = build("v2")
    creation = harness_contract("Token").creation_code + word(18) + address_word(OPERATOR)
    first, second = world.install(creation), world.install(creation)
    assert first != second
    assert world.evm.code(first) == world.evm.code(second) == world.evm.code(world.token1)
    world.load({})
    assert world.evm.code(first)


def test_what_the_harness_places_is_the_compiled_contract():
    token = compile_trusted(["harness/Token.sol"])["Token"].runtime_code
    placed = build("v2").evm.code(USD.address)
    assert len(placed) == len(token)
    assert placed != token  # its immutables are set
