"""Which state calls need: they are run, what they touched and is not known is asked for, until nothing is missing.

Then every value that any of them read is the chain's, so that what they did here is what they would have done there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ingest.errors import InputError
from ingest.fork.records import Keys, keys_of
from verify.fork.worker import LIMITS, NO_CHANGES, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.fork.records import Fork, ForkAccount, ForkBlock, ForkCall
    from verify.confine import Limits
    from verify.fork.machine import Outcome
    from verify.fork.worker import Changes

MAX_ROUNDS = 100
"""Each round finds at least one further link of a chain of values that point to the next; real calls need about ten."""


class MissingStateError(InputError):
    """A fork does not know what a call touches: it was made for other calls."""


class StateSource(Protocol):
    """Where state comes from: `ingest.fork.reader.StateReader` asks a node, `Known` has what a fork has."""

    @property
    def block(self) -> ForkBlock:
        """The block after which the state stood."""
        ...

    @property
    def accounts(self) -> Mapping[str, ForkAccount]:
        """What is known so far, by address."""
        ...

    def guess(self, calls: Sequence[ForkCall]) -> Keys:
        """What these calls may touch; a guess, which saves rounds."""
        ...

    def fetch(self, keys: Keys) -> Mapping[str, ForkAccount]:
        """Learns these accounts and slots; gives all that are known."""
        ...

    def keep(self, keys: Keys) -> None:
        """Marks accounts and slots as needed."""
        ...


class Known:
    """The state of a fork, and nothing else."""

    def __init__(self, fork: Fork) -> None:
        self.block = fork.block
        self.accounts: Mapping[str, ForkAccount] = fork.accounts
        self._keys = fork.keys

    def guess(self, calls: Sequence[ForkCall]) -> Keys:  # noqa: ARG002 - the protocol's
        """Nothing: there is nobody to ask."""
        return Keys()

    def fetch(self, keys: Keys) -> Mapping[str, ForkAccount]:
        """The accounts, if they hold all of these.

        Raises:
            MissingStateError: They do not.
        """
        if missing := keys - self._keys:
            raise MissingStateError(
                f"the fork of block {self.block.block_number} does not know {missing}: it was made for other calls; "
                "fork again with these"
            )
        return self.accounts

    def keep(self, keys: Keys) -> None:
        """Nothing: a fork has what it has."""


def dry_run(
    source: StateSource, calls: Sequence[ForkCall], changes: Changes = NO_CHANGES, limits: Limits = LIMITS
) -> tuple[Outcome, ...]:
    """Makes calls one after the other until all that they touch is known to the source; what became of each.

    Args:
        source: Learns the state that is needed. With a `StateReader`, make its `fork` after; with `Known`, this is the
            proof that a fork suffices for the calls.
        calls: In the order in which they run.
        changes: What is otherwise than on the chain, for these calls alone.
        limits: For each round.

    Raises:
        InputError: The calls touch more than a fork may hold, accounts that this EVM does not run, or block hashes.
        MissingStateError: The source cannot learn anything further.
        RunError: The calls take too long.
        NodeError: The node behind the source fails; see `ingest.rpc.errors` and `ingest.fork.errors`.
    """
    named = Keys(frozenset(address for call in calls for address in (call.sender, call.to)))
    accounts = source.fetch(named | source.guess(calls))
    given = True
    with Worker(limits) as worker:
        for _ in range(MAX_ROUNDS):
            done = worker.run(source.block, accounts, calls, changes, given=given)
            if missing := done.touched - keys_of(accounts.values()):
                accounts = source.fetch(missing)
            elif given:
                given = False  # once more, to learn what they touch now that all that they read is true
            else:
                source.keep(done.touched | named)
                if done.block_hashes:
                    raise InputError("the calls ask for a block's hash, which this version's EVM does not know")
                return done.outcomes
    raise InputError(f"after {MAX_ROUNDS} rounds the calls still touch what is not known; take fewer of them")
