"""What the callers of routers wanted in a pool from a node: an order flow beside its history, ``NAME/intents``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from ingest.flow import OrderFlow
from ingest.flow_ingested import ON_CHAIN, settled

if TYPE_CHECKING:
    from ingest.chain_history import Routing, Transactions
    from ingest.store import Store

INTENTS = "/intents"
FORMAT = "rpc-intents"


def require_names(store: Store, name: str) -> None:
    """A pool's history and the flow of its intents can have their names.

    Raises:
        InputError: One of them is no name, or something else's.
    """
    store.require_free(name, "history")
    store.require_free(f"{name}{INTENTS}", "flow")
    stored = store.flows.find(f"{name}{INTENTS}")
    if stored is not None and stored.flow.formats != (FORMAT,):
        raise InputError(
            f"the store has an order flow {name + INTENTS!r} that is not from a node, in whose place this history's "
            "intents would come; choose another name",
            field="name",
        )


def store_intents(store: Store, name: str, found: Transactions, routing: Routing) -> dict[str, Any]:
    """Keeps a pool's intents beside its history, in the place of those that are there; says so as JSON values."""
    flow_name = f"{name}{INTENTS}"
    if not found.intents:
        store.flows.drop(flow_name)
        return {"intents": None}
    about = OrderFlow(
        name=flow_name,
        content_id="",
        source="chain",
        formats=(FORMAT,),
        unit="smallest units",
        amount_places=0,
        exact=True,
        lacks=f"it holds what the traders of {name!r} wanted; what happened is in that history",
        caveats=(
            "Intents are read from direct calls of known routers only; those that failed left no log.",
            *routing.caveats,
        ),
    )
    flow = settled(found.spool, about, ON_CHAIN)
    written = store.flows.write(flow, replace=True)
    return {"intents": {"order_flow": flow_name, "written": written, "intents": flow.spool.count("intent")}}
