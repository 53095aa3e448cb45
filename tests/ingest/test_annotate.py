"""What a user tells of a stored history: it overrules, it is identified, and it stays when the history grows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.annotate import annotate
from ingest.chain_history import ACROSS_POOLS
from ingest.content import content_id
from ingest.errors import InputError
from ingest.ingested import Counts, Ordered, Told
from ingest.price_files import PriceFile
from ingest.records import Label, PricePoint
from ingest.sources.base import ParsedRows
from ingest.spool import Spool
from ingest.told_before import with_told_before


@pytest.fixture
def history(build):
    return build.make_history(
        [build.make_swap(seq, block=100 + seq) for seq in range(3)], labels={0: Label("user", "r")}
    )


def write(path, text):
    path.write_text(text)
    return path


def test_labels_and_limits_of_a_file_overrule_and_are_identified(history, tmp_path):
    hashes = [swap.tx_hash for swap in history.swaps]
    rows = f"tx_hash,class,min_buy_amount\n{hashes[0]},arbitrage,\n{hashes[2]},user,900\n"
    found = annotate(history, labels=write(tmp_path / "labels.csv", rows))
    assert {seq: label.flow_class for seq, label in found.labels.items()} == {0: "arbitrage", 2: "user"}
    assert found.known_limits == {2: 900}
    assert found.content_id == content_id(found) != history.content_id


def test_prices_take_the_place_of_others(history, tmp_path):
    first = history.events[0].block_ts
    path = write(tmp_path / "prices.csv", f"ts,price\n{first - 5},1.01\n{first + 50},1.02\n")
    found = annotate(history, prices=PriceFile(path), invert_prices=False)
    assert [point.price for point in found.prices] == ["1.01", "1.02"]
    assert "prices.csv" in found.price_source
    assert found.labels == history.labels


def test_nothing_to_tell_is_refused(history):
    with pytest.raises(InputError, match="give labels, prices, or both"):
        annotate(history)


def spooled(events) -> Ordered:
    from ingest.event_table import from_events
    from ingest.sequence import put_in_order

    spool = Spool()
    spool.open_file("node", None)
    table = from_events(events)
    spool.add(ParsedRows(table, table["block_number"].to_numpy(), len(events)))
    put_in_order(spool, numbered=False)
    return Ordered(spool, None, Counts(len(events), {}, 0, 0, 0), (0, 0), (0, 0))


def test_what_was_told_stays_with_its_swap_when_events_come_before_it(build, history):
    across = Label("arbitrage", f"{ACROSS_POOLS}a cycle")
    stored = replace(
        history,
        labels={0: across, 1: Label("user", "mine")},
        known_limits={1: 77, 2: 5},
        prices=(PricePoint(1, "2"),),
        price_source="p",
    )
    before = build.make_swap(9, block=50, tx_hash=build.tx_hash(77))
    told = with_told_before(Told(known_limits={3: 6}), spooled([before, *history.events]), stored)
    assert told.labels == {2: Label("user", "mine")}, "found anew, not kept: what all pools show"
    assert told.known_limits == {2: 77, 3: 6}
    assert (told.prices, told.price_source) == (stored.prices, "p")


def test_a_swap_that_the_chain_replaced_takes_what_was_told_with_it(build, history):
    stored = replace(history, labels={1: Label("user", "mine")}, known_limits={1: 77})
    told = with_told_before(Told(), spooled([history.events[0], history.events[2]]), stored)
    assert (told.labels, told.known_limits, told.unmatched_labels) == ({}, {}, 1)
    assert with_told_before(told, spooled(history.events), None) is told


def in_one_transaction(build, logs, **changes):
    """Two swaps of a transaction, at some places of a block."""
    return [
        build.make_swap(seq, block=100, tx_hash=build.tx_hash(5), log_index=log, tx_index=1, **changes)
        for seq, log in enumerate(logs)
    ]


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        ((5, 8), (5, 8), {0: "arbitrage", 1: "user"}),
        ((5, 8), (8, 11), {0: "arbitrage", 1: "user"}),  # the first one stands where the second one stood
        ((5, 8), (2, 5), {0: "arbitrage", 1: "user"}),
        ((5, 8), (3, 5, 8), {1: "arbitrage", 2: "user"}),  # one was missing
        ((5, 8), (4, 7, 11), {}),
        ((5, 8), (5,), {}),
    ],
)
def test_swaps_of_a_transaction_that_moved_are_known_by_their_order(build, before, after, now):
    labels = {0: Label("arbitrage", "mine"), 1: Label("user", "mine")}
    stored = build.make_history(in_one_transaction(build, before), labels=labels, known_limits={1: 900})
    told = with_told_before(Told(), spooled(in_one_transaction(build, after)), stored)
    assert {seq: label.flow_class for seq, label in told.labels.items()} == now
    assert told.known_limits == {seq: 900 for seq, name in now.items() if name == "user"}
    assert told.unmatched_labels == (0 if now else 2)


def test_a_limit_that_the_new_chain_did_not_keep_is_lost_and_counted(build):
    labels = {0: Label("user", "mine")}
    stored = build.make_history(in_one_transaction(build, (5,)), labels=labels, known_limits={0: 990})
    told = with_told_before(Told(), spooled(in_one_transaction(build, (6,), amount1=-989)), stored)
    assert (set(told.labels), told.known_limits, told.unmatched_labels) == ({0}, {}, 1)
