"""Everything that a history of some pools needs of the chain, at one block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from verify.fork.dryrun import StateSource, dry_run
from verify.fork.machine import Outcome, unlike_the_chain
from verify.fork.pools import fetch_pool
from verify.fork.probes import Probes
from verify.fork.tokens import TokenReport, examine_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.fork.records import Fork, ForkCall
    from ingest.records import Pool


NATIVE = "0x" + "00" * 20  # v4's address for the chain's own coin


class ForkSource(StateSource, Protocol):
    """A source of state that makes a fork of what it learned."""

    def fork(self) -> Fork:
        """All that is known."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fork with the pools and their tokens whole, and what the calls do on it.

    ``caveats`` say in words what a reader of results must know.
    """

    fork: Fork
    tokens: tuple[TokenReport, ...]
    outcomes: tuple[Outcome, ...]
    caveats: tuple[str, ...]


def prepare_fork(
    source: ForkSource,
    pools: Sequence[Pool],
    calls: Sequence[ForkCall] = (),
    *,
    parties: Sequence[str] = (),
    manager: str | None = None,
) -> Prepared:
    """Learns the pools' state, tries their tokens out, makes the calls; nothing is stored.

    Args:
        source: A `StateReader`.
        pools: Of any kind. Their tokens are tried out of the pool's own balance, or the manager's.
        calls: Transactions that are to be replayed.
        parties: Who must be able to get and give the tokens, such as a router.
        manager: The PoolManager of the v4 pools.

    Raises:
        InputError: A token cannot be settled in, a pool is of an unknown make, or the calls need what this EVM has not.
        RunError: The calls take too long.
        NodeError: The node behind the source fails.
    """
    tokens = examine(source, pools, parties=parties, manager=manager)
    for report in tokens:
        report.require_fit()
    outcomes = dry_run(source, calls) if calls else ()
    fork = source.fork()
    return Prepared(fork, tokens, outcomes, caveats(fork))


def examine(
    source: StateSource, pools: Sequence[Pool], *, parties: Sequence[str] = (), manager: str | None = None
) -> tuple[TokenReport, ...]:
    """Learns the pools' state and tries their tokens out, whatever comes of it; arguments and errors as `prepare_fork`.

    With a `Known` source it is the proof that a fork has all of that.
    """
    for pool in pools:
        fetch_pool(source, pool, manager)
    held = [
        (manager if pool.kind == "v4" and manager is not None else pool.address, token.address)
        for pool in pools
        for token in (pool.token0, pool.token1)
        if token.address != NATIVE
    ]
    dry_run(source, [Probes(source.block, token).balance(holder) for holder, token in held])
    holders = {token: holder for holder, token in held}
    return tuple(examine_token(source, token, holder, parties) for token, holder in holders.items())


def caveats(fork: Fork) -> tuple[str, ...]:
    """What a reader of results on a fork must know, in words."""
    said = []
    if told := fork.told:
        said.append(
            f"{len(told.accounts)} accounts with {len(told.slots)} slots are as a node told them: it gave no proofs."
        )
    for address, account in sorted(fork.accounts.items()):
        asked = ", ".join(sorted(unlike_the_chain(account.code)))
        said += [f"{address} may use {asked}, which is not as on the chain here."] if asked else []
    return tuple(said)
