"""A node that is asked until it answers: how often, how long, in what batches, and what is said in the end."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rpc_provider import DIALECTS_OF_NO_STATE, Provider
from scripted_node import Raw, ScriptedNode, error, result

from ingest.rpc import answers
from ingest.rpc.errors import (
    AnswerError,
    BudgetError,
    NoStateError,
    RefusedError,
    TooMuchError,
    UnavailableError,
    UnknownMethodError,
)
from ingest.rpc.node import Ask, Node


def node_at(server: ScriptedNode, **changes) -> Node:
    spread = random.Random(1)
    return Node(server.url, **({"generator": spread, "backoff_s": 0.001, "timeout_s": 2.0, "attempts": 4} | changes))


def in_turn(*scripts):
    """A script that answers each request by the next of its parts, and from then on by the last."""
    left = list(scripts)

    def script(request):
        part = left.pop(0) if len(left) > 1 else left[0]
        return part(request) if callable(part) else part

    return script


def good(request):
    """Each question's answer is its only parameter."""
    if isinstance(request, list):
        return [result(one, one["params"][0]) for one in request]
    return result(request, request["params"][0] if request["params"] else "0x1")


def number(value: str) -> Ask[int]:
    return Ask("m", [value], answers.quantity)


def each(request, answer):
    return [answer(one) for one in request] if isinstance(request, list) else answer(request)


# ---------------------------------------------------------------- retries

PASSING = {
    "429": Raw(b"", 429),
    "500": Raw(b"<html>", 500),
    "502": Raw(b"", 502),
    "520": Raw(b"", 520),
    "no json": Raw(b"<html>"),
    "cut off": Raw(b'{"jsonrpc": "2.0", "id":', length=500),
    "closed": Raw(b"", length=10),
    "null": Raw(b"null"),
    "number": Raw(b"7"),
    "wrong id": lambda request: each(request, lambda one: result(one | {"id": 10**6}, "0x1")),
    "no id": lambda request: each(request, lambda one: result(one | {"id": None}, "0x1")),
    "neither": lambda request: each(request, lambda one: {"jsonrpc": "2.0", "id": one["id"]}),
    "null result": lambda request: each(request, lambda one: result(one, None)),
    "odd result": lambda request: each(request, lambda one: result(one, 7)),
    "rate limit": lambda request: each(request, lambda one: error(one, -32005, "rate limit exceeded")),
    "header": lambda request: each(request, lambda one: error(one, -32000, "header not found")),
    "internal": lambda request: each(request, lambda one: error(one, -32603, "oops")),
    "429 with an error": lambda _: Raw(b'{"id": null, "error": {"code": 1, "message": "x"}}', 429),
}


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("times", [1, 3])
def test_what_passes_is_waited_out(trouble, times):
    with ScriptedNode(in_turn(*[PASSING[trouble]] * times, good)) as server:
        node = node_at(server)
        assert node.ask(number("0x2a")) == 42
        assert len(server.asked) == times + 1
        assert node.traffic.requests == times + 1
        assert node.traffic.failures == times
        assert node.traffic.waited_s > 0


@pytest.mark.parametrize("trouble", PASSING)
def test_what_passes_for_a_batch_is_waited_out(trouble):
    with ScriptedNode(in_turn(PASSING[trouble], PASSING[trouble], good)) as server:
        assert node_at(server).ask_all([number(hex(n)) for n in range(5)]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("trouble", PASSING)
@pytest.mark.parametrize("calls", [1, 3])
def test_what_does_not_pass_is_given_up_after_the_attempts(trouble, calls):
    with ScriptedNode(in_turn(PASSING[trouble])) as server:
        with pytest.raises((UnavailableError, AnswerError), match="given up after 4 attempts"):
            node_at(server).ask_all([number("0x1")] * calls)
        assert len(server.asked) == 4


def test_in_a_batch_only_what_failed_is_asked_again():
    def second_fails(request):
        missing = request[1]["id"]
        return [error(one, -32000, "header not found") if one["id"] == missing else good(one) for one in request]

    with ScriptedNode(in_turn(second_fails, good)) as server:
        assert node_at(server).ask_all([number(hex(n)) for n in range(4)]) == [0, 1, 2, 3]
        assert [one["params"] for one in server.asked[0]] == [["0x0"], ["0x1"], ["0x2"], ["0x3"]]
        assert server.asked[1]["params"] == ["0x1"]


FINAL = {
    "401": (Raw(b"", 401), RefusedError, "check the key"),
    "403": (Raw(b"", 403), RefusedError, "check the key"),
    "404": (Raw(b"", 404), RefusedError, "no JSON-RPC endpoint"),
    "method": (lambda one: error(one, -32601, "the method m does not exist/is not available"), UnknownMethodError, "m"),
    "pruned": (lambda one: error(one, -32000, "missing trie node abc (path )"), NoStateError, "missing trie node"),
    "params": (lambda one: error(one, -32602, "invalid argument 0"), RefusedError, "invalid argument 0"),
    "too large": (Raw(b"", 413), TooMuchError, "413"),
}


@pytest.mark.parametrize("trouble", FINAL)
def test_what_no_other_try_helps_is_said_at_once(trouble):
    script, kind, words = FINAL[trouble]
    with ScriptedNode(in_turn(script)) as server:
        with pytest.raises(kind, match=words):
            node_at(server).ask(number("0x1"))
        assert len(server.asked) == 1


def test_an_answer_that_times_out_is_given_up_sooner_where_that_is_asked():
    with ScriptedNode(in_turn(Raw(b"{", pieces=1, length=50, pause_s=5))) as server:
        with pytest.raises(UnavailableError) as caught:
            node_at(server, timeout_s=0.1).ask(number("0x1"), timed_out_attempts=2)
        assert caught.value.timed_out
        assert len(server.asked) == 2


def test_pauses_grow_and_are_spread():
    with ScriptedNode(in_turn(Raw(b"", 503))) as server:
        node = node_at(server, attempts=6, backoff_s=0.01)
        with pytest.raises(UnavailableError):
            node.ask(number("0x1"))
        most = 0.01 * (1 + 2 + 4 + 8 + 16)
        assert most / 2 <= node.traffic.waited_s <= most


def infura(request):
    return error(request, -32005, "project ID request rate exceeded", data={"rate": {"backoff_seconds": 1}})


@pytest.mark.parametrize("answer", [Raw(b"", 429, {"Retry-After": "1"}), infura])
def test_the_pause_that_a_node_asks_for_holds_for_all_threads(answer):
    with ScriptedNode(in_turn(answer, good)) as server:
        node = node_at(server)
        first = threading.Thread(target=node.ask, args=(number("0x1"),))
        started = time.monotonic()
        first.start()
        while not node.traffic.failures:
            time.sleep(0.001)
        assert node.ask(number("0x2")) == 2
        assert time.monotonic() - started >= 1
        first.join()


# ---------------------------------------------------------------- batches


def refusing(most: int, how):
    def script(request):
        return how(request) if isinstance(request, list) and len(request) > most else good(request)

    return script


REFUSALS_OF_BATCHES = {
    "geth": lambda request: [error(request[0], -32600, "batch too large")],
    "erigon": lambda request: error({"id": None}, -32000, f"batch limit 100 exceeded: {len(request)} requests given"),
    "unknown words": lambda _: error({"id": None}, -32600, "Invalid Request"),
    "413": lambda _: Raw(b"<html>", 413),
    "400": lambda _: Raw(b"", 400),
    "each too large": lambda request: [error(one, -32003, "response too large") for one in request],
}


@pytest.mark.parametrize("words", REFUSALS_OF_BATCHES)
@pytest.mark.parametrize("most", [1, 6])
def test_a_node_that_refuses_a_batch_is_asked_in_smaller_ones_from_then_on(words, most):
    with ScriptedNode(refusing(most, REFUSALS_OF_BATCHES[words])) as server:
        node = node_at(server)
        questions = [number(hex(n)) for n in range(40)]
        assert node.ask_all(questions) == list(range(40))
        server.asked.clear()
        assert node.ask_all(questions) == list(range(40))
        assert max(len(one) if isinstance(one, list) else 1 for one in server.asked) <= most
        assert node.traffic.failures == 0


def test_a_batch_that_times_out_comes_in_parts():
    def slow(request):
        return Raw(b"{", length=9, pause_s=3) if isinstance(request, list) and len(request) > 4 else good(request)

    with ScriptedNode(slow) as server:
        assert node_at(server, timeout_s=0.2).ask_all([number(hex(n)) for n in range(16)]) == list(range(16))


def test_no_batch_is_larger_than_asked_and_one_question_is_no_batch():
    with ScriptedNode(good) as server:
        node = node_at(server, batch=8)
        assert node.ask_all([number(hex(n)) for n in range(17)]) == list(range(17))
        assert [len(one) if isinstance(one, list) else 0 for one in server.asked] == [8, 8, 0]
        assert node.ask_all([]) == []


def test_no_more_exchanges_are_open_than_connections_allow():
    open_now, most, lock = [0], [0], threading.Lock()

    def script(request):
        with lock:
            open_now[0] += 1
            most[0] = max(most[0], open_now[0])
        time.sleep(0.02)
        with lock:
            open_now[0] -= 1
        return good(request)

    with ScriptedNode(script) as server, ThreadPoolExecutor(8) as pool:
        node = node_at(server, connections=3)
        assert list(pool.map(node.ask, [number(hex(n)) for n in range(24)])) == list(range(24))
    assert most[0] == 3


# ---------------------------------------------------------------- time


def test_a_time_budget_is_kept_with_waits_and_slow_answers():
    for script in (Raw(b"", 503), Raw(b"{", length=50, pause_s=9)):
        with ScriptedNode(in_turn(script)) as server:
            started = time.monotonic()
            with pytest.raises(BudgetError, match=r"time budget of 0\.5 s is used up; the last problem was: http"):
                node_at(server, budget_s=0.5, attempts=1000, backoff_s=0.05).ask(number("0x1"))
            assert time.monotonic() - started < 1.5


def test_a_wait_that_the_budget_does_not_allow_is_not_begun():
    with ScriptedNode(in_turn(Raw(b"", 429, {"Retry-After": "200"}))) as server:
        started = time.monotonic()
        with pytest.raises(BudgetError):
            node_at(server, budget_s=5).ask(number("0x1"))
        assert time.monotonic() - started < 1


def test_closing_ends_every_wait():
    with ScriptedNode(in_turn(Raw(b"", 429, {"Retry-After": "200"}))) as server:
        node = node_at(server)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(node.ask, number("0x1"))
            while not node.traffic.failures:
                time.sleep(0.001)
            node.close()
            with pytest.raises(UnavailableError, match="closed"):
                waiting.result(2)


# ---------------------------------------------------------------- contracts


def test_a_call_that_reverts_gives_none_and_the_others_their_answers():
    def script(request):
        def one(call):
            reverts = call["params"][0]["data"] == "0x02"
            words = "execution reverted: rate limit of the archive"  # a contract's own, which mean nothing here
            return error(call, 3, words, data="0x08c379a0") if reverts else result(call, call["params"][0]["data"])

        return each(request, one)

    with ScriptedNode(script) as server:
        calls = [("0x" + "11" * 20, bytes([n])) for n in range(4)]
        assert node_at(server).call_contracts(calls, 7) == [b"\0", b"\1", None, b"\3"]
        assert node_at(server, batch=1).call_contracts(calls) == [b"\0", b"\1", None, b"\3"]
        assert node_at(server).call_contracts([]) == []
        asked = [one for request in server.asked for one in (request if isinstance(request, list) else [request])]
        assert {one["params"][1] for one in asked} == {"0x7", "latest"}


@pytest.mark.parametrize("words", DIALECTS_OF_NO_STATE)
def test_a_node_without_old_state_says_so_in_any_words(words):
    provider = Provider(state_blocks=10, no_state=words)

    def script(request):
        refusal = provider.refuses(request, head=100)
        return request | {"error": refusal.error} if refusal else result(request, "0x")

    with ScriptedNode(script) as server:
        node = node_at(server)
        assert node.call_contract("0x" + "11" * 20, b"", 95) == b""
        with pytest.raises(NoStateError):
            node.call_contract("0x" + "11" * 20, b"", 5)
