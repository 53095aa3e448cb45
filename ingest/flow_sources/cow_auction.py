"""One auction of CoW Protocol as its solvers got it: the open orders, and the pools that they could use."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ingest.cow_settlements import ADDRESS, DIGITS, MAX_UINT256
from ingest.errors import InputError
from ingest.flow_sources.base import FlowReader, FlowRows, FlowSource, FlowTold
from ingest.flow_sources.cow import VENUE
from ingest.flow_sources.cow_uid import UID, deadline_of, owner_of
from ingest.flow_sources.json_items import missing_keys
from ingest.flow_spool import Identity
from ingest.flow_table import of_intents
from ingest.records import UserIntent
from ingest.sources.text import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = ("tokens", "orders", "amms", "metadata")
AMM_KIND = re.compile(r"[A-Za-z0-9]{1,40}")
MAX_DOCUMENT_BYTES = 256 << 20
LACKS = "it holds what was wanted before an auction, not what came of it, and pools' states of one moment only"


class AuctionReader(FlowReader):
    """Reads auctions; each order becomes an open intent."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def read(self, path: Path) -> Iterator[FlowRows]:
        """A file's orders; see ``FlowReader``."""
        document = _Document(path)
        auction = document.number(document.whole["metadata"], "auction_id", "metadata")
        intents = [document.intent(key, auction) for key in document.whole["orders"]]
        self.counts["auctions"] += 1
        self.counts["orders"] += len(intents)
        self.counts.update(document.amms())
        pairs = {intent.path for intent in intents}
        self.counts["pairs of tokens with orders both ways"] += sum(
            (bought, sold) in pairs for sold, bought in pairs if sold < bought
        )
        yield FlowRows("intent", of_intents(intents), np.arange(len(intents)))

    def told(self) -> FlowTold:
        """See ``FlowReader``."""
        return FlowTold(
            "smallest units",
            exact=True,
            lacks=LACKS,
            caveats=(
                "No order is known to have been filled: all are open.",
                "The pools' states are counted, not kept.",
            ),
            counts=self.counts,
        )


class _Document:
    """One auction while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        content = read_bytes(path)
        if len(content) > MAX_DOCUMENT_BYTES:
            raise InputError(f"is larger than {MAX_DOCUMENT_BYTES} bytes; no auction is", file=path)
        try:
            self.whole = json.loads(content, object_pairs_hook=self._once, parse_float=str)
        except InputError:
            raise
        except (ValueError, RecursionError) as error:
            raise InputError(f"is no JSON text: {error}", file=path) from error
        for key in KEYS:
            if not isinstance(self.whole, dict) or not isinstance(self.whole.get(key), dict):
                self.fail(key, "must be an object")

    def _once(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            self.fail(twice, "is named twice in one object")
        return found

    def fail(self, field: str, message: str) -> NoReturn:
        raise InputError(message, file=self.path, field=field[:200])

    def number(self, of: dict[str, Any], name: str, place: str) -> int:
        value = of.get(name)
        if type(value) is not int or not 0 <= value <= MAX_UINT256:
            self.fail(f"{place}.{name}", f"must be a whole number, found {value!r:.80}")
        return value

    def text(self, of: dict[str, Any], name: str, place: str, pattern: re.Pattern[str], what: str) -> str:
        value = of.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.fail(f"{place}.{name}", f"must be {what}, found {value!r:.80}")
        return value

    def amount(self, of: dict[str, Any], name: str, place: str) -> int:
        value = int(self.text(of, name, place, DIGITS, "a whole number in decimal digits"))
        if value > MAX_UINT256:
            self.fail(f"{place}.{name}", f"must be below 2**256, found {value}")
        return value

    def flag(self, of: dict[str, Any], name: str, place: str) -> bool:
        value = of.get(name)
        if not isinstance(value, bool):
            self.fail(f"{place}.{name}", f"must be true or false, found {value!r:.80}")
        return value

    def intent(self, key: str, auction: int) -> UserIntent:
        order, place = self.whole["orders"][key], f"orders.{key}"
        if not isinstance(order, dict):
            self.fail(place, "must be an object")
        uid = self.text(order, "id", place, UID, "an order's id of 56 bytes").lower()
        sold, bought = (self.text(order, name, place, ADDRESS, "an address") for name in ("sell_token", "buy_token"))
        return UserIntent(
            venue=VENUE,
            method=f"auction {auction}",
            kind="sell" if self.flag(order, "is_sell_order", place) else "buy",
            status="open",
            path=(sold.lower(), bought.lower()),
            amount_in=self.amount(order, "sell_amount", place),
            amount_out=self.amount(order, "buy_amount", place),
            partially_fillable=self.flag(order, "allow_partial_fill", place),
            trader=owner_of(uid),
            deadline_ts=deadline_of(uid),
            order_id=uid,
        )

    def amms(self) -> Counter[str]:
        """How many pools there are, also of each kind."""
        found: Counter[str] = Counter()
        for key, amm in self.whole["amms"].items():
            if not isinstance(amm, dict):
                self.fail(f"amms.{key}", "must be an object")
            kind = self.text(amm, "kind", f"amms.{key}", AMM_KIND, "the kind of pool")
            found.update(("pools", f"pools: {kind}"))
        return found


SOURCE = FlowSource(
    name="cow-auction",
    what="a JSON instance of a CoW Protocol auction",
    missing=lambda head: missing_keys(head, ("tokens", "internal_buffer", "external_price")),
    reader=AuctionReader,
    identities={"intent": Identity(("order_id", "method"))},
    lined=False,
    syntaxes=("JSON",),
)
