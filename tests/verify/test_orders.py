"""Hand-packed orders against a general ABI encoder and against the kernel itself."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import LAZY

from ingest.records import Pool, PoolState, Token
from verify import kernel
from verify.abi import address_word, selector, word
from verify.admission import admit
from verify.orders import (
    domain_separator,
    no_fills,
    order_words,
    read_fills,
    settle_harness_calldata,
    settle_signed_calldata,
    sign,
)
from verify.world import World, accounts

TUPLE = "(address,address,address,uint256,uint256,uint256,bool,uint64,uint64)"
TOKENS = ("0x" + "a1" * 20, "0x" + "b2" * 20)

uint256 = st.integers(0, 2**256 - 1)
uint64 = st.integers(0, 2**64 - 1)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
fields = st.tuples(addresses, addresses, addresses, uint256, uint256, uint256, st.booleans(), uint64, uint64)


def words_of(order):
    names = ("trader", "sell_token", "buy_token", "sell_amount", "min_buy_amount", "nonce", "partially_fillable")
    return order_words(**dict(zip((*names, "valid_to", "placed_at"), order, strict=True)))


@given(st.lists(fields, max_size=4))
def test_calldata_is_what_a_general_encoder_makes(orders):
    key = PrivateKey(b"\x01" * 32)
    signed = [sign(words_of(order), key, b"\x02" * 32) for order in orders]
    assert settle_signed_calldata(signed) == selector(f"settle({TUPLE}[],bytes[])") + encode(
        [f"{TUPLE}[]", "bytes[]"], [orders, [order.signature for order in signed]]
    )
    assert settle_harness_calldata([words_of(order) for order in orders]) == selector(f"settle({TUPLE}[])") + encode(
        [f"{TUPLE}[]"], [orders]
    )


@pytest.fixture(scope="module")
def deployed():
    pool = Pool("v2", 31337, "0x" + "77" * 20, Token(TOKENS[0], "A", 18), Token(TOKENS[1], "B", 18), 3000)
    world = World.build(PoolState(pool, None, reserve0=10**24, reserve1=10**24))
    rule = world.install(admit(LAZY.source, file=LAZY.file).creation_code)
    return world, world.install(kernel.creation(rule, [(world.pool, 2)]))


@given(fields)
@settings(deadline=None)
def test_the_kernel_finds_the_signer_in_what_was_signed(deployed, order):
    world, address = deployed
    trader, key = accounts(1)[0]
    words = words_of((trader, *order[1:]))
    domain = domain_separator(31337, address)
    signed = sign(words, PrivateKey(key), domain)
    with world.anchor():
        digest = world.evm.call(address, selector(f"orderDigest({TUPLE})") + words, sender=trader)
        assert world.evm.call(address, selector("domainSeparator()"), sender=trader) == domain
    r_s, v = signed.signature[:64], signed.signature[64]
    call = digest + bytes(31) + bytes((v,)) + r_s
    with world.anchor():
        recovered = world.evm.call("0x" + "00" * 19 + "01", call, sender=trader)
    assert recovered[12:].hex() == trader[2:]


@given(st.lists(st.tuples(uint256, uint256), max_size=5))
def test_fills_are_read_back(fills):
    assert read_fills(encode(["(uint256,uint256)[]"], [fills]), len(fills)) == fills


def test_another_number_of_fills_is_refused():
    with pytest.raises(ValueError, match="not 2 fills"):
        read_fills(encode(["(uint256,uint256)[]"], [[(1, 2)]]), 2)


def test_errors_of_the_kernel_are_told_in_words():
    below = selector("BelowLimit(uint256)") + (3).to_bytes(32, "big")
    assert kernel.error_in_words(below) == ("BelowLimit", "BelowLimit(3)")
    failed = selector("RuleFailed(bytes)") + encode(["bytes"], [below])
    assert kernel.error_in_words(failed) == ("RuleFailed", "the rule failed: BelowLimit(3)")
    nothing = selector("RuleFailed(bytes)") + encode(["bytes"], [b""])
    assert "without a reason" in kernel.error_in_words(nothing)[1]
    assert kernel.error_in_words(b"")[0] == "reverted"


def test_an_imitated_error_filled_with_anything_is_still_told():
    endless = selector("RuleFailed(bytes)") + word(32) + word(2**255)
    assert kernel.error_in_words(endless) == ("RuleFailed", "RuleFailed")


def test_a_kernel_in_use_is_as_its_own_views_tell(deployed):
    world, address = deployed
    trader = accounts(1)[0][0]
    world.evm.rebase(kernel.in_use(address, [trader], world.ledgers))

    def view(signature, *arguments):
        with world.anchor():
            output = world.evm.call(address, selector(signature) + b"".join(arguments), sender=trader)
        return int.from_bytes(output, "big")

    assert view("nonceBits(address,uint256)", address_word(trader), word(0)) == 1 << 255
    for token in (world.token0, world.token1):
        assert view("residue(address)", address_word(token)) == kernel.EARLIER_RESIDUE
        assert world.evm.storage(*world.balance_key(token, address)) == kernel.EARLIER_RESIDUE


def test_no_fills_are_read_back_as_such():
    assert read_fills(no_fills(3), 3) == [(0, 0)] * 3
