"""Small files of every kind of order flow, written with other means than those that read them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from ingest.flow import OrderFlow

UNI, WETH, DAI = (f"0x{number:040x}" for number in (0xA1, 0xB2, 0xC3))
POOL = f"0x{0x77:040x}"
STARTS = 1_650_412_853


def tx(number: int) -> str:
    return f"0x{number:064x}"


def uid(number: int, valid_to: int = 0x6695B350) -> str:
    return f"0x{number:064x}{0xAB:040x}{valid_to:08x}"


def csv_text(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def dune_older(**changed: Any) -> dict[str, Any]:
    return {
        "block_time": "2022-04-20T00:00:53+00:00",
        "token_a_symbol": "APE",
        "token_b_symbol": "WETH",
        "token_a_amount": "4302.59222412472",
        "token_b_amount": "18.614072015625",
        "project": "Uniswap",
        "category": "DEX",
        "usd_amount": "57654.7358032712",
        "trader_a": r"\x56178a0d5f301baf6cf3e1cd53d9863437345bf9",
    } | changed


def dune_newer(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "blockchain": "ethereum",
        "project": "uniswap",
        "version": "3",
        "block_time": "2024-01-05 00:00:23.000 UTC",
        "block_number": 18937382,
        "token_bought_address": WETH,
        "token_sold_address": UNI,
        "token_bought_amount_raw": 2**200 + 1,
        "token_sold_amount_raw": 10**18 + number,
        "amount_usd": "1.5E-3",
        "tx_hash": tx(number),
        "evt_index": number,
        "taker": f"0x{0x56:040x}",
        "project_contract_address": POOL,
    } | changed


def subgraph_v2(number: int = 0, **changed: Any) -> dict[str, Any]:
    """A flattened swap; the highest number is the newest."""
    return {
        "amount0In": "645.436275649485418709",
        "amount0Out": "0",
        "amount1In": "0",
        "amount1Out": "5.26551664318502469",
        "amountUSD": "9290.277966736937447449589589873327",
        "id": f"{tx(number)}-0",
        "timestamp": str(STARTS + number),
        "pair.id": POOL,
        "pair.reserve0": "2415515.466994928217375367",
        "pair.reserve1": "19759.967355814577426424",
        "pair.token0.symbol": "UNI",
        "pair.token1.symbol": "WETH",
        "transaction.blockNumber": str(12684280 + number),
        "transaction.id": tx(number),
    } | changed


def subgraph_v3(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{tx(number)}#{number}",
        "timestamp": str(STARTS + number),
        "amount0": "-645.436275649485418709",
        "amount1": "5.26551664318502469",
        "pool.id": POOL,
        "token0.id": UNI,
        "token1.id": WETH,
        "logIndex": str(number + 7),
        "sender": f"0x{1:040x}",
        "recipient": f"0x{2:040x}",
        "transaction.blockNumber": str(12684280 + number),
    } | changed


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """A flattened row as GraphQL answers it."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *holders, last = name.split(".")
        at = found
        for holder in holders:
            at = at.setdefault(holder, {})
        at[last] = value
    return found


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"data": {"swaps": [nested(row) for row in rows]}})


def event(**changed: Any) -> dict[str, Any]:
    return {
        "amount": 0,
        "amount0": -62219,
        "amount1": 10000000000000000,
        "eventType": 1,
        "tickLower": 0,
        "tickUpper": 0,
        "unixTimestamp": 1620159740,
    } | changed


def events(*some: dict[str, Any]) -> str:
    return json.dumps({"events": list(some)})


def order(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "id": uid(number),
        "sell_token": WETH,
        "buy_token": UNI,
        "sell_amount": "1403987784353595847",
        "buy_amount": "75815340355094175738",
        "allow_partial_fill": True,
        "is_sell_order": True,
    } | changed


def auction(*orders: dict[str, Any], **changed: Any) -> str:
    token = {"decimals": 18, "alias": "A", "external_price": 0.00055, "internal_buffer": "213416190590170703444"}
    return json.dumps(
        {
            "tokens": {WETH: token, UNI: token},
            "orders": {str(place): one for place, one in enumerate(orders)},
            "amms": {"0": {"kind": "ConstantProduct"}, "1": {"kind": "Stable"}, "2": {"kind": "Stable"}},
            "metadata": {"auction_id": 7400681, "gas_price": 15189175884.0},
        }
        | changed
    )


def book_row(number: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "uid": uid(number),
        "amount_usd": "147.91963819223045",
        "kind": "sell",
        "class": "limit",
        "token_bought_symbol": "USDC",
        "token_sold_symbol": "WETH",
        "token_bought_amount": "149.87475",
        "token_sold_amount": "2.48138397829e-07",
        "token_bought_price_usd": "0.98",
        "token_sold_price_usd": "3437.0",
        "fulfill": "0",
        "fee": "0.0",
    } | changed


def settlement(number: int = 0, **changed: Any) -> dict[str, Any]:
    trade = {
        "sellTokenIndex": 0,
        "buyTokenIndex": 1,
        "receiver": f"0x{9:040x}",
        "sellAmount": 10,
        "buyAmount": 23,
        "validTo": 1_700_000_000,
        "feeAmount": 5,
        "flags": 66,
        "executedAmount": 4,
    }
    return {
        "call_tx_hash": tx(number),
        "call_block_number": 20826055 + number,
        "gas_price": "14404436327",
        "tokens": f"[{WETH} {DAI}]",
        "clearing_prices": "[7 3]",
        "trades": json.dumps([trade]),
    } | changed


def flow_of(name: str = "flow", **changed) -> OrderFlow:
    given = {
        "name": name,
        "content_id": "",
        "source": "chain",
        "formats": ("rpc",),
        "unit": "smallest units",
        "amount_places": 0,
        "exact": True,
        "lacks": "it is a test",
        "caveats": ("a", "b"),
        "counts": {"rows": 3},
    }
    return OrderFlow(**(given | changed))


SAMPLES = {
    "dune-trades-2022": csv_text([dune_older(), dune_older(category="Aggregator", project="1inch", trader_a="")]),
    "dune-trades": csv_text([dune_newer(0), dune_newer(1)]),
    "subgraph-v2-csv": csv_text([subgraph_v2(1), subgraph_v2(0)]),
    "subgraph-v2-json": answer(subgraph_v2(1), subgraph_v2(0)),
    "subgraph-v3-csv": csv_text([subgraph_v3(0), subgraph_v3(1)]),
    "subgraph-v3-json": answer(subgraph_v3(0), subgraph_v3(1)),
    "v3-events-json": events(event(), event(eventType=0, amount=5), event(amount0=2**90 + 1, amount1=-5)),
    "cow-settlements": csv_text([settlement(0), settlement(1)]),
    "cow-auction": auction(order(0), order(1, sell_token=UNI, buy_token=WETH, is_sell_order=False)),
    "cow-orderbook": csv_text([book_row(0), book_row(1, fulfill="1", kind="buy", token_bought_amount="")]),
}
"""A sound file of each kind that text can be written for by hand."""
