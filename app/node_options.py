"""The options of the commands that ask a node. What asks it is in ``app.rpc``, which takes a second to import."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

URL_VARIABLE = "PACTSMITH_RPC_URL"
TIMEOUT_S = 30.0
CONNECTIONS = 4
FOLLOW_BLOCKS = 12
REORG_DEPTH_BLOCKS = 64
DECIMALS = re.compile(r"0x[0-9a-fA-F]{40}=[0-9]{1,3}")
MAX_DECIMALS = 255


Checks = Literal["events", "headers", "receipts"]
"""How much of what a node tells is checked for what it leaves out: see ``ingest.rpc.chunks``."""

checks_option = click.option(
    "--checks",
    type=click.Choice(get_args(Checks)),
    default="events",
    show_default=True,
    help="What is fetched to find logs that the node leaves out: nothing beside the events, which must follow on one "
    "another; also every header; also all receipts of blocks with events: this alone shows that none is missing.",
)
reorg_depth_option = click.option(
    "--reorg-depth",
    type=click.IntRange(0),
    default=REORG_DEPTH_BLOCKS,
    show_default=True,
    help="How many of the newest stored blocks the chain may replace.",
)


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How a node is asked: see ``ingest.rpc.node.Node``."""

    rpc_url: str
    timeout_s: float = TIMEOUT_S
    budget_s: float | None = None
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Fetching:
    """Which blocks are wanted: see ``ingest.rpc.fetch.Request``."""

    last_block: int | None
    follow_blocks: int
    checks: Checks
    reorg_depth_blocks: int


@dataclass(frozen=True, slots=True)
class Pools:
    """Which pools: their addresses or ids, and what their contracts do not tell; see ``ingest.rpc.pools.find_pool``."""

    addresses: tuple[str, ...]
    first_block: int | None = None
    decimals: dict[str, int] = field(default_factory=dict)
    manager: str | None = None
    v2_fee_pips: int | None = None
    created_block: int | None = None
    routers: tuple[str, ...] = ()
    wrapped_native: str | None = None


def with_node(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options that all have which ask a node, and passes what they amount to as ``node``."""

    @click.option(
        "--rpc-url",
        envvar=URL_VARIABLE,
        show_envvar=True,
        required=True,
        help="The node's JSON-RPC endpoint. A key in it is never shown or stored.",
    )
    @click.option(
        "--timeout", type=click.FloatRange(0.1), default=TIMEOUT_S, show_default=True, help="Seconds an answer."
    )
    @click.option(
        "--budget", type=click.FloatRange(1), help="Seconds that all of it may take; then it ends, to go on later."
    )
    @click.option(
        "--connections", type=click.IntRange(1, 64), default=CONNECTIONS, show_default=True, help="Questions at once."
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any, rpc_url: str, timeout: float, budget: float | None, connections: int, **options: Any
    ) -> int:
        return command(*args, node_options=NodeOptions(rpc_url, timeout, budget, connections), **options)

    return wrapped


def with_routers(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options that tell how the chain's routers are known."""
    router = click.option(
        "--router",
        "routers",
        multiple=True,
        metavar="FAMILY=ADDRESS",
        help="A further router whose calls tell traders' limits; FAMILY is v2, v3, v3-02, universal-2 … Repeatable. "
        "Remembered for the chain.",
    )
    wrapped_native = click.option(
        "--wrapped-native", help="The token that the chain's native coin counts as, where it is not known."
    )
    return router(wrapped_native(command))


def named_decimals(given: tuple[str, ...]) -> dict[str, int]:
    """``TOKEN=N`` texts as decimals by token.

    Raises:
        InputError: A text is not of that form.
    """
    found: dict[str, int] = {}
    for text in given:
        token, _, count = text.partition("=")
        if not DECIMALS.fullmatch(text) or int(count) > MAX_DECIMALS:
            message = f"must be TOKEN=N, with the token's address and N from 0 to {MAX_DECIMALS}; found {text!r:.80}"
            raise InputError(message, field="decimals")
        found[token.lower()] = int(count)
    return found
