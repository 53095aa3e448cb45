"""What nodes and providers mean by their words, and how many blocks to ask for after them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rpc.errors import (
    NoStateError,
    RefusedError,
    RevertedError,
    TooMuchError,
    UnavailableError,
    UnknownBlockError,
    UnknownMethodError,
)
from ingest.rpc.ranges import CALM, START_BLOCKS, Span
from ingest.rpc.refusals import refusal, refuses_batches

# As users of these providers and clients reported them in public issue trackers, and as clients' sources have them.
LOGS = [
    (-32005, "query returned more than 10000 results", None, False),
    (-32005, "query returned more than 10000 results. Try with this block range [0xCB3D, 0x7B737].", 453627, False),
    (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit "
     "on the response size, or ... this block range should work: [0x0, 0x133e71]", 2000, True),
    (-32600, "You can make eth_getLogs requests with up to a 500 block range. Based on your parameters, this block "
     "range should work: [0x3d7773, 0x3d7966]", 500, True),
    (-32000, "Log response size exceeded. this block range should work: [0x64, 0x6d]", 10, False),
    (-32614, "eth_getLogs is limited to a 10,000 range", 10_000, True),
    (-32000, "eth_getLogs is limited to a 1000 blocks range", 1000, True),
    (-32602, "range 1000000 exceeds limit of 10000", 10_000, True),
    (-32602, "query exceeds max block range 100000", 100_000, True),
    (-32602, "query exceeds max results 20000, retry with the range 24383075-24383096", 22, False),
    (-32602, "query block range exceeds server limit, narrow your filter: 1000", 1000, True),
    (-32000, "query returns too many logs, narrow your filter: 20000", None, False),
    (-32000, "logs matched by query exceeds limit of 10000", None, False),
    (-32000, "requested too many blocks from 0 to 16777216, maximum is set to 2048", 2048, True),
    (-32000, "too wide blocks range, the limit is 100", 100, True),
    (35, "ranges over 10000 blocks are not supported on freetier", 10_000, True),
    (-32701, "exceed maximum block range: 50000", 50_000, True),
    (-32600, "block range is too wide", None, False),
    (-32000, "block range is too wide (maximum 1024)", 1024, True),
    (-32000, "block range too large, max range: 5000", 5000, True),
    (-32000, "block range is larger than max block range, block range = 5120, max block range = 5000", 5000, True),
    (-32000, "block range too large (2000), maximum allowed is 1000 blocks", 1000, True),
    (-32602, "Maximum allowed number of requested blocks is 1000", 1000, True),
    (-32602, "please limit the query to at most 1000 blocks", 1000, True),
    (-32000, "query must be smaller than size 1024", 1024, True),
    (-32000, "eth_getLogs range is too large, max is 10k blocks", 10_000, True),
    (-32000, "exceeds the range allowed for your plan (5000 > 1000)", 1000, True),
    (-32000, "maximum [from, to] blocks distance: 1000", 1000, True),
    (-32000, "block range greater than 4000 max", 4000, True),
    (-32000, "block range exceeds 1000", 1000, True),
    (-32020, "backend response too large", None, False),
    (-32003, "response too large", None, False),
    (-32000, "Block range limit exceeded. See more details at https://docs.example", None, False),
    (-32005, "limit exceeded", None, False),
    (-32600, "block range too high", None, False),
    (-32000, "response size should not greater than 10000000 bytes", None, False),
    (-32616, "response size exceeded", None, False),
    (-32000, "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response "
     "size limit, this block range should work: [0x1, 0x5]", 5, False),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "span", "lasting"), LOGS)
def test_too_many_logs_or_blocks_are_understood_with_what_would_do(code, message, span, lasting):
    found = refusal("eth_getLogs", {"code": code, "message": message})
    assert type(found) is TooMuchError
    assert (found.span_blocks, found.lasting) == (span, lasting)


def test_the_reason_may_stand_in_the_data_alone():
    told = {
        "code": -32602,
        "message": "invalid params",
        "data": {"payload": "range 9009594 is bigger than range limit 2000"},
    }
    assert refusal("eth_getLogs", told).span_blocks == 2000
    assert type(refusal("eth_getLogs", {"code": -32602, "message": "invalid params"})) is RefusedError


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (429, "Your app has exceeded its compute units per second capacity."),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32005, "project ID request rate exceeded"),
        (-32007, "50/second request limit reached - reduce calls per second"),
        (-32012, "credits limited to 6000/sec"),
        (-32000, "Monthly capacity limit exceeded. Visit ..."),
        (-32000, "Too Many Requests"),
        (-32029, "x"),
        (-32000, "rate limit exceeded: try a smaller range"),
    ],
)
@pytest.mark.parametrize("method", ["eth_getLogs", "eth_call"])
def test_rate_limits_are_no_question_of_ranges(code, message, method):
    found = refusal(method, {"code": code, "message": message})
    assert type(found) is UnavailableError
    assert not found.timed_out


@pytest.mark.parametrize(
    ("method", "code", "message", "kind"),
    [
        ("eth_getLogs", -32002, "request timed out", UnavailableError),
        ("eth_getLogs", -32000, "query timeout exceeded", UnavailableError),
        ("eth_getLogs", -32001, "8633830 could not be found", UnknownBlockError),
        ("eth_getLogs", -32000, "unknown block", UnknownBlockError),
        ("eth_call", -32000, "header not found", UnknownBlockError),
        ("eth_call", -32000, "no backend is currently healthy to serve traffic", UnavailableError),
        ("eth_call", -32603, "whatever", UnavailableError),
        ("eth_call", -32000, "limit exceeded", UnavailableError),
        ("eth_call", 3, "execution reverted: daily request quota", RevertedError),
        ("eth_call", -32000, "execution reverted", RevertedError),
        ("eth_call", -32015, "VM execution error.", RevertedError),
        ("eth_call", -32000, "invalid opcode: opcode 0xfe not defined", RevertedError),
        ("eth_call", -32000, "out of gas", RevertedError),
        ("eth_call", -32000, "missing trie node d74423b5 (path ) state 0x1 is not available, not found", NoStateError),
        ("eth_call", -32603, "State at block #3 is pruned", NoStateError),
        ("eth_call", -32000, "required historical state unavailable (reexec=128)", NoStateError),
        ("eth_call", -32000, "No state available for block 5", NoStateError),
        ("eth_call", -32000, "distance to target block exceeds maximum proof window", NoStateError),
        ("eth_call", -32000, "World state unavailable", NoStateError),
        ("eth_call", -32000, "your node is running with state pruning", NoStateError),
        ("eth_call", -32602, "Archive requests require a personal token", NoStateError),
        ("eth_getBlockReceipts", -32601, "the method eth_x does not exist/is not available", UnknownMethodError),
        ("eth_getBlockReceipts", -32000, "Method not found", UnknownMethodError),
        ("eth_getBlockReceipts", -32004, "method eth_getBlockReceipts is not supported", UnknownMethodError),
        ("eth_call", -32602, "invalid argument 0: hex string has length 3", RefusedError),
    ],
)  # fmt: skip
def test_other_words_are_told_apart(method, code, message, kind):
    assert type(refusal(method, {"code": code, "message": message})) is kind


def test_time_outs_are_marked_as_such():
    assert refusal("eth_getLogs", {"code": -32000, "message": "query timeout exceeded"}).timed_out


@pytest.mark.parametrize(
    "error", [None, 5, [], "x", {}, {"code": "x"}, {"code": True, "message": 7}, {"message": "\x1b[31mred\n" * 1000}]
)
def test_any_error_object_is_shown_printably_and_cut(error):
    found = refusal("eth_call", error)
    assert isinstance(found, RefusedError)
    assert str(found).isprintable()
    assert len(str(found)) < 1200


@given(st.text(max_size=300), st.integers(-(10**6), 10**6), st.sampled_from(["eth_getLogs", "eth_call", "eth_chainId"]))
def test_no_words_break_the_reading(said, code, method):
    found = refusal(method, {"code": code, "message": said, "data": said})
    assert not isinstance(found, TooMuchError) or found.span_blocks is None or found.span_blocks > 0


@pytest.mark.parametrize(
    "message", ["batch too large", "batch limit 100 exceeded: 142 requests given", "batch requests are not supported"]
)
def test_a_refused_batch_is_told_from_refused_questions(message):
    assert refuses_batches({"code": -32600, "message": message})
    assert not refuses_batches({"code": -32000, "message": "header not found"})


# ---------------------------------------------------------------- spans


@given(st.integers(1, 5000), st.integers(0, 3000), st.lists(st.integers(0, 400), max_size=60))
def test_a_span_finds_what_a_node_takes_and_never_stands_still(limit, suggested, counts):
    """A node that takes ``limit`` blocks: every refusal asks for fewer, and soon nothing is refused."""
    span, refused = Span(100_000, 200), 0
    for logs in counts:
        asked = span.size
        for _ in range(64):
            if asked <= limit:
                break
            refused += 1
            smaller = span.refused(asked, suggested or None)
            assert 1 <= smaller < asked
            asked = smaller
        assert asked <= limit
        span.answered(asked, logs)
        assert 1 <= span.size <= 100_000
    assert refused <= 20 + 14 * (len(counts) // CALM + 1)


def test_a_limit_that_is_the_nodes_rule_is_kept():
    span = Span(100_000, 1000)
    assert span.refused(1000, 300, lasting=True) == 300
    for _ in range(100):
        span.answered(span.size, 0)
    assert span.size == 300


def test_a_span_grows_while_answers_are_small_and_again_after_a_refusal():
    span = Span(100_000, 1000)
    span.answered(span.size, 10)
    assert span.size == 2 * START_BLOCKS
    span.refused(span.size)
    assert span.size == START_BLOCKS
    for _ in range(CALM + 2):
        span.answered(span.size, 10)
    assert span.size > 2 * START_BLOCKS


def test_a_span_shrinks_where_answers_are_large():
    span = Span(100_000, 1000)
    span.answered(span.size, 1001)
    assert span.size == START_BLOCKS // 2
    span.answered(span.size, 700)
    assert span.size == START_BLOCKS // 2


@pytest.mark.parametrize("suggested", [0, 1000, 1001, 10**9, -5])
def test_a_suggestion_that_is_no_smaller_is_not_taken(suggested):
    assert Span(100_000, 1000).refused(1000, suggested, lasting=True) == 500
