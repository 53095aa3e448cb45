"""Order flow from the files that people have: what is in them, exactly, and what they cannot give."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from decimal import Decimal

import pytest
from flow_samples import (
    DAI,
    POOL,
    SAMPLES,
    UNI,
    WETH,
    answer,
    auction,
    csv_text,
    dune_newer,
    dune_older,
    event,
    events,
    order,
    subgraph_v2,
    tx,
    uid,
)
from whole_blocks import MEV, MEV_BLOCKS, etl_logs, mev_blocks

from ingest.block_intents import block_intents
from ingest.blocks import activity_of_block, trades_of_block, trades_of_logs
from ingest.cow_settlements import read_settlements
from ingest.errors import InputError
from ingest.flow import flow_trade
from ingest.flow_files import find_flow_source, ingest_flow
from ingest.flow_sources import FLOW_SOURCES
from ingest.native import WRAPPED_NATIVE
from ingest.strategies import label_transactions

E18 = 10**18


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes, name: str = "flow.txt"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def said(flow) -> str:
    return " ".join((flow.lacks, *flow.caveats))


def unpacked(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))


# --- kinds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_kind_is_found_by_the_content_alone(written, kind):
    assert find_flow_source(written(SAMPLES[kind])).name == kind
    found = [source.name for source in FLOW_SOURCES if not source.missing(SAMPLES[kind].encode())]
    assert found == [kind]
    packed = written(gzip.compress(SAMPLES[kind].encode()), "packed")
    assert ingest_flow(packed, "x").about.formats == (kind,)


def test_what_is_no_order_flow_is_refused_with_the_nearest_kind(written):
    lacking = SAMPLES["dune-trades-2022"].replace("category", "sort")
    with pytest.raises(InputError, match=r"until 2022 it lacks category"):
        ingest_flow(written(lacking), "x")
    with pytest.raises(InputError, match="unknown format 'dune'; known are"):
        ingest_flow(written(lacking), "x", "dune")
    with pytest.raises(InputError, match="is empty"):
        ingest_flow(written(""), "x")


def test_files_of_two_kinds_are_no_flow(written):
    first, second = written(SAMPLES["dune-trades"], "a"), written(SAMPLES["dune-trades-2022"], "b")
    with pytest.raises(InputError, match="one flow is of one kind") as refusal:
        ingest_flow([first, second], "x")
    assert refusal.value.file == str(second)


# --- Dune ------------------------------------------------------------------------------------------------------------


def test_aggregators_trades_are_flagged_and_counted_and_the_rounding_is_said(written):
    flow = ingest_flow(written(SAMPLES["dune-trades-2022"]), "x").flow
    assert [(trade.venue, trade.aggregate) for trade in flow.trades] == [("1inch", True), ("Uniswap", False)]
    trade = flow.trades[1]
    assert (flow.unit, flow.amount_places, flow.exact) == ("whole tokens", 12, False)
    assert (trade.amount_in, trade.amount_out) == (4302592224124720, 18614072015625)
    assert (trade.token_in, trade.token_out, trade.sides_told) == ("APE", "WETH", False)
    assert trade.sender == "0x56178a0d5f301baf6cf3e1cd53d9863437345bf9"
    assert (trade.tx_hash, trade.block_number, trade.pool, trade.block_ts) == (None, None, None, 1650412853)
    for notice in (
        "1 of 2 trades are aggregators'",
        "4 of 4 with at most 15",
        "neither transaction",
        "which of the two",
    ):
        assert notice in said(flow)


def test_a_row_twice_stays_twice_but_overlapping_files_double_nothing(written):
    row, other = dune_older(), dune_older(project="Curve")
    first = written(csv_text([row, row, other]), "first")
    second = written(csv_text([other, row]), "second")
    found = ingest_flow([first, second], "x")
    assert Counter(trade.venue for trade in found.flow.trades) == {"Uniswap": 2, "Curve": 1}
    assert found.about.counts["duplicates dropped"] == 2
    assert found.about.counts["rows equal to another of their file, kept"] == 1
    assert ingest_flow([second, first], "y").about.content_id == found.about.content_id


def test_missing_amounts_are_none_and_counted(written):
    flow = ingest_flow(written(csv_text([dune_older(token_b_amount="")])), "x").flow
    assert flow.trades[0].amount_out is None
    assert flow.counts["amounts missing"] == 1


def test_todays_dune_tables_are_exact(written):
    flow = ingest_flow(written(csv_text([dune_newer(1), dune_newer(0)])), "x").flow
    assert (flow.unit, flow.exact, flow.amount_places) == ("smallest units", True, 0)
    first = flow.trades[0]
    assert (first.token_in, first.amount_in, first.token_out, first.amount_out) == (UNI, E18, WETH, 2**200 + 1)
    assert (first.venue, first.pool, first.tx_hash, first.place) == ("uniswap 3", POOL, tx(0), (0,))
    assert (first.amount_usd, first.block_ts, first.aggregate) == ("0.0015", 1704412823, False)
    aggregated = csv_text([dune_newer(0, trace_address="[1 20]", evt_index=-1)])
    (only,) = ingest_flow(written(aggregated), "x").flow.trades
    assert (only.aggregate, only.place) == (True, (1, 20))


def test_one_event_with_two_contents_is_refused_with_both_places(written):
    first, second = written(csv_text([dune_newer(0)]), "first"), written(csv_text([dune_newer(0, taker="")]), "second")
    with pytest.raises(InputError, match=r"first, line 2, too") as refusal:
        ingest_flow([first, second], "x")
    assert (refusal.value.file, refusal.value.line) == (str(second), 2)
    price = written(csv_text([dune_newer(0, amount_usd="9")]), "price")  # an estimate may have changed meanwhile
    assert ingest_flow([first, price], "x").about.counts["duplicates dropped"] == 1


def test_two_chains_are_no_flow(written):
    rows = csv_text([dune_newer(0), dune_newer(1, blockchain="base")])
    with pytest.raises(InputError, match="of one chain") as refusal:
        ingest_flow(written(rows), "x")
    assert (refusal.value.line, refusal.value.field) == (3, "blockchain")


def test_the_real_dune_export(shared_data):
    path = shared_data / "dune_dex_trades_export" / "dex_trades.csv.gz"
    flow = ingest_flow(path, "dune").flow
    rows = unpacked(path)
    assert len(flow.trades) == len(rows) == 29_653
    assert sum(trade.aggregate for trade in flow.trades) == sum(row["category"] == "Aggregator" for row in rows)
    scale = 10**flow.amount_places

    def exact(text: str) -> int | None:
        return int(Decimal(text) * scale) if text else None

    wanted = Counter((row["project"], exact(row["token_a_amount"]), exact(row["token_b_amount"])) for row in rows)
    assert Counter((trade.venue, trade.amount_in, trade.amount_out) for trade in flow.trades) == wanted
    assert flow.counts["amounts of at most 15 digits"] == 59_277
    assert flow.counts["amounts missing"] == 14


# --- subgraphs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [SAMPLES["subgraph-v2-csv"], SAMPLES["subgraph-v2-json"]])
def test_a_subgraphs_swaps_are_exact_decimals_sorted_from_newest_first(written, text):
    flow = ingest_flow(written(text), "x").flow
    assert (flow.unit, flow.amount_places, flow.exact) == ("whole tokens", 18, True)
    assert [trade.block_number for trade in flow.trades] == [12684280, 12684281]
    first = flow.trades[0]
    assert (first.amount_in, first.amount_out) == (645436275649485418709, 5265516643185024690)
    assert (first.token_in, first.token_out, first.pool, first.place) == ("UNI", "WETH", POOL, (0,))
    assert first.queried_reserve_in == 2415515466994928217375367
    assert first.queried_reserve_out == 19759967355814577426424
    assert first.tx_index is None
    for notice in ("newest first", "1 pair(s) of reserves", "order of the swaps within a block is not told", "Syncs"):
        assert notice in said(flow)


def test_csv_and_json_of_the_same_swaps_are_the_same_flow(written):
    names = ("subgraph-v2-csv", "subgraph-v2-json", "subgraph-v3-csv", "subgraph-v3-json")
    ids = [ingest_flow(written(SAMPLES[name], name), "x").about.content_id for name in names]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_v3_swaps_have_signed_amounts_and_a_log_index(written):
    first = ingest_flow(written(SAMPLES["subgraph-v3-json"]), "x").flow.trades[0]
    assert (first.venue, first.token_in, first.token_out) == ("v3", WETH, UNI)
    assert (first.amount_in, first.amount_out) == (5265516643185024690, 645436275649485418709)
    assert (first.place, first.sender, first.recipient) == ((7,), f"0x{1:040x}", f"0x{2:040x}")


def test_a_flash_swap_counts_by_what_was_paid_on_balance(written):
    rows = [
        subgraph_v2(0, amount0In="5.000000000000000001", amount0Out="2"),
        subgraph_v2(1, amount0In="5", amount0Out="7", amount1In="3", amount1Out="1"),
        subgraph_v2(2, amount0In="0", amount1Out="0"),
        subgraph_v2(3, amount0In="5", amount1In="1", amount1Out="0"),
    ]
    flow = ingest_flow(written(csv_text(rows)), "x").flow
    assert [(one.token_in, one.amount_in, one.amount_out) for one in flow.trades] == [
        ("UNI", 3 * E18 + 1, 5265516643185024690),
        ("WETH", 2 * E18, 2 * E18),
    ]
    assert flow.counts["rows that sell no token for the other, left out"] == 2


def test_pages_that_overlap_count_a_swap_once_whatever_the_reserves_were_when_asked(written):
    first = written(csv_text([subgraph_v2(1), subgraph_v2(0)]), "first")
    second = written(csv_text([subgraph_v2(2), subgraph_v2(1, **{"pair.reserve0": "1", "amountUSD": "2"})]), "second")
    found = ingest_flow([first, second], "x")
    assert len(found.flow.trades) == 3
    assert found.about.counts["duplicates dropped"] == 1
    assert ingest_flow([second, first], "x").about.content_id == found.about.content_id
    changed = written(csv_text([subgraph_v2(0, amount1Out="6")]), "changed")
    with pytest.raises(InputError, match="says something else there"):
        ingest_flow([first, changed], "x")


@pytest.mark.parametrize("number", [5.26551664318502469, 1e22])
def test_amounts_that_became_json_numbers_are_refused_unless_taken_as_inexact(written, number):
    path = written(answer(subgraph_v2(0, amount1Out=number)))
    with pytest.raises(InputError, match="--accept-inexact"):
        ingest_flow(path, "x")
    flow = ingest_flow(path, "x", accept_inexact=True).flow
    assert not flow.exact
    assert "taken as inexact on request" in said(flow)


def test_text_that_went_through_doubles_is_noticed_by_its_digits(written):
    def amount(number: int) -> str:
        return f"{number % 900 + 100}.{(number * 7_919_000_000_000_003 + 1) % E18:018d}"

    def rows(through) -> str:
        out = through("5.26551664318502469")
        return csv_text(
            [subgraph_v2(number, amount0In=through(amount(number)), amount1Out=out) for number in range(1, 80)]
        )

    assert ingest_flow(written(rows(str)), "x").about.exact
    with pytest.raises(InputError, match=r"16 or 17 significant digits and none has more"):
        ingest_flow(written(rows(lambda text: repr(float(text)))), "x")


def test_a_subgraphs_error_is_no_flow(written):
    with pytest.raises(InputError, match="no known kind of order flow"):
        ingest_flow(written(json.dumps({"errors": [{"message": "rate limited"}]})), "x")


def test_the_real_subgraph_answer(shared_data, written):
    path = shared_data / "v2_uni_weth_mainnet_subgraph" / "swaps.csv.gz"
    flow = ingest_flow(path, "uni").flow
    rows = unpacked(path)
    assert flow.exact
    assert "2 pair(s) of reserves" in said(flow)
    assert "newest first" in said(flow)
    wanted = {}
    for row in rows:
        sold, bought = (
            (row["amount0In"], row["amount1Out"]) if row["amount0In"] != "0" else (row["amount1In"], row["amount0Out"])
        )
        wanted[row["id"]] = (row["amount0In"] != "0", int(Decimal(sold) * E18), int(Decimal(bought) * E18))
    assert len(wanted) == 2000
    sold = "UNI"
    found = {
        f"{one.tx_hash}-{one.place[0]}": (one.token_in == sold, one.amount_in, one.amount_out) for one in flow.trades
    }
    assert found == wanted
    graphql = written(answer(*({k: v for k, v in row.items() if k} for row in rows)))
    assert ingest_flow(graphql, "uni").about.content_id == flow.content_id


# --- JSON numbers ----------------------------------------------------------------------------------------------------


def test_whole_numbers_in_json_are_exact_where_one_of_them_is_no_double(written):
    flow = ingest_flow(written(SAMPLES["v3-events-json"]), "x").flow
    assert flow.exact
    assert [(one.token_in, one.amount_in, one.amount_out) for one in flow.trades] == [
        ("token1", 10**16, 62219),
        ("token0", 2**90 + 1, 5),
    ]
    assert flow.counts["events of liquidity, left out"] == 1


@pytest.mark.parametrize(
    "through", [lambda n: float(f"{n:.16e}"), lambda n: int(float(n)), lambda n: int(Decimal(repr(float(n))))]
)
def test_numbers_that_went_through_doubles_are_noticed(written, through):
    """As a number with an exponent, as the double's exact value, as its shortest decimal filled up with zeros."""
    numbers = [(number * 12_345_678_901_234_567_891_234 + 10**22) for number in range(1, 9)]
    exact = events(*(event(amount1=number) for number in numbers))
    assert ingest_flow(written(exact), "x").about.exact
    rounded = written(events(*(event(amount1=through(number)) for number in numbers)))
    with pytest.raises(InputError, match=r"all \d+ amounts above 2\*\*53 are numbers as doubles have them"):
        ingest_flow(rounded, "x")


def test_round_amounts_alone_are_no_sign_of_rounding(written):
    people = events(*(event(amount1=number * 10**18) for number in range(1, 50)))
    assert ingest_flow(written(people), "x").about.exact


def test_the_real_events_through_doubles_are_refused_and_taken_only_as_inexact(shared_data):
    path = shared_data / "v3_wbtc_weth_mainnet_json_doubles" / "univ3-wbtc-weth-0.3-events.json.gz"
    with pytest.raises(
        InputError, match=r"all 8,569 amounts above 2\*\*53 are numbers as doubles have them.*10\*\*14,582"
    ):
        ingest_flow(path, "x")
    flow = ingest_flow(path, "x", accept_inexact=True).flow
    assert (len(flow.trades), flow.exact) == (7304, False)
    assert flow.counts["events of liquidity, left out"] == 983 + 342 + 96
    assert "taken as inexact on request" in said(flow)


# --- CoW Protocol ----------------------------------------------------------------------------------------------------


def test_settled_orders_have_their_limits_and_fills(shared_data):
    path = shared_data / "cow_settlements_mainnet" / "settlements.csv.gz"
    flow = ingest_flow(path, "cow").flow
    trades = [(batch, trade) for batch in read_settlements(path) for trade in batch.trades]
    assert flow.counts == {"batches": 350}
    assert len(flow.intents) == len(trades) == 853
    by_place = {(intent.tx_hash, intent.place): intent for intent in flow.intents}
    places: defaultdict[str, int] = defaultdict(int)
    for batch, trade in trades:
        intent = by_place[batch.tx_hash, places[batch.tx_hash]]
        places[batch.tx_hash] += 1
        assert (intent.kind, intent.partially_fillable) == (trade.kind, trade.partially_fillable)
        assert (intent.amount_in, intent.amount_out) == (trade.sell_amount, trade.buy_amount)
        assert (intent.executed_in, intent.executed_out) == (trade.executed_sell, trade.executed_buy)
        assert (intent.executed_fee, intent.deadline_ts) == (trade.executed_fee, trade.valid_to)
        assert intent.path == (trade.sell_token, trade.buy_token)
        assert intent.status == "filled"


def test_a_partial_fill_has_its_share_of_the_fee(written):
    first = ingest_flow(written(SAMPLES["cow-settlements"]), "x").flow.intents[0]
    assert (first.amount_in, first.amount_out, first.partially_fillable) == (10, 23, True)
    assert (first.executed_in, first.executed_out, first.executed_fee) == (4, 10, 2)  # 4 · 7 / 3 rounded up
    assert (first.path, first.place, first.gas_price_wei) == ((WETH, DAI), 0, 14404436327)


def test_an_auctions_orders_are_open_and_its_pools_counted(written):
    text = auction(order(0), order(1, sell_token=UNI, buy_token=WETH, is_sell_order=False), order(2))
    flow = ingest_flow(written(text), "x").flow
    assert flow.counts["pools"] == 3
    assert flow.counts["pools: Stable"] == 2
    assert flow.counts["pairs of tokens with orders both ways"] == 1
    first = flow.intents[0]
    assert {intent.status for intent in flow.intents} == {"open"}
    assert Counter(intent.kind for intent in flow.intents) == {"sell": 2, "buy": 1}
    assert (first.order_id, first.trader, first.deadline_ts) == (uid(1), f"0x{0xAB:040x}", 0x6695B350)


def test_the_real_auction(shared_data):
    flow = ingest_flow(shared_data / "cow_auction_instance_mainnet" / "7400681_prod_mainnet.json.gz", "x").flow
    assert len(flow.intents) == 527
    assert {intent.status for intent in flow.intents} == {"open"}
    assert {name: flow.counts[name] for name in flow.counts if "pool" in name} == {
        "pools": 842,
        "pools: ConstantProduct": 351,
        "pools: Concentrated": 299,
        "pools: WeightedProduct": 185,
        "pools: Stable": 7,
    }
    assert flow.counts["pairs of tokens with orders both ways"] == 23


def test_the_real_order_books(shared_data):
    paths = sorted((shared_data / "cow_orderbook_snapshots_mainnet").glob("*.csv.gz"))
    flow = ingest_flow(paths, "books").flow
    assert (flow.exact, flow.unit, flow.counts["auctions"]) == (False, "whole tokens", 8)
    scale = 10**flow.amount_places
    by_order = {(intent.method, intent.order_id): intent for intent in flow.intents}
    rows = 0
    for path in paths:
        for row in unpacked(path):
            rows += 1
            intent = by_order[f"auction {path.name[10:17]}", row["uid"]]
            sold = row["token_sold_amount"]
            assert intent.amount_in == (int(Decimal(sold) * scale) if sold else None)
            assert intent.status == ("filled" if row["fulfill"] == "1" else "open")
            assert intent.path == (row["token_sold_symbol"], row["token_bought_symbol"])
            assert (intent.executed_in, intent.executed_out) == (None, None)
    assert rows == len(flow.intents) == 17_051
    assert flow.counts["orders in a winning solution"] == 16


# --- whole blocks ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mev_flow(shared_data):
    return ingest_flow([shared_data / MEV / f"block_{number}_traces.json.gz" for number in MEV_BLOCKS], "mev").flow


def test_blocks_of_call_traces_give_trades_intents_with_outcomes_and_labels(mev_flow, shared_data):
    """Everything that the readers of blocks find, and nothing else."""
    blocks = mev_blocks(shared_data).values()
    assert mev_flow.counts == {"blocks": 18}
    assert set(mev_flow.trades) == {flow_trade(trade) for block in blocks for trade in trades_of_block(block)}
    weth = WRAPPED_NATIVE[1]
    assert set(mev_flow.intents) == {one for block in blocks for one in block_intents(block, wrapped_native=weth)}
    assert Counter(one.status for one in mev_flow.intents)["reverted"] == 70
    labels = [label_transactions(activity_of_block(block)) for block in blocks]
    assert mev_flow.labels == {tx_hash: label for those in labels for tx_hash, label in those.items()}
    assert mev_flow.exact


def test_a_block_twice_is_taken_once(shared_data, mev_flow):
    path = shared_data / MEV / f"block_{MEV_BLOCKS[0]}_traces.json.gz"
    once, twice = ingest_flow(path, "x"), ingest_flow([path, path], "x")
    assert once.about.content_id == twice.about.content_id
    rows = sum(len(getattr(once.flow, name)) for name in ("trades", "intents", "labels"))
    assert twice.about.counts["duplicates dropped"] == rows


def test_tables_of_whole_blocks_give_the_swaps_of_their_logs(shared_data):
    flow = ingest_flow(shared_data / "etl_blocks_mainnet_17173049_17173050/*.jsonl.gz", "etl").flow
    assert set(flow.trades) == {flow_trade(trade) for trade in trades_of_logs(etl_logs(shared_data))}
    assert Counter(trade.venue for trade in flow.trades) == {"v2": 69, "v3": 10}
    assert Counter(label.flow_class for label in flow.labels.values())["sandwich"] == 6
    assert flow.counts["blocks"] == 2
    assert len(flow.intents) > 40
    assert all(intent.block_ts for intent in flow.intents)


def test_tables_without_logs_or_with_one_contracts_are_no_flow(shared_data, written):
    folder = shared_data / "etl_blocks_mainnet_17173049_17173050"
    with pytest.raises(InputError, match="no file holds logs"):
        ingest_flow(folder / "blocks.jsonl.gz", "x")
    lines = gzip.decompress((folder / "logs.jsonl.gz").read_bytes()).decode().splitlines()
    one = [line for line in lines if '"address": "0x7054b0f980a7eb5b3a6b3446f3c947d80162775c"' in line]
    assert len(one) > 1
    with pytest.raises(InputError, match="--initial-state"):
        ingest_flow(written("\n".join(one)), "x")


def test_a_log_with_two_contents_is_refused(shared_data, written):
    text = gzip.decompress((shared_data / "etl_blocks_mainnet_17173049_17173050/logs.jsonl.gz").read_bytes()).decode()
    first = json.loads(text.splitlines()[0])
    changed = written(json.dumps(first | {"address": POOL}))
    with pytest.raises(InputError, match="says something else there"):
        ingest_flow([written(text, "whole"), changed], "x")
