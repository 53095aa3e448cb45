"""Signed orders: whose will an order is, and that the two entries differ in nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.kernel_world import CHAIN_ID, NOBODY, NOW, World, reverts

E18 = 10**18
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ORDER_TYPE = (
    b"Order(address trader,address sellToken,address buyToken,uint256 sellAmount,uint256 minBuyAmount,"
    b"uint256 nonce,bool partiallyFillable,uint64 validTo,uint64 placedAt)"
)
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@pytest.fixture
def world():
    return World(signed=True)


def settle_both(world: World, order, signature: bytes):
    """This order with this signature, beside a sound one that must fill."""
    sound = world.order(2, E18, sells0=False)
    world.script([(E18, 0)])
    settled = world.settle([order, sound], signatures=[signature, world.sign(sound)], sender=NOBODY)
    assert settled.fills == [(0, 0), (E18, 0)]
    assert world.balance(world.token0, order.trader) == E18
    return settled


def test_a_signed_order_fills_whoever_settles(world):
    order = world.order(1, E18)
    world.script([(E18, 0)])
    assert world.settle([order], sender=NOBODY).fills == [(E18, 0)]


def test_the_digest_is_eip_712(world):
    """Computed anew from the standard's text."""
    order = world.order(1, E18, min_buy_amount=5, partially_fillable=True, nonce=2**200, valid_to=2**64 - 1)
    types = ["address"] * 3 + ["uint256"] * 3 + ["bool", "uint64", "uint64"]
    struct_hash = keccak(keccak(ORDER_TYPE) + encode(types, order.encoded()))
    domain = keccak(
        keccak(DOMAIN_TYPE)
        + keccak(b"Pactsmith")
        + keccak(b"1")
        + encode(["uint256", "address"], [CHAIN_ID, world.kernel.address])
    )
    assert world.kernel.call("domainSeparator") == domain
    assert world.kernel.call("orderDigest", order.encoded()) == keccak(b"\x19\x01" + domain + struct_hash)


def test_somebody_elses_signature(world):
    order = world.order(1, E18)
    settled = settle_both(world, order, world.sign(order, key=world.key(3)))
    assert settled.dropped() == {0: "BadSignature"}


@pytest.mark.parametrize(
    "change",
    [
        {"sell_amount": E18 - 1},
        {"min_buy_amount": 1},
        {"nonce": 77},
        {"partially_fillable": True},
        {"valid_to": NOW + 1},
        {"placed_at": NOW - 1},
        {"buy_token": NOBODY},
        {"sell_token": NOBODY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_after_signing(world, change):
    order = world.order(1, E18)
    settled = settle_both(world, replace(order, **change), world.sign(order))
    assert settled.dropped() == {0: "BadSignature"}


def test_the_other_signature_with_the_high_s(world):
    order = world.order(1, E18)
    good = world.sign(order)
    s = int.from_bytes(good[32:64])
    assert s <= CURVE_ORDER // 2
    mirrored = good[:32] + (CURVE_ORDER - s).to_bytes(32) + bytes([55 - good[64]])
    assert settle_both(world, order, mirrored).dropped() == {0: "BadSignature"}


@pytest.mark.parametrize(
    "mangle",
    [
        lambda good: good[:64] + bytes([good[64] - 27]),
        lambda good: good[:64] + b"\x1d",
        lambda good: good[:64],
        lambda good: good + b"\0",
        lambda good: good[:0],
        lambda good: b"\0" * 64 + good[64:],
        lambda good: good[:32] + b"\0" * 32 + good[64:],
    ],
)
def test_malformed_signatures(world, mangle):
    order = world.order(1, E18)
    assert settle_both(world, order, mangle(world.sign(order))).dropped() == {0: "BadSignature"}


def test_nobody_signs_for_address_zero(world):
    order = replace(world.order(1, E18), trader="0x" + "00" * 20)
    world.script([])
    assert world.settle([order], signatures=[b"\0" * 64 + b"\x1b"]).dropped() == {0: "BadSignature"}


def test_a_replayed_order(world):
    order = world.order(1, E18, funds=2 * E18)
    world.script([(E18, 0)])
    world.settle([order])
    assert settle_both(world, order, world.sign(order)).dropped() == {0: "NonceUsed"}


def test_an_expired_order(world):
    order = world.order(1, E18, valid_to=NOW - 1)
    assert settle_both(world, order, world.sign(order)).dropped() == {0: "OrderExpired"}


def test_an_order_for_another_kernel(world):
    """Same rule, same venues, same chain: only the address differs."""
    order = world.order(1, E18)
    other = world.new_kernel(signed=True)
    assert settle_both(world, order, world.sign(order, kernel=other)).dropped() == {0: "BadSignature"}


def test_an_order_for_another_chain():
    """A kernel that finds itself on a chain with another id asks for signatures of that chain."""
    here, there = World(signed=True), World(signed=True, chain_id=5)
    assert here.kernel.address == there.kernel.address
    assert here.kernel.call("domainSeparator") != there.kernel.call("domainSeparator")
    order = here.order(1, E18)
    assert settle_both(here, order, there.sign(order)).dropped() == {0: "BadSignature"}


def test_the_domain_follows_a_split_of_the_chain(world):
    """The code that was deployed on chain 1, running where the chain id is 5: no signature of chain 1 counts."""
    split = World(signed=True, chain_id=5, kernel_runtime=world.evm.code(world.kernel.address))
    assert split.kernel.address == world.kernel.address
    assert split.kernel.call("domainSeparator") != world.kernel.call("domainSeparator")
    order = split.order(1, E18)
    assert settle_both(split, order, world.sign(order)).dropped() == {0: "BadSignature"}
    split.script([(E18, 0)])
    assert split.settle([order], signatures=[split.sign(order)]).fills == [(E18, 0)]


def test_one_signature_for_each_order(world):
    order = world.order(1, E18)
    with reverts("SignatureCount", 0, 1):
        world.settle([order], signatures=[])
    with reverts("SignatureCount", 2, 1):
        world.settle([order], signatures=[world.sign(order)] * 2)


@settings(max_examples=40, deadline=None)
@given(
    sales=st.lists(
        st.tuples(
            st.booleans(), st.integers(1, 10**30), st.integers(0, 10**30), st.booleans(), st.sampled_from([NOW, 0])
        ),
        max_size=8,
    )
)
def test_both_entries_give_the_same_fills_and_the_same_end_state(pair, sales):
    """Same orders, same rule that trades on a genuine pool: fills, events, balances and storage are equal."""
    outcomes = []
    for world in pair:
        with world.evm.anchor():
            orders = [
                world.order(1 + i, sell, sells0=sells0, min_buy_amount=least, partially_fillable=part, valid_to=until)
                for i, (sells0, sell, least, part, until) in enumerate(sales)
            ]
            settled = world.settle(orders, gas=100_000_000)
            balances = [
                world.balance(token, owner)
                for token in (world.token0, world.token1)
                for owner in (world.kernel.address, world.pools[0].address, *(order.trader for order in orders))
            ]
            nonces = [world.kernel.call("nonceBits", order.trader, 0) for order in orders]
            outcomes.append((settled.fills, settled.events, balances, nonces, world.residue()))
    assert outcomes[0] == outcomes[1]


@pytest.fixture(scope="module")
def pair():
    rule = ("MirrorRule", encode(["uint256"], [0]))
    return World(rule=rule, signed=True), World(rule=rule, signed=False)
