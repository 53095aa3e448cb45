"""The wire: a key never shows, and no answer is too large, too slow or too odd."""

from __future__ import annotations

import gzip
import json
import logging
import random
import socket
import subprocess
import sys
import time
import traceback
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_node import Raw, ScriptedNode, error, result

from ingest.errors import InputError, PactsmithError
from ingest.rpc import transport
from ingest.rpc.errors import AnswerError, RefusedError, TooMuchError, UnavailableError
from ingest.rpc.node import Ask, Node
from ingest.rpc.transport import Endpoint, Mask, by_id

SECRETS = ("pathkey0123456789", "queryKEY", "userNAME", "pass word", "pass%20word")


def with_keys(port: int, scheme: str = "http") -> str:
    return f"{scheme}://userNAME:pass%20word@127.0.0.1:{port}/v2/pathkey0123456789?apikey=queryKEY&x=1"


def endpoint(url: str, timeout_s: float = 5.0) -> Endpoint:
    return Endpoint(url, timeout_s=timeout_s, connections=2)


def exchange(url: str, timeout_s: float = 5.0):
    return endpoint(url, timeout_s).exchange([("eth_chainId", [])])[0]


# ---------------------------------------------------------------- keys


def echoing(request) -> dict:
    """Some nodes repeat the key in their words."""
    return error(request, -32000, "no project pathkey0123456789 with queryKEY of userNAME:pass word")


TROUBLES = {
    "refused key": lambda _: Raw(b"userNAME pathkey0123456789", 401),
    "not found": lambda _: Raw(b"no /v2/pathkey0123456789?apikey=queryKEY&x=1", 404),
    "rate limit": lambda _: Raw(b"queryKEY", 429),
    "server error": lambda _: Raw(b"queryKEY", 500),
    "redirect": lambda _: Raw(status=302, headers={"Location": "http://127.0.0.1:9/pathkey0123456789"}),
    "echoed": echoing,
    "echoed for a batch": lambda _: error({"id": None}, -32600, "batch for pathkey0123456789 refused"),
    "no json": lambda _: Raw(b"pathkey0123456789"),
    "cut off": lambda _: Raw(b'{"jsonrpc":', length=100),
    "odd result": lambda request: result(request, "pathkey0123456789"),
    "slow": lambda _: Raw(b"[" * 64, pieces=64, pause_s=0.05),
    "disconnect": lambda _: Raw(length=10),
}


def shown(caught: BaseException, log: str) -> str:
    """All that anyone could get to see of an exception."""
    chain, texts = [caught], [log]
    while chain:
        one = chain.pop()
        texts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        texts += traceback.format_exception(one)
        chain += [linked for linked in (one.__cause__, one.__context__) if linked is not None]
    return "\n".join(texts)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("calls", [1, 2])
def test_no_error_shows_any_part_of_a_key(caplog, trouble, calls):
    caplog.set_level(logging.DEBUG)
    with ScriptedNode(lambda asked: TROUBLES[trouble](asked if isinstance(asked, dict) else asked[0])) as server:
        spread = random.Random(1)
        node = Node(with_keys(server.port), generator=spread, timeout_s=0.5, attempts=2, backoff_s=0.001)
        with pytest.raises(PactsmithError) as caught:
            node.ask_all([Ask("eth_blockNumber", [], read_number)] * calls)
    everything = shown(caught.value, caplog.text) + repr(node) + str(vars(node).get("name"))
    assert not [secret for secret in SECRETS if secret in everything]
    assert f"http://127.0.0.1:{server.port}" in str(caught.value)


def read_number(value: object) -> int:
    if value != "0x1":
        raise AnswerError(f"should be 0x1, found {value!r}")
    return 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_endpoint_that_cannot_be_reached_shows_no_key(caplog, scheme):
    caplog.set_level(logging.DEBUG)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(UnavailableError) as caught:
            exchange(with_keys(taken.getsockname()[1], scheme))
    assert not [secret for secret in SECRETS if secret in shown(caught.value, caplog.text)]


def test_a_certificate_that_is_none_shows_no_key(caplog):
    caplog.set_level(logging.DEBUG)
    with ScriptedNode(lambda _: Raw()) as server, pytest.raises(UnavailableError) as caught:
        exchange(with_keys(server.port, "https"))
    assert not [secret for secret in SECRETS if secret in shown(caught.value, caplog.text)]


def test_an_unknown_host_shows_no_key(caplog):
    caplog.set_level(logging.DEBUG)
    url = with_keys(443, "https").replace("127.0.0.1", "no-such-host.invalid")
    with pytest.raises(UnavailableError, match=r"https://no-such-host\.invalid:443: its name is not known") as caught:
        exchange(url)
    assert not [secret for secret in SECRETS if secret in shown(caught.value, caplog.text)]


def test_the_key_is_sent_and_the_log_of_the_exchange_shows_none(caplog):
    caplog.set_level(logging.DEBUG)
    with ScriptedNode(lambda request: result(request, "0x1")) as server:
        wire = endpoint(with_keys(server.port))
        wire.exchange([("eth_chainId", [])])
    assert server.headers[0]["Authorization"].startswith("Basic ")
    assert "POST" in caplog.text, "the library logs nothing any more; is the mask still needed?"
    assert not [secret for secret in SECRETS if secret in caplog.text + repr(wire) + str(wire)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8545",
        "ftp://a/b",
        "http://",
        "http:///v2/key",
        "ws://host",
        "http://a b/",
        "http://[::1",
        "http://h:x/",
    ],
)
def test_what_is_no_address_is_refused_without_being_shown(url):
    with pytest.raises(InputError) as caught:
        endpoint(url)
    assert "rpc url" in str(caught.value)
    assert len(url) < len("http://x") or url not in str(caught.value)


@given(st.lists(st.text("abcXYZ019-_", min_size=8, max_size=40), min_size=1, max_size=4, unique=True))
def test_the_mask_hides_every_long_part_of_a_path_and_every_value_of_a_query(parts):
    mask = Mask()
    path, *values = parts
    mask.add(f"https://host.example/rpc/{path}?" + "&".join(f"k{n}={value}" for n, value in enumerate(values)))
    hidden = mask.hide(f"the request for {' and '.join(parts)} failed")
    assert not [part for part in parts if part in hidden]


# ---------------------------------------------------------------- size and time


def test_what_web3_imports_does_not_make_nested_json_fatal():
    program = "import ingest.rpc.transport, json, sys; assert sys.getrecursionlimit() == 1000; json.loads('[' * 100000)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "RecursionError" in ended.stderr


def test_an_answer_larger_than_allowed_is_given_up_before_it_is_read(monkeypatch):
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1 << 20)
    with (
        ScriptedNode(lambda _: Raw(b" " * (3 << 20))) as server,
        pytest.raises(TooMuchError, match="larger than 1 MiB"),
    ):
        exchange(server.url)


def test_a_small_body_that_unpacks_to_a_huge_one_is_given_up(monkeypatch):
    monkeypatch.setattr(transport, "MAX_ANSWER_BYTES", 1 << 20)
    packed = Raw(gzip.compress(b" " * (64 << 20)), headers={"Content-Encoding": "gzip"})
    with ScriptedNode(lambda _: packed) as server, pytest.raises(TooMuchError):
        exchange(server.url)


def test_a_packed_answer_is_read():
    packed = gzip.compress(json.dumps({"jsonrpc": "2.0", "id": 0, "result": "0x5"}).encode())
    with ScriptedNode(lambda _: Raw(packed, headers={"Content-Encoding": "gzip"})) as server:
        assert exchange(server.url).document["result"] == "0x5"


def test_a_body_that_trickles_does_not_outlast_the_limit():
    started = time.monotonic()
    with (
        ScriptedNode(lambda _: Raw(b" " * 100, pieces=100, pause_s=0.2)) as server,
        pytest.raises(UnavailableError, match=r"no answer within 0\.5 s") as caught,
    ):
        exchange(server.url, timeout_s=0.5)
    assert caught.value.timed_out
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"jsonrpc":"2.0","id":0,"result":"0x', b"\xff\xfe", b"[" * 100_000, b"1" * 10_000]
)
def test_a_body_that_is_no_json_is_no_answer(body):
    with ScriptedNode(lambda _: Raw(body)) as server, pytest.raises(AnswerError, match="no JSON"):
        exchange(server.url)


def test_a_redirect_is_not_followed():
    with (
        ScriptedNode(lambda request: result(request, "0x1")) as other,
        ScriptedNode(lambda _: Raw(status=307, headers={"Location": other.url})) as server,
    ):
        with pytest.raises(RefusedError, match="sends elsewhere"):
            exchange(server.url)
        assert other.asked == []


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("3", 3),
        ("0", 0),
        ("99999999999", 300),
        ("-1", None),
        ("soon", None),
        ("٣", None),
        (formatdate(0, usegmt=True), 0),
    ],
)
def test_how_long_to_wait_is_read_from_a_number_or_a_date(header, wait_s):
    with ScriptedNode(lambda _: Raw(b"", 429, {"Retry-After": header.encode().decode("latin-1")})) as server:
        assert exchange(server.url).retry_after_s == wait_s


# ---------------------------------------------------------------- ids


def test_answers_of_a_batch_are_put_in_the_order_of_its_questions():
    with ScriptedNode(lambda asked: [result(one, one["params"][0]) for one in reversed(asked)]) as server:
        wire = endpoint(server.url)
        reply, sent = wire.exchange([("m", [n]) for n in range(5)])
        assert [one["result"] for one in by_id(reply.document, sent)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "answers",
    [[], [{"id": 0}], [{"id": 0}, {"id": 0}], [{"id": 0}, {"id": 2}], [{"id": 0}, {"id": "1"}],
     [{"id": 0}, {"id": True}], [{"id": 0}, None], [{"id": 0}, {"id": 1}, {"id": 1}], {"id": 1}, None, 5, "x"],
)  # fmt: skip
def test_an_answer_to_nothing_that_was_asked_is_no_answer(answers):
    with pytest.raises(AnswerError):
        by_id(answers, [{"id": 0}, {"id": 1}])
