"""Damaged and hostile call data: an answer that says why, in bounded time, and never another reading of sound data."""

from __future__ import annotations

import time

import pytest
from eth_abi import decode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st
from router_calls import (
    CALLER,
    DEADLINE,
    FRIEND,
    ITSELF,
    SENDER,
    SWAP,
    UNIVERSAL_1,
    UNIVERSAL_1_2,
    UNIVERSAL_2,
    V2_ROUTER,
    V2_SWAP,
    V3_ROUTER,
    V3_ROUTER_02,
    A,
    B,
    arguments,
    call,
    decoded,
    execute,
    only,
    packed,
    plan,
    reason,
)

from ingest.block_intents import calls_in_block
from ingest.calldata.abi import MAX_ITEMS, Args, CallDataError
from ingest.calldata.decode import MAX_BYTES, Undecodable
from ingest.traces import read_block

ROUTERS = [V2_ROUTER, V3_ROUTER, V3_ROUTER_02, UNIVERSAL_1, UNIVERSAL_1_2, UNIVERSAL_2]
V2_SELL = "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"
INPUT = "exactInput((bytes,address,uint256,uint256,uint256))"
SECONDS = 1.0  # the slowest call below takes 50 ms


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


SOUND = [
    (V2_ROUTER, call(V2_SELL, 100, 90, [A, B], FRIEND, DEADLINE)),
    (V3_ROUTER, call("multicall(bytes[])", [call(INPUT, (packed(A, 500, B), FRIEND, DEADLINE, 100, 90))])),
    (
        UNIVERSAL_2,
        execute(
            (0x00, SWAP, ITSELF, 60, 0, packed(A, 500, B), True),
            (0x21, "bytes,bytes[]", *plan((0x08, V2_SWAP, ITSELF, 40, 0, [A, B], True))),
            (0x04, "address,address,uint256", B, CALLER, 90),
        ),
    ),
    (
        UNIVERSAL_2,
        execute(
            (
                0x10,
                "bytes,bytes[]",
                *plan(
                    (
                        0x07,
                        "(address,(address,uint24,int24,address,bytes)[],uint128,uint128)",
                        (A, [(B, 500, 10, CALLER, b"")], 100, 90),
                    ),
                    (0x0C, "address,uint256", A, 100),
                    (0x0F, "address,uint256", B, 90),
                ),
            )
        ),
    ),
]


def answers(to: str, data: bytes, value: int = 0) -> object:
    answer = decoded(to, data, value)
    assert isinstance(answer, tuple | Undecodable)
    return answer


@given(to=st.sampled_from(ROUTERS), data=st.binary(max_size=400), value=st.integers(0, 2**256 - 1))
def test_any_bytes_have_an_answer(to, data, value):
    answers(to, data, value)


@given(
    sound=st.sampled_from(SOUND),
    at=st.integers(0, 5_000),
    junk=st.one_of(st.binary(max_size=40), st.integers(0, 2**256 - 1).map(word)),
    dropped=st.integers(0, 70),
)
def test_damaged_calls_have_an_answer(sound, at, junk, dropped):
    to, data = sound
    at %= len(data)
    answers(to, data[:at] + junk + data[at + dropped :])


@given(sound=st.sampled_from(SOUND), place=st.integers(0, 200), number=st.integers(0, 2**256 - 1))
def test_any_word_in_the_place_of_another_has_an_answer(sound, place, number):
    to, data = sound
    at = 4 + 32 * (place % ((len(data) - 4) // 32))
    for value in (number, number % 4096, number % 4096 * 32 % 4096):
        answers(to, data[:at] + word(value) + data[at + 32 :])


@given(sound=st.sampled_from(SOUND), cut=st.integers(1, 4_000))
def test_a_call_that_was_cut_off_is_never_read_as_another(sound, cut):
    to, data = sound
    whole = decoded(to, data)
    answer = answers(to, data[: -1 - cut % (len(data) - 1)])
    assert isinstance(answer, Undecodable) or answer == whole  # a cut through padding loses nothing


@given(sound=st.sampled_from(SOUND), junk=st.binary(max_size=200))
def test_what_hangs_behind_a_call_changes_nothing(sound, junk):
    to, data = sound
    assert decoded(to, data + junk) == decoded(to, data)


@given(data=st.data())
def test_real_calls_that_were_damaged_have_an_answer(real_calls, data):
    one = data.draw(st.sampled_from(real_calls))
    at = data.draw(st.integers(4, len(one.data) - 1))
    flipped = data.draw(st.integers(1, 255))
    answers(one.to, one.data[:at] + bytes([one.data[at] ^ flipped]) + one.data[at + 1 :], one.value_wei)


@pytest.fixture(scope="module")
def real_calls(shared_data):
    blocks = sorted((shared_data / "mev_blocks_mainnet").glob("block_133*_traces.json.gz"))
    calls = [one for path in blocks for one in calls_in_block(read_block(path)) if len(one.data) > 4]
    assert len(calls) > 50
    return calls


@given(
    numbers=st.lists(st.integers(0, 2**256 - 1), min_size=2, max_size=2),
    path=st.lists(st.integers(0, 2**160 - 1).map(lambda number: f"0x{number:040x}"), min_size=2, max_size=9),
    text=st.binary(max_size=100),
)
def test_what_another_encoder_wrote_is_read_the_same(numbers, path, text):
    args = Args(arguments("uint256,address[],bytes,uint256", numbers[0], path, text, numbers[1]))
    assert [args.uint(0), args.uint(3)] == numbers
    assert (args.addresses(1), args.bytes(2)) == (tuple(path), text)


@given(words=st.lists(st.one_of(st.integers(0, 4), st.integers(0, 14).map(lambda n: 32 * n)), max_size=14))
def test_what_another_decoder_reads_is_read_the_same(words):
    data = b"".join(map(word, words))
    try:
        path, text = decode(["address[]", "bytes"], data)
    except (DecodingError, OverflowError):
        return
    args = Args(data)
    assert args.bytes(1) == text
    if len(path) > 1:
        assert args.addresses(0) == path


WRONG = {
    "ends before": call(V2_SELL, 100, 90, [A, B], FRIEND, DEADLINE)[:40],
    "offset": call(V2_SELL, 100, 90, [A, B], FRIEND, DEADLINE).replace(word(0xA0), word(1 << 255)),
    "items": call(V2_SELL, 100, 90, [A, B], FRIEND, DEADLINE).replace(word(2), word(1 << 200)),
    "0 tokens": call(V2_SELL, 100, 90, [], FRIEND, DEADLINE),
    "1 tokens": call(V2_SELL, 100, 90, [A], FRIEND, DEADLINE),
    "160 bits": call(V2_SELL, 100, 90, [A, B], FRIEND, DEADLINE).replace(word(int(B, 16)), word(1 << 160)),
    "unknown method 0x010203": b"\1\2\3",
}


@pytest.mark.parametrize("why", WRONG)
def test_says_why_a_call_cannot_be_read(why):
    assert why in reason(V2_ROUTER, WRONG[why])


def test_a_length_that_reaches_outside_is_refused_and_not_cut():
    data = call(INPUT, (packed(A, 500, B), FRIEND, DEADLINE, 100, 90))
    assert "reach outside" in reason(V3_ROUTER, data.replace(word(43), word(1 << 62)))
    with pytest.raises(CallDataError, match="reach outside"):
        Args(word(32) + word(1 << 255) + bytes(64)).bytes(0)


def test_padding_is_not_looked_at():
    """The chain executes calls whose last bytes are not padded, or padded with something."""
    data = call(INPUT, (packed(A, 500, B), FRIEND, DEADLINE, 100, 90))
    assert only(V3_ROUTER, data[:-21]) == only(V3_ROUTER, data)
    assert only(V3_ROUTER, data[:-21] + b"\xff" * 21) == only(V3_ROUTER, data)
    assert "reach outside" in reason(V3_ROUTER, data[:-22])


def test_a_v3_path_is_read_hop_by_hop_and_what_is_left_over_ignored():
    for extra in (b"", b"\1" * 22):
        data = call(INPUT, (packed(A, 500, B) + extra, FRIEND, DEADLINE, 100, 90))
        assert only(V3_ROUTER, data).path == (A, B)
    for short in (b"", packed(A), packed(A, 500, B)[:-1]):
        assert "no hop" in reason(V3_ROUTER, call(INPUT, (short, FRIEND, DEADLINE, 100, 90)))


def repeated(inner: bytes, times: int) -> bytes:
    """A list of byte strings that all are one and the same piece of data."""
    return word(times) + word(32 * times) * times + word(len(inner)) + inner + bytes(-len(inner) % 32)


def nested_multicall(width: int, depth: int) -> bytes:
    data = call("multicall(bytes[])", [])
    for _ in range(depth):
        data = data[:4] + word(32) + repeated(data, width)
    return data


def wide_plan(commands: bytes, inner: bytes) -> bytes:
    """Commands that all have the same input."""
    length = word(len(commands)) + commands + bytes(-len(commands) % 32)
    return word(64) + word(64 + len(length)) + length + repeated(inner, len(commands))


def sub_plans(depth: int) -> bytes:
    data = wide_plan(b"", b"")
    for _ in range(depth):
        data = wide_plan(b"\x21" * 200, data)
    return data


EXECUTE = execute(deadline=None)[:4]
LONG_PATH = arguments(V2_SWAP, CALLER, 1, 1, [f"0x{number:040x}" for number in range(MAX_ITEMS)], True)
BOMBS = {
    "wide multicalls in each other": (V3_ROUTER, nested_multicall(200, 6)),
    "a deep multicall": (V3_ROUTER_02, nested_multicall(1, 500)),
    "plans in each other": (UNIVERSAL_2, EXECUTE + sub_plans(6)),
    "one long path for every command": (UNIVERSAL_2, EXECUTE + wide_plan(b"\x08" * 256, LONG_PATH)),
    "one large input for every command": (UNIVERSAL_2, EXECUTE + wide_plan(b"\x0a" * 256, bytes(200_000))),
    "one large v4 action many times": (
        UNIVERSAL_2,
        EXECUTE + wide_plan(b"\x10" * 200, wide_plan(b"\x0c" * 200, bytes(100_000))),
    ),
    "more than fits": (UNIVERSAL_2, EXECUTE + bytes(MAX_BYTES)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_answered_in_bounded_time(bomb):
    to, data = BOMBS[bomb]
    started = time.process_time()
    answers(to, data)
    assert time.process_time() - started < SECONDS


def test_bounds_are_named():
    assert "more than 256 calls" in reason(V3_ROUTER, nested_multicall(200, 6))
    assert "more than 8 in each other" in reason(V3_ROUTER_02, nested_multicall(1, 9))
    assert decoded(V3_ROUTER_02, nested_multicall(1, 8)) == ()
    assert f"more than {MAX_BYTES}" in reason(V2_ROUTER, bytes(MAX_BYTES + 1))
    swap = call(INPUT, (packed(A, 500, B), SENDER, 1, 2, 3))
    assert "more than 256" in reason(V3_ROUTER, call("multicall(bytes[])", [swap] * 257))
    assert only(V3_ROUTER, call("multicall(bytes[])", [swap] * 255)).amount_in == 2 * 255
