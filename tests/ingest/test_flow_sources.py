"""Order flow from the files that people have: what is in them, exactly, and what they cannot give."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from decimal import Context, Decimal

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
    settlement,
    subgraph_v2,
    tx,
    uid,
)
from whole_blocks import ETL, MEV, MEV_BLOCKS, etl_logs, mev_blocks

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
    with pytest.raises(InputError, match=r"until 2022 it lacks category; known kinds of CSV are dune-.*, raw-logs"):
        ingest_flow(written(lacking), "x")
    with pytest.raises(InputError, match="unknown format 'dune'; known are"):
        ingest_flow(written(lacking), "x", "dune")
    with pytest.raises(InputError, match="is empty"):
        ingest_flow(written(""), "x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("# A heading\n\nSome text.\n", r"is of no known kind: no CSV in UTF-8 with a header, no JSON, no Parquet$"),
        (bytes(1000), r"no CSV in UTF-8 with a header, no JSON, no Parquet$"),
        ("name,age\nx,1\n", r"is CSV of no known kind; known kinds of CSV are dune-trades-2022, .*etl-csv$"),
        ('{"name": "x"}', r"is JSON of no known kind; known kinds of JSON are subgraph-v2-json, .*etl-json$"),
        ('[{"id": 1, "timestamp": 2, "amount0In": 3}]', r"swaps, as JSON it lacks amount0Out, amount1In, amount1Out;"),
    ],
)
def test_an_unknown_file_is_compared_with_kinds_that_are_written_alike(written, content, said):
    with pytest.raises(InputError, match=said):
        ingest_flow(written(content), "x")


def test_of_several_files_the_unknown_one_is_named_and_how_to_leave_it_out(written):
    first, second = written(SAMPLES["dune-trades"], "a.csv"), written("name,age\nx,1\n", "b.csv")
    with pytest.raises(InputError, match=r"name those by a pattern such as 'FOLDER/\*\.csv\.gz'") as refusal:
        ingest_flow([first, second], "x")
    assert refusal.value.file == str(second)
    for name in (None, "raw-logs"):
        events = "block_number,block_timestamp,transaction_hash,transaction_index,log_index,topics,data\n"
        with pytest.raises(InputError, match="give the pool's state with --initial-state"):
            ingest_flow(written(events), "x", name)


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
        "no transaction, no pool, no block",
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


LOG, BOTH, CALL = {"trace_address": ""}, {"trace_address": "[-1]"}, {"trace_address": "[1 20]", "evt_index": -1}


@pytest.mark.parametrize(
    ("project", "place", "aggregate"),
    [
        ("uniswap", LOG, False),
        ("uniswap", BOTH, False),
        ("uniswap", CALL, True),
        ("cow_protocol", LOG, True),
        ("0x API", CALL, True),
        ("dodo", LOG, False),
        ("dodo", CALL, True),
    ],
)
def test_which_of_dunes_tables_a_row_is_from_is_found_row_by_row(written, project, place, aggregate):
    """Older exports of dex.trades have a trace_address as well, which is empty beside a log."""
    rows = [dune_newer(0, project=project, **place), dune_newer(1, **LOG)]
    flow = ingest_flow(written(csv_text(rows)), "x").flow
    found = {trade.tx_hash: trade for trade in flow.trades}
    assert [found[tx(number)].aggregate for number in (0, 1)] == [aggregate, False]
    assert found[tx(0)].place == ((1, 20) if place is CALL else (0,))
    assert ("1 trades are of dodo or kyberswap" in said(flow)) == (project == "dodo")
    without = ingest_flow(written(csv_text([dune_newer(0, project="1inch")])), "x").flow
    assert without.trades[0].aggregate, "by its project alone"


def test_trades_without_log_and_call_are_not_taken_for_one(written):
    """As many stay as one file holds; nothing tells them apart from rows of another file."""
    nowhere = {"evt_index": "", "tx_hash": tx(7)}
    rows = [
        dune_newer(0, **nowhere),
        dune_newer(0, **nowhere),
        dune_newer(0, **nowhere | {"token_sold_amount_raw": 5}),
        dune_newer(1),
    ]
    first, second = written(csv_text(rows), "first"), written(csv_text(rows[1:]), "second")
    found = ingest_flow([first, second], "x")
    assert sorted(trade.amount_in for trade in found.flow.trades) == [5, E18, E18, E18 + 1]
    assert found.about.counts["duplicates dropped"] == 3
    assert found.about.counts["rows equal to another of their file, kept"] == 1
    assert found.about.counts["trades without a log or a call"] == 5
    assert ingest_flow([second, first], "y").about.content_id == found.about.content_id


LONG = [number * 12_345_678_901_234_567_891_234 + 10**22 for number in range(1, 41)]
THROUGH = {
    "doubles": lambda n: int(float(n)),
    "printed doubles": lambda n: int(Decimal(repr(float(n)))),
    "15 digits": lambda n: int(Decimal(f"{n:.14e}")),
    "10 digits": lambda n: int(Decimal(f"{n:.9e}")),
}


@pytest.mark.parametrize("through", THROUGH)
def test_dunes_raw_amounts_that_were_rounded_are_refused(written, through):
    def export(change, exact: int = 0) -> str:
        amounts = [number if place < exact else change(number) for place, number in enumerate(LONG)]
        return csv_text(
            [
                dune_newer(place, token_sold_amount_raw=amount, token_bought_amount_raw=1000)
                for place, amount in enumerate(amounts)
            ]
        )

    assert ingest_flow(written(export(lambda n: n)), "x").about.exact
    for exact in (0, 3):
        path = written(export(THROUGH[through], exact))
        with pytest.raises(InputError, match=r"as doubles have them|significant digits"):
            ingest_flow(path, "x")
        assert ingest_flow(path, "x", accept_inexact=True).about.exact is False


def test_an_older_export_with_transaction_log_and_raw_amounts_is_read_with_them(written):
    def row(number: int, **changed) -> dict:
        told = {
            "tx_hash": tx(number).replace("0x", r"\x"),
            "evt_index": number,
            "trace_address": "",
            "version": "3",
            "exchange_contract_address": POOL.replace("0x", r"\x"),
            "token_a_address": UNI.replace("0x", r"\x"),
            "token_b_address": "",
            "token_a_amount_raw": 2**90 + number,
            "token_b_amount_raw": 10**18 + 1,
        }
        return dune_older(**told | changed)

    flow = ingest_flow(written(csv_text([row(1), row(0), row(1)])), "x").flow
    assert (flow.unit, flow.exact, len(flow.trades)) == ("smallest units", True, 2)
    first = flow.trades[0]
    assert (first.tx_hash, first.place, first.pool, first.venue) == (tx(0), (0,), POOL, "Uniswap 3")
    assert (first.token_in, first.token_out) == (UNI, "WETH")
    assert (first.amount_in, first.amount_out) == (2**90, 10**18 + 1)
    assert "It tells no block" in said(flow)
    assert "were rounded" not in said(flow)
    halves = [row(3, trade_id=number, token_a_amount_raw=number) for number in (1, 2)]
    assert [one.place for one in ingest_flow(written(csv_text(halves)), "x").flow.trades] == [(3,), (3, 2)]
    calls = ingest_flow(written(csv_text([row(0, evt_index="", trace_address="{1,2}")])), "x").flow
    assert calls.trades[0].place == (1, 2)
    plain = written(csv_text([dune_older()]), "plain")
    with pytest.raises(InputError, match="one flow is in one unit"):
        ingest_flow([written(csv_text([row(0)]), "raw"), plain], "x")
    rounded = csv_text([row(place, token_a_amount_raw=int(float(number))) for place, number in enumerate(LONG)])
    with pytest.raises(InputError, match="as doubles have them"):
        ingest_flow(written(rounded), "x")


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
        return f"{number % 900 + 100}.{number * 7_919_123_456_789_123_457 % E18:018d}"

    def rows(through) -> str:
        out = through("5.26551664318502469")
        return csv_text(
            [subgraph_v2(number, amount0In=through(amount(number)), amount1Out=out) for number in range(1, 80)]
        )

    assert ingest_flow(written(rows(str)), "x").about.exact
    with pytest.raises(InputError, match=r"rounded to 17 significant digits"):
        ingest_flow(written(rows(lambda text: repr(float(text)))), "x")


def cut(text: str, digits: int) -> str:
    return format(Context(prec=digits).create_decimal(text), "f")


def to_places(text: str, places: int) -> str:
    return str(round(Decimal(text), places))


@pytest.mark.parametrize("kept_exact", [0, 5])
@pytest.mark.parametrize(
    ("through", "of"),
    [(cut, 15), (cut, 10), (cut, 7), (to_places, 2), (to_places, 4), (to_places, 6), (to_places, 12)],
)
def test_a_real_answer_cut_to_fewer_digits_or_places_is_noticed(shared_data, written, through, of, kept_exact):
    rows = unpacked(shared_data / "v2_uni_weth_mainnet_subgraph" / "swaps.csv.gz")[:400]
    for row in rows[kept_exact:]:
        row.update({name: through(row[name], of) for name in ("amount0In", "amount0Out", "amount1In", "amount1Out")})
    path = written(csv_text(rows))
    with pytest.raises(InputError, match="were rounded to"):
        ingest_flow(path, "x")
    assert ingest_flow(path, "x", accept_inexact=True).about.exact is False


def pair(places: tuple[int, int], **told) -> str:
    """Exact swaps of two tokens with so many places, of amounts of all sizes."""
    rows = []
    for number in range(1, 121):
        units = [number**7 * 123_457 % 10 ** (places[side] + number % 5) + 1 for side in (0, 1)]
        amounts = [format(Decimal(unit).scaleb(-place), "f") for unit, place in zip(units, places, strict=True)]
        names = {"pair.token0.symbol": "A", "pair.token1.symbol": "B"}
        rows.append(subgraph_v2(number, amount0In=amounts[0], amount1Out=amounts[1], **names | told))
    return csv_text(rows)


@pytest.mark.parametrize("places", [(6, 18), (18, 8), (18, 18), (9, 18), (2, 18), (6, 8)])
def test_tokens_of_few_places_are_not_taken_for_rounded(written, places):
    flow = ingest_flow(written(pair(places)), "x").flow
    assert flow.exact
    assert "they are exact only if" not in said(flow)


def test_where_all_amounts_end_at_one_place_the_tokens_own_places_decide(written):
    usual = ingest_flow(written(pair((6, 6))), "x").flow
    assert usual.exact
    assert "No amount has more than 6 places: they are exact only if all tokens have so many" in said(usual)
    with pytest.raises(InputError, match="no amount of any token has more than 4 places"):
        ingest_flow(written(pair((4, 4))), "x")
    told = {"pair.token0.decimals": "4", "pair.token1.decimals": "4"}
    flow = ingest_flow(written(pair((4, 4), **told)), "x").flow
    assert flow.exact
    assert "they are exact only if" not in said(flow)
    with pytest.raises(InputError, match=r"of A in .* were rounded to"):
        ingest_flow(written(pair((4, 18), **{"pair.token0.decimals": "18"})), "x")
    with pytest.raises(InputError, match=r"of WETH in .* were rounded to"):
        ingest_flow(written(pair((4, 18), **{"pair.token0.symbol": "WETH"})), "x")


def test_one_rounded_file_of_several_is_noticed(shared_data, written):
    rows = unpacked(shared_data / "v2_uni_weth_mainnet_subgraph" / "swaps.csv.gz")
    exact = written(csv_text(rows[100:]), "exact")
    for row in rows[:100]:
        row.update({name: cut(row[name], 15) for name in ("amount0In", "amount0Out", "amount1In", "amount1Out")})
    with pytest.raises(InputError, match="in page were rounded"):
        ingest_flow([exact, written(csv_text(rows[:100]), "page")], "x")


def test_a_subgraphs_error_is_no_flow(written):
    with pytest.raises(InputError, match="is JSON of no known kind"):
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
    with pytest.raises(InputError, match=r"\d+ of \d+ amounts above 2\*\*53 are numbers as doubles have them"):
        ingest_flow(rounded, "x")


def test_a_few_doubles_alone_are_no_sign_of_rounding(written):
    """A handful of swaps may all be one bot's."""
    found = ingest_flow(written(events(*(event(amount1=int(float(number))) for number in LONG[:5]))), "x").about
    assert (found.exact, found.counts["of those as doubles have them"]) == (True, 5)


def test_round_amounts_alone_are_no_sign_of_rounding(written):
    people = events(*(event(amount1=number * 10**18) for number in range(1, 50)))
    assert ingest_flow(written(people), "x").about.exact


@pytest.mark.parametrize("exact", [1, 100])
def test_some_exact_amounts_do_not_hide_that_the_others_went_through_doubles(shared_data, written, exact):
    path = shared_data / "v3_wbtc_weth_mainnet_json_doubles" / "univ3-wbtc-weth-0.3-events.json.gz"
    document = json.loads(gzip.decompress(path.read_bytes()), parse_float=lambda text: int(Decimal(text)))
    long = [one for one in document["events"] if abs(one["amount1"]) > 1 << 60]
    for one in long[:exact]:
        one["amount1"] += 1
    with pytest.raises(InputError, match="are numbers as doubles have them"):
        ingest_flow(written(json.dumps(document)), "x")


def test_bots_that_compute_with_doubles_do_not_make_a_history_inexact(shared_data, written):
    """Of the real pool on Optimism 19 % of the long amounts are doubles; as events in JSON they stay exact."""
    rows = unpacked(shared_data / "v3_velodrome_weth_op_optimism" / "events_from_creation.csv.gz")
    swaps = [row for row in rows if row["event"] == "swap"][:5000]
    document = events(*(event(amount0=int(row["amount0"]), amount1=int(row["amount1"])) for row in swaps))
    found = ingest_flow(written(document), "x").about
    assert found.exact
    assert found.counts["of those as doubles have them"] > 1000


def test_the_real_events_through_doubles_are_refused_and_taken_only_as_inexact(shared_data):
    path = shared_data / "v3_wbtc_weth_mainnet_json_doubles" / "univ3-wbtc-weth-0.3-events.json.gz"
    with pytest.raises(
        InputError, match=r"8,569 of 8,569 amounts above 2\*\*53 are numbers as doubles have them.*5,382 of 5,382"
    ):
        ingest_flow(path, "x")
    flow = ingest_flow(path, "x", accept_inexact=True).flow
    assert (len(flow.trades), flow.exact) == (7304, False)
    assert flow.counts["events of liquidity, left out"] == 983 + 342 + 96
    assert "taken as inexact on request" in said(flow)


# --- CoW Protocol ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("through", THROUGH)
def test_settlements_whose_amounts_were_rounded_are_refused(written, through):
    def export(change) -> str:
        rows = [settlement(place, clearing_prices="[1 1]") for place in range(len(LONG))]
        for row, number in zip(rows, LONG, strict=True):
            (trade,) = json.loads(row["trades"])
            trade |= {"sellAmount": change(number), "buyAmount": 3}
            row["trades"] = json.dumps([trade])
        return csv_text(rows)

    assert ingest_flow(written(export(lambda n: n)), "x").about.exact
    path = written(export(THROUGH[through]))
    with pytest.raises(InputError, match=r"in flow.txt, trades"):
        ingest_flow(path, "x")
    assert ingest_flow(path, "x", accept_inexact=True).about.exact is False


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


V2_ROUTER = "0x7a250d5630b4cf539739df2c5dacb4c659f2488d"
UNREAD = "calls of known routers that could not be read"


def test_router_calls_that_cannot_be_read_are_counted(shared_data, written, mev_flow):
    assert UNREAD not in mev_flow.counts
    block = json.loads(gzip.decompress((shared_data / MEV / "block_13207907_traces.json.gz").read_bytes()))
    own = [trace for trace in block["traces"] if not trace["trace_address"] and trace["action"].get("to") == V2_ROUTER]
    own[0]["action"]["input"] = own[0]["action"]["input"][:-64]
    assert ingest_flow(written(json.dumps(block), "block.json"), "x").about.counts[UNREAD] == 1
    lines = {}
    for kind in ("logs", "transactions", "blocks"):
        packed = (shared_data / ETL / f"{kind}.jsonl.gz").read_bytes()
        lines[kind] = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    for damaged in (0, 2):
        calls = [line for line in lines["transactions"] if line["to_address"] == V2_ROUTER]
        for line in calls[:damaged]:
            line["input"] = line["input"][:-64]
        paths = [written("\n".join(map(json.dumps, rows)), kind) for kind, rows in lines.items()]
        assert ingest_flow(paths, "x").about.counts.get(UNREAD, 0) == damaged


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
