"""What is called proven of a pool from a node, and what not: nothing that a node can withhold unnoticed."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from faulty_proxy import FaultyProxy
from rpc_commands import NAME, contents, healed, history_in, ingested, pactsmith, rpc
from rpc_provider import Provider
from rpc_world.histories import history_of

from app.cli import run
from ingest.continuity import follow
from ingest.coverage_json import FROM_BEFORE, from_text, to_text
from ingest.records import Coverage

if TYPE_CHECKING:
    from pathlib import Path

    from rpc_world.world import World

    from ingest.records import History

V2, V3 = "v2 USD/WETH", "v3 USD/WETH 3000"


def traceless(history: History) -> frozenset[str]:
    """The transactions of a mint, and of the burn of all of it, without which nothing shows that they are missing."""
    changes = [event for event in history.events if getattr(event, "kind", "") in ("mint", "burn") and event.liquidity]
    for mint in changes:
        for burn in changes[changes.index(mint) + 1 :]:
            same = (mint.owner, mint.tick_lower, mint.tick_upper, mint.liquidity) == (
                burn.owner,
                burn.tick_lower,
                burn.tick_upper,
                burn.liquidity,
            )
            hashes = {mint.tx_hash, burn.tx_hash}
            rest = [event for event in history.events if event.tx_hash not in hashes]
            if same and (mint.kind, burn.kind) == ("mint", "burn") and burn.block_number > mint.block_number:
                found = follow(history.initial_state, rest)
                if not (found.gaps or found.doubts):
                    return frozenset(hashes)
    raise AssertionError("the world has no such pair")


def events_without(world: World, venue: str, hashes: frozenset[str]) -> list[tuple[int, int]]:
    events = history_of(world, world.venues[venue]).events
    return [(event.block_number, event.log_index) for event in events if event.tx_hash not in hashes]


def places(store: Path) -> list[tuple[int, int]]:
    return [(event.block_number, event.log_index) for event in history_in(store).events]


@pytest.fixture(scope="module")
def withheld(world) -> frozenset[str]:
    return traceless(history_of(world, world.venues[V3]))


def test_a_mint_and_its_burn_can_be_withheld_and_the_proof_says_that_it_does_not_speak_of_them(
    world, withheld, tmp_path
):
    with FaultyProxy(world.chain.url, provider=Provider(withheld=withheld)) as proxy:
        told = ingested(tmp_path, world, world.venues[V3], url=proxy.url)
    assert places(tmp_path) == events_without(world, V3, withheld), "nobody noticed"
    assert told["coverage"]["proof"] == "state"
    assert "none are missing which together leave it as it was is not proven" in told["coverage"]["why"]
    assert told["coverage"]["why"] in history_in(tmp_path).caveats[0]


def test_receipts_show_a_mint_and_its_burn_that_are_withheld(world, withheld, tmp_path):
    with FaultyProxy(world.chain.url, provider=Provider(withheld=withheld)) as proxy:
        told = ingested(tmp_path, world, world.venues[V3], "--checks", "receipts", url=proxy.url)
    assert (told["coverage"]["proof"], told["coverage"]["why"], told["blooms"]) == ("logs", "", "checked")
    assert history_in(tmp_path).events == history_of(world, world.venues[V3]).events
    assert history_in(tmp_path).caveats == ()


def test_a_stronger_proof_is_kept_as_far_as_it_goes(world, tmp_path):
    venue, middle = world.venues[V3], world.head - 200
    first = ingested(tmp_path, world, venue, "--checks", "receipts", "--to-block", middle)
    again = ingested(tmp_path, world, venue, "--to-block", middle)
    further = ingested(tmp_path, world, venue)
    whole = ingested(tmp_path, world, venue, "--checks", "receipts")
    proofs = [told["coverage"]["proof"] for told in (first, again, further, whole)]
    assert proofs == ["logs", "logs", "state", "logs"]


def test_the_headers_of_the_newest_blocks_are_looked_at_in_any_case(world, tmp_path):
    """They are fetched anyway: a block that may hold a log is asked for by itself."""
    history = history_of(world, world.venues[V2])
    last = frozenset(event.tx_hash for event in history.events if event.block_number > world.head - 3)
    assert last
    with FaultyProxy(world.chain.url, provider=Provider(withheld=last, tells_blocks=True)) as proxy:
        told = ingested(tmp_path, world, world.venues[V2], url=proxy.url)
    assert history_in(tmp_path).events == history.events
    assert told["truncations"]
    assert (told["gaps"], told["refetched"]) == ([], []), "found while fetching, not from the pool's state"


def test_where_something_else_may_explain_it_nothing_is_proven_but_by_receipts(world, tmp_path):
    """A Sync before a burn that is missing looks as if somebody had sent the pair what it pays out."""
    history = history_of(world, world.venues[V2])
    (sync,) = [
        one
        for one in history.events
        if getattr(one, "kind", "") == "sync"
        and not follow(history.initial_state, [event for event in history.events if event != one]).gaps
    ]
    with FaultyProxy(world.chain.url, provider=Provider(withheld=frozenset({sync.tx_hash}))) as proxy:
        told = ingested(tmp_path, world, world.venues[V2], url=proxy.url)
        assert (told["coverage"]["proof"], told["gaps"]) == ("none", [])
        assert "events may be missing in 1 place(s), the first in blocks" in told["coverage"]["why"]
        assert any("is not proven" in caveat for caveat in history_in(tmp_path).caveats)
        told = healed(tmp_path, proxy.url, "--checks", "receipts", "--reorg-depth", 32)
    assert told["coverage"]["proof"] == "logs"
    assert history_in(tmp_path).events == history.events


# ---------------------------------------------------------------- what the views say


def test_an_audit_says_what_is_missing_at_the_end_and_is_negative_if_strict(world, tmp_path, capsys):
    """All after a block is withheld: the events alone show nothing of it."""
    history = history_of(world, world.venues[V2])
    late = frozenset(event.tx_hash for event in history.events if event.block_number > 600)
    with FaultyProxy(world.chain.url, provider=Provider(withheld=late)) as proxy:
        assert ingested(tmp_path, world, world.venues[V2], url=proxy.url)["coverage"]["proof"] == "none"
    audit = pactsmith(tmp_path, "history", "audit", NAME, "--strict")
    assert (audit.code, audit.document["gaps"], audit.document["mismatched"]) == (3, [], 0)
    assert audit.document["coverage"]["proof"] == "none"
    assert "at the end the pool is not where the last event leaves it" in audit.document["coverage"]["why"]
    assert run(["history", "audit", NAME, "--store", str(tmp_path)]) == 0
    assert "NOT proven complete: events are missing in blocks" in capsys.readouterr().out
    assert healed(tmp_path, world.chain.url)["coverage"]["proof"] == "state"
    assert pactsmith(tmp_path, "history", "audit", NAME, "--strict").code == 0
    assert run(["history", "show", NAME, "--store", str(tmp_path)]) == 0
    assert "proven to lead to the state that the node tells for the last one; that none" in capsys.readouterr().out


def test_what_an_earlier_version_called_proven_is_read_and_has_to_be_shown_again(world, tmp_path):
    ingested(tmp_path, world, world.venues[V2])
    before = contents(tmp_path)
    first = history_in(tmp_path).coverage.first_block
    old = {"first_block": first, "last_block": world.head, "proven": True, "why": ""}
    with closing(duckdb.connect(str(tmp_path / "history.duckdb"))) as store:
        store.execute("UPDATE history SET coverage = ?", [json.dumps(old)])
    assert history_in(tmp_path).coverage == Coverage(first, world.head, "none", FROM_BEFORE)
    pactsmith(tmp_path, *rpc(world)).done()
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "coverage", [None, Coverage(1, 2, "none", "because"), Coverage(1, 2, "state", "…"), Coverage(1, 2, "logs")]
)
def test_what_is_known_of_the_blocks_is_kept_as_text(coverage):
    assert from_text(to_text(coverage)) == coverage
