"""``pactsmith fork`` on a real node: the file, what it says of itself, and how it fails."""

from __future__ import annotations

import pytest
from rpc_commands import NAME, history_in, ingested, pactsmith

VENUES = ("v2 USD/WETH", "v3 USD/WETH 3000")


@pytest.fixture(scope="module", params=VENUES)
def forked(request, world, tmp_path_factory):
    """The store with a pool's history, the block before a swap at the top of its block, and what the command said."""
    store = tmp_path_factory.mktemp("forked")
    ingested(store, world, world.venues[request.param])
    swaps = [swap for swap in history_in(store).swaps if swap.tx_index == 0]
    before = swaps[len(swaps) // 2].block_number - 1
    done = pactsmith(
        store, "fork", "make", NAME, "--rpc-url", world.chain.url, "--block", before, "--transactions", 1
    ).done()
    return store, before, done


def test_the_transaction_that_followed_goes_on_the_fork_as_it_went(forked):
    _, before, done = forked
    assert done["block_number"] == before
    assert done["transactions"] == done["transactions_as_recorded"] == done["transactions_with_recorded_gas"] == 1
    assert done["only_told"] == 0
    assert len(done["tokens"]) == 2


def test_without_what_others_did_meanwhile_most_of_many_go_so(forked, world, tmp_path):
    store, before, _ = forked
    done = pactsmith(
        store, "fork", "make", NAME, "--rpc-url", world.chain.url, "--block", before, "--out", tmp_path
    ).done()
    assert done["transactions"] == 20
    assert 10 < done["transactions_as_recorded"] <= 20


def test_the_file_says_the_same_of_itself_without_a_node(forked, tmp_path):
    store, _, done = forked
    shown = pactsmith(store, "fork", "show", done["file"]).done()
    assert shown == {key: done[key] for key in shown}
    broken = tmp_path / "broken.fork.json.gz"
    broken.write_bytes(b"no fork")
    ran = pactsmith(store, "fork", "show", broken)
    assert ran.code == 2
    assert "broken.fork.json.gz" in ran.out


def test_nothing_is_written_where_the_node_fails_or_is_of_another_chain(forked, world):
    store, before, _ = forked
    folder = store / "elsewhere"
    ran = pactsmith(
        store,
        "fork",
        "make",
        NAME,
        "--rpc-url",
        "http://127.0.0.1:9",
        "--block",
        before,
        "--out",
        folder,
        "--budget",
        2,
    )
    assert ran.code == 1
    ran = pactsmith(
        store, "fork", "make", NAME, "--rpc-url", world.chain.url, "--block", world.head + 10, "--out", folder
    )
    assert ran.code in {1, 2}
    assert not folder.exists()
