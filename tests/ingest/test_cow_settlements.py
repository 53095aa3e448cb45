"""Settled CoW batches: exact fills from prices, and a located refusal of anything that is not as it must be."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cow_settlements import read_settlements
from ingest.errors import InputError

COLUMNS = ("call_tx_hash", "call_block_number", "gas_price", "tokens", "clearing_prices", "trades")
WETH, DAI = f"0x{1:040x}", f"0x{2:040x}"


def trade(**changed) -> dict:
    given = {
        "sellTokenIndex": 0,
        "buyTokenIndex": 1,
        "receiver": f"0x{9:040x}",
        "sellAmount": 10,
        "buyAmount": 23,
        "validTo": 1_700_000_000,
        "feeAmount": 0,
        "flags": 64,
        "executedAmount": 10,
    }
    return given | changed


def row(*trades: dict, **changed) -> dict:
    given = {
        "call_tx_hash": f"0x{7:064x}",
        "call_block_number": "20826055",
        "gas_price": "14404436327",
        "tokens": f"[{WETH} {DAI}]",
        "clearing_prices": "[7 3]",
        "trades": f"[{' '.join(map(json.dumps, trades or (trade(),)))}]",
    }
    return given | changed


@pytest.fixture
def written(tmp_path):
    def write(*rows: dict) -> object:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        path = tmp_path / "settlements.csv"
        path.write_text(text.getvalue())
        return path

    return write


@pytest.mark.parametrize(
    ("changed", "sold", "bought", "fee", "surplus"),
    [
        ({}, 10, 24, 0, 1),  # 10 * 7 / 3 = 23.3 rounded up
        ({"flags": 66, "executedAmount": 4, "feeAmount": 5}, 4, 10, 2, 0),  # 9.3 up, its share of the limit 9.2 up
        ({"flags": 65, "buyAmount": 20}, 8, 20, 0, 2),  # 20 * 3 / 7 = 8.6 rounded down
        ({"flags": 67, "buyAmount": 20, "executedAmount": 5}, 2, 5, 0, 0),  # 2.1 down, its share of the limit 2.5 down
        ({"executedAmount": 3}, 10, 24, 0, 1),  # fill or kill: what it says to execute is not read
    ],
)
def test_fills_with_the_contracts_rounding(written, changed, sold, bought, fee, surplus):
    (only,) = read_settlements(written(row(trade(**changed))))[0].trades
    assert (only.executed_sell, only.executed_buy, only.executed_fee, only.surplus) == (sold, bought, fee, surplus)
    assert (only.sell_token, only.buy_token) == (WETH, DAI)


WRONG = {
    "call_tx_hash": {"call_tx_hash": "0x12"},
    "call_block_number": {"call_block_number": "1e7"},
    "gas_price": {"gas_price": "\u0661\u0662"},
    "tokens": {"tokens": f"[{WETH} 0x12]"},
    "clearing_prices": {"clearing_prices": "[7 3 4]"},
    "trades": {"trades": "{}"},
}
WRONG_PRICES = ["[7 3.0]", "[7 -3]", "[7 0]", f"[7 {10**80}]", "7 3", "[7 1e3]"]
WRONG_TRADES = {
    "sellTokenIndex": [2, -1, True, None],
    "receiver": ["0x0", None],
    "sellAmount": [10.0, "10", 0, 1 << 256],
    "buyAmount": [24, 1e80],  # 24: more than the prices give
    "validTo": [None],
    "flags": ["64"],
    "feeAmount": [-1],
}


@pytest.mark.parametrize("field", WRONG)
def test_names_line_and_column(written, field):
    good = row(call_tx_hash=f"0x{8:064x}")
    with pytest.raises(InputError, match=rf"line 3.*{field}"):
        read_settlements(written(good, row(**WRONG[field])))


@pytest.mark.parametrize("prices", WRONG_PRICES)
def test_refuses_prices_that_are_no_whole_numbers_above_0(written, prices):
    with pytest.raises(InputError, match=r"line 2.*clearing_prices"):
        read_settlements(written(row(clearing_prices=prices)))


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, some in WRONG_TRADES.items() for value in some])
def test_names_the_trade_and_its_field(written, field, value):
    with pytest.raises(InputError, match=rf"line 2.*trades\[1\]\.{field}"):
        read_settlements(written(row(trade(), trade(**{field: value}))))


def test_refuses_a_fill_beyond_the_order(written):
    with pytest.raises(InputError, match=r"executedAmount.*above the order's sellAmount"):
        read_settlements(written(row(trade(flags=66, executedAmount=11))))


def test_refuses_a_batch_that_stands_twice(written):
    with pytest.raises(InputError, match=r"line 3.*twice"):
        read_settlements(written(row(), row()))


def test_refuses_a_field_named_twice(written):
    twice = json.dumps(trade())[:-1] + ', "flags": 65}'
    with pytest.raises(InputError, match="twice in one object"):
        read_settlements(written(row(trades=f"[{twice}]")))


@given(cut=st.integers(0, 2000), junk=st.binary(max_size=4))
def test_a_cut_file_is_refused_or_says_the_same(tmp_path_factory, cut, junk):
    folder = tmp_path_factory.mktemp("cut")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerow(row())
    content = text.getvalue().encode()
    (folder / "whole.csv").write_bytes(content)
    (folder / "cut.csv").write_bytes(content[:cut] + junk)
    try:
        found = read_settlements(folder / "cut.csv")
    except InputError as error:
        assert "cut.csv" in str(error)  # noqa: PT017 - either is right
    else:
        assert found == read_settlements(folder / "whole.csv")


def told(path) -> list[tuple[dict, list[int]]]:
    """Every trade of a file with its batch's prices, read with other means."""
    found = []
    for line in csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())):
        prices = [int(text) for text in line["clearing_prices"].strip("[]").split()]
        trades = json.loads(line["trades"].replace("} {", "},{"))
        found += [(one, prices) for one in trades]
    return found


def test_gives_every_trade_of_the_real_settlements_and_breaks_no_limit(shared_data):
    path = shared_data / "cow_settlements_mainnet" / "settlements.csv.gz"
    batches = read_settlements(path)
    trades = [one for batch in batches for one in batch.trades]
    assert len(batches) == 350
    assert len({batch.tx_hash for batch in batches}) == 350
    assert Counter((one.kind, one.partially_fillable) for one in trades) == {
        ("sell", False): 778,
        ("sell", True): 40,
        ("buy", False): 35,
    }
    for one, (raw, prices) in zip(trades, told(path), strict=True):
        rate = Fraction(prices[raw["sellTokenIndex"]], prices[raw["buyTokenIndex"]])
        executed = raw["executedAmount"]
        if raw["flags"] % 2:
            assert (one.executed_buy, one.executed_sell) == (executed, floor(executed / rate))
        else:
            assert (one.executed_sell, one.executed_buy) == (executed, ceil(executed * rate))
        assert Fraction(raw["buyAmount"], raw["sellAmount"]) <= rate
        assert one.limit_kept
        assert one.surplus >= 0
