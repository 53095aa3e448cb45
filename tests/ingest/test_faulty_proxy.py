"""The faulty proxy by itself: every fault is what it says it is, seeded, counted and bounded."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
import requests
from faulty_proxy import FaultyProxy
from rpc_faults import KINDS, LOUD, SILENT, STATUS, Faults
from rpc_provider import DIALECTS_OF_NO_STATE, DIALECTS_OF_TOO_MANY, DIALECTS_OF_TOO_WIDE, Provider
from rpc_world.anvil import Anvil
from rpc_world.traffic import played

TIMEOUT_S = 1.5


@pytest.fixture(scope="module")
def traffic():
    with Anvil() as chain:
        yield played(chain, blocks=60)


@pytest.fixture(scope="module")
def node(traffic):
    return traffic.world.chain


def call(method: str, *parameters, number: int = 1) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(parameters)}


def logs(first: int = 0, last: int | str = "latest", address: str | None = None) -> dict:
    asked = {"fromBlock": hex(first), "toBlock": last if isinstance(last, str) else hex(last)}
    return call("eth_getLogs", asked | ({} if address is None else {"address": address}))


def post(proxy: FaultyProxy, request, session=requests) -> requests.Response:
    return session.post(proxy.url, json=request, timeout=TIMEOUT_S)


HEAD = call("eth_blockNumber")

# ---------------------------------------------------------------- without faults


def test_without_faults_the_answers_are_the_nodes(node):
    asked = [
        logs(),
        call("eth_getBlockByNumber", "0x10", True, number="name"),
        call("eth_getBlockReceipts", "0x10", number=7),
        call("no_such_method", number=8),
        call("eth_getLogs", number=9),
    ]
    with FaultyProxy(node.url) as proxy, requests.Session() as session:
        direct = requests.post(node.url, json=asked, timeout=5).json()
        assert post(proxy, asked, session).json() == direct
        for one, reply in zip(asked, direct, strict=True):
            response = post(proxy, one, session)
            assert response.status_code == 200
            assert response.json() == reply
        assert proxy.requests == 6
        assert proxy.methods["eth_getLogs"] == 4
        assert proxy.injected == []


def test_it_counts_how_many_requests_are_open_at_once(node):
    with FaultyProxy(node.url, Faults(rates={"stall": 1}, stall_s=0.3)) as proxy:
        threads = [threading.Thread(target=outcome, args=(proxy, call("eth_call", n))) for n in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert proxy.peak == 5


# ---------------------------------------------------------------- every kind


def seen(proxy: FaultyProxy, request=HEAD) -> tuple[str, object]:
    """What a careful client makes of one request: what went wrong or ``fine``, and the result."""
    try:
        response = post(proxy, request)
        reply = response.json() if response.status_code == 200 else None
    except requests.Timeout:
        return "timeout", None
    except requests.JSONDecodeError:
        return "no JSON", None
    except requests.RequestException:
        return "connection", None
    if response.status_code != 200:
        return f"status {response.status_code} {response.headers.get('Retry-After', '')}".strip(), None
    return fault_of(reply, request) or "fine", (reply or {}).get("result")


def fault_of(reply, request) -> str:
    if not isinstance(reply, dict):
        return "no object"
    if reply.get("id") != request["id"]:
        return "wrong id"
    if "error" in reply:
        return f"error {reply['error']['code']}"
    return "" if "result" in reply else "no result"


def outcome(proxy: FaultyProxy, request=HEAD) -> str:
    return seen(proxy, request)[0]


SEEN = {
    "http_429": "status 429",
    "http_429_retry_after": "status 429 1",
    "http_500": "status 500",
    "http_502": "status 502",
    "http_503": "status 503",
    "http_504": "status 504",
    "rpc_429": "error 429",
    "rpc_rate_limit": "error -32005",
    "rpc_internal": "error -32603",
    "rpc_timeout": "error -32002",
    "reset": "connection",
    "close": "connection",
    "stall": "timeout",
    "truncated_json": "no JSON",
    "invalid_json": "no JSON",
    "not_an_object": "no object",
    "wrong_id": "wrong id",
    "no_result": "no result",
}


@pytest.mark.parametrize("kind", sorted(set(LOUD) - {"huge"}))
def test_a_loud_fault_is_what_its_name_says_and_then_all_is_well(node, kind):
    with FaultyProxy(node.url, Faults(once_at={2: kind}, stall_s=10)) as proxy:
        assert [outcome(proxy) for _ in range(3)] == ["fine", SEEN[kind], "fine"]
        assert [(fault.number, fault.kind, fault.methods) for fault in proxy.injected] == [
            (2, kind, ("eth_blockNumber",))
        ]


def test_a_reset_comes_in_the_middle_of_the_body(node):
    with FaultyProxy(node.url, Faults(once_at={1: "reset"})) as proxy:
        response = requests.post(proxy.url, json=logs(), timeout=5, stream=True)
        announced = int(response.headers["Content-Length"])
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match=r"reset|IncompleteRead"):
            list(response.iter_content(1000))
        assert announced > 100_000
        assert response.raw.tell() < announced


def test_a_huge_answer_is_as_large_as_it_says_and_may_be_left_unread(node):
    with FaultyProxy(node.url, Faults(rates={"huge": 1}, huge_bytes=50_000_001, most=2)) as proxy:
        assert len(requests.post(proxy.url, json=HEAD, timeout=30).json()["result"]) == 50_000_003
        with requests.post(proxy.url, json=HEAD, timeout=30, stream=True) as response:
            assert next(response.iter_content(100))
        assert outcome(proxy) == "fine"


def test_in_a_batch_every_reply_is_spoilt(node):
    with FaultyProxy(node.url, Faults(once_at={1: "wrong_id", 2: "no_result", 3: "rpc_429"})) as proxy:
        batch = [call("eth_blockNumber", number=4), call("eth_chainId", number=5)]
        assert {reply["id"] for reply in post(proxy, batch).json()} == {987_654_321}
        assert all("result" not in reply for reply in post(proxy, batch).json())
        assert [(reply["id"], reply["error"]["code"]) for reply in post(proxy, batch).json()] == [(4, 429), (5, 429)]
        assert [reply["id"] for reply in post(proxy, batch).json()] == [4, 5]


@pytest.mark.parametrize("kind", SILENT)
def test_the_proxy_knows_which_logs_it_kept_back(node, kind):
    with FaultyProxy(node.url, Faults(seed=3, once_at={1: kind})) as proxy:
        some = post(proxy, logs()).json()["result"]
        every = post(proxy, logs()).json()["result"]
        missing = [log for log in every if log not in some]
        assert missing
        assert [log for log in every if log in some] == some
        assert proxy.lost() == {(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in missing}
        assert (some == []) == (kind == "empty_logs")


def test_duplicated_logs_lack_nothing(node):
    with FaultyProxy(node.url, Faults(once_at={1: "duplicate_logs"})) as proxy:
        twice, once = (post(proxy, logs()).json()["result"] for _ in range(2))
        assert len(twice) > len(once)
        assert {json.dumps(log) for log in twice} == {json.dumps(log) for log in once}
        assert proxy.lost() == set()


def test_a_lagging_node_has_an_older_head_and_does_not_know_new_blocks(node):
    with FaultyProxy(node.url, Faults(once_at={1: "stale_head", 2: "null_result"}, stale_blocks=9)) as proxy:
        assert int(post(proxy, HEAD).json()["result"], 16) == node.head - 9
        assert post(proxy, call("eth_getBlockByNumber", "latest", False)).json()["result"] is None
        assert int(post(proxy, HEAD).json()["result"], 16) == node.head


def test_a_planned_fault_waits_for_a_request_that_it_fits(node):
    with FaultyProxy(node.url, Faults(once_at={1: "empty_logs"})) as proxy:
        assert outcome(proxy) == "fine"
        assert post(proxy, logs(0, 0)).json()["result"] == []  # no logs there anyway
        assert proxy.injected == []
        assert post(proxy, logs()).json()["result"] == []
        assert [fault.number for fault in proxy.injected] == [3]


def test_an_unknown_kind_is_refused(node):
    with pytest.raises(ValueError, match="no_such_kind"):
        FaultyProxy(node.url, Faults(rates={"no_such_kind": 1}))


# ---------------------------------------------------------------- seeded and bounded


def test_the_same_seed_fails_the_same_requests(node):
    rates = dict.fromkeys(set(LOUD) - {"huge", "stall"}, 0.05)
    outcomes = []
    for seed in (1, 1, 2):
        with FaultyProxy(node.url, Faults(seed=seed, rates=rates)) as proxy:
            outcomes.append([outcome(proxy, call("eth_getBlockByNumber", hex(n), False)) for n in range(60)])
    assert outcomes[0] == outcomes[1] != outcomes[2]
    assert 10 < sum(one != "fine" for one in outcomes[0]) < 50


def test_who_asks_the_same_again_gets_an_answer_and_in_all_there_are_only_so_many_faults(node):
    with FaultyProxy(node.url, Faults(rates={"http_500": 1}, most_per_request=3, most=8)) as proxy:
        for n, failures in enumerate((3, 3, 2, 0)):
            outcomes = [outcome(proxy, call("eth_getBlockByNumber", hex(n), False)) for _ in range(5)]
            assert outcomes == ["status 500"] * failures + ["fine"] * (5 - failures)
        assert proxy.counts() == {"http_500": 8}
        proxy.faults = Faults(rates={"http_503": 1}, most=1)
        assert [outcome(proxy) for _ in range(2)] == ["status 503", "fine"]


def test_a_client_that_asks_again_gets_every_log_through_all_that_is_loud(traffic, node):
    rates = dict.fromkeys(set(LOUD) - {"huge"}, 0.03)
    every = set(LOUD) - {"huge"}
    with FaultyProxy(node.url, Faults(seed=5, rates=rates, stall_s=1)) as proxy:
        found = []
        for block in traffic.world.truth.blocks:
            found += until_fine(proxy, logs(block.number, block.number))
        told = [log for block in traffic.world.truth.blocks for log in block.logs]
        assert [(log["blockHash"], int(log["logIndex"], 16)) for log in found] == [
            (log.block_hash, log.log_index) for log in told
        ]
        assert set(proxy.counts()) >= every - {"stall"}


def until_fine(proxy: FaultyProxy, request: dict) -> list:
    for _ in range(3):
        what, result = seen(proxy, request)
        if what == "fine":
            return result
    raise AssertionError("more than two faults for one request")


# ---------------------------------------------------------------- limits of providers


@pytest.mark.parametrize("dialect", DIALECTS_OF_TOO_MANY)
def test_too_many_results_are_refused_in_the_providers_words(node, dialect):
    with FaultyProxy(node.url, provider=Provider(max_results=200, too_many=dialect)) as proxy:
        response = post(proxy, logs())
        message = response.json()["error"]["message"]
        assert response.status_code == (400 if dialect.startswith("alchemy") else 200)
        assert dialect == "base" or re.search(r"\d", message)
        suggested = re.search(r"\[(0x\w+), (0x\w+)\]", message) or re.search(r"range (\d+)-(\d+)", message)
        if suggested:
            first, last = (int(one, 0) for one in suggested.groups())
            assert first == 0
            assert 0 < len(post(proxy, logs(first, last)).json()["result"]) <= 200
            assert "error" in post(proxy, logs(first, last + 1)).json()
        assert proxy.ranges[:1] == ([(first, last)] if suggested else [])


@pytest.mark.parametrize("dialect", DIALECTS_OF_TOO_WIDE)
def test_too_wide_a_range_is_refused_in_the_providers_words(node, dialect):
    with FaultyProxy(node.url, provider=Provider(max_blocks=30, too_wide=dialect)) as proxy:
        response = post(proxy, logs(10, 40))
        error = response.json()["error"]
        assert response.status_code == {"quicknode": 413, "alchemy": 400}.get(dialect, 200)
        assert dialect == "ankr" or re.search(r"\b30\b", json.dumps(error))
        assert post(proxy, logs(10, 39)).json()["result"]
        assert "error" in post(proxy, logs(node.head - 30, "latest")).json()
        assert "result" in post(proxy, logs(node.head - 29, "latest")).json()
        assert proxy.ranges == [(10, 39), (node.head - 29, node.head)]


def test_results_above_a_silent_limit_are_left_out_and_known_to_be(node):
    with FaultyProxy(node.url, provider=Provider(silent_results=100)) as proxy:
        assert len(post(proxy, logs()).json()["result"]) == 100
        lost = proxy.lost()
        proxy.provider = Provider()
        every = post(proxy, logs()).json()["result"]
        assert lost == {(int(log["blockNumber"], 16), int(log["logIndex"], 16)) for log in every[100:]}
        assert proxy.counts() == {"silent_results": 1}


@pytest.mark.parametrize("dialect", DIALECTS_OF_NO_STATE)
def test_a_node_that_is_no_archive_has_no_old_state_but_old_logs_and_blocks(traffic, node, dialect):
    token = traffic.world.tokens["USD"]
    supply = {"to": token, "data": "0x18160ddd"}
    with FaultyProxy(node.url, provider=Provider(state_blocks=10, no_state=dialect)) as proxy:
        old, kept = hex(node.head - 11), hex(node.head - 10)
        for request in (call("eth_call", supply, old), call("eth_getStorageAt", token, "0x0", old)):
            error = post(proxy, request).json()["error"]
            assert "state" in error["message"] or dialect in ("publicnode", "header")
        for place in (kept, "latest"):
            assert int(post(proxy, call("eth_call", supply, place)).json()["result"], 16) > 0
        assert post(proxy, logs(0, node.head - 11)).json()["result"]
        assert post(proxy, call("eth_getBlockByNumber", old, True)).json()["result"]["number"] == old


def test_batches_are_refused_or_limited(node):
    batch = [call("eth_blockNumber", number=n) for n in range(3)]
    with FaultyProxy(node.url, provider=Provider(max_batch=0)) as proxy:
        reply = post(proxy, batch).json()
        assert (reply["id"], reply["error"]["code"]) == (None, -32600)
        assert outcome(proxy) == "fine"
        proxy.provider = Provider(max_batch=2)
        assert post(proxy, batch).status_code == 413
        assert len(post(proxy, batch[:2]).json()) == 2


def test_a_method_may_be_missing(node):
    with FaultyProxy(node.url, provider=Provider(missing_methods=frozenset({"eth_getBlockReceipts"}))) as proxy:
        asked = [call("eth_getBlockReceipts", "0x10", number=1), call("eth_blockNumber", number=2)]
        missing, known = post(proxy, asked).json()
        assert missing["error"]["code"] == -32601
        assert int(known["result"], 16) == node.head


# ---------------------------------------------------------------- actions


def test_a_reorganisation_happens_between_two_requests(traffic, node):
    before = traffic.world.truth.blocks[-2:]
    with (
        traffic.unchanged(),
        FaultyProxy(node.url, Faults(once_at={2: "reorg"}), actions={"reorg": traffic.reorganise}) as proxy,
    ):
        asked = [call("eth_getBlockByNumber", hex(block.number), False, number=n) for n, block in enumerate(before)]
        assert [reply["result"]["hash"] for reply in post(proxy, asked).json()] == [block.hash for block in before]
        now = requests.post(proxy.url, json=asked, timeout=5).json()
        assert [reply["result"]["hash"] for reply in now] == [
            traffic.world.truth.blocks[block.number].hash for block in before
        ]
        assert now[0]["result"]["hash"] != before[0].hash
        assert [fault.kind for fault in proxy.injected] == ["reorg"]


def test_an_action_that_fails_fails_the_test(node):
    def broken() -> None:
        raise RuntimeError("broken")

    with (
        pytest.raises(RuntimeError, match="broken"),
        FaultyProxy(node.url, Faults(once_at={1: "act"}), actions={"act": broken}) as proxy,
    ):
        assert outcome(proxy) == "connection"


def test_closing_does_not_wait_for_what_stalls(node):
    with FaultyProxy(node.url, Faults(once_at={1: "stall"}, stall_s=60)) as proxy:
        assert outcome(proxy) == "timeout"
        started = time.monotonic()
    assert time.monotonic() - started < 2


def test_every_kind_is_known_to_these_tests():
    assert set(KINDS) == set(SEEN) | {"huge", *SILENT, "duplicate_logs", "null_result", "stale_head"}
    assert set(STATUS) < set(SEEN)
