"""The world: the node, what stands on it, and what happened there, block by block."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rpc_world.anvil import ACCOUNTS, RpcError
from rpc_world.asked import CowBatch, RouterCall
from rpc_world.truth import Truth, read_blocks

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from rpc_world.anvil import Anvil
    from rpc_world.asked import Asked
    from rpc_world.contracts import Contract
    from rpc_world.truth import Block, Transaction

Q96 = 1 << 96
NATIVE = "0x" + "00" * 20
CALL_GAS = 3_000_000

VALUE_USD = {"WETH": 2000.0, "USD": 1.0, "MKR": 1500.0, "TAXED": 5.0, "MUTE": 3.0, "VOID": 0.5, "ODD": 10.0}
UNITS = {name: 10**6 if name == "USD" else 10**18 for name in VALUE_USD}
"""What the traffic takes for one whole token; not every token tells it."""


@dataclass(frozen=True, slots=True)
class Venue:
    """One pool. A v4 pool's ``address`` is the PoolManager's; its ``pool_id`` tells the pools there apart."""

    kind: Literal["v2", "v3", "v4"]
    name: str
    address: str
    token0: str
    token1: str
    fee_pips: int
    tick_spacing: int = 0
    pool_id: str | None = None

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """The v4 pool key; no pool here has a hook."""
        return self.token0, self.token1, self.fee_pips, self.tick_spacing, NATIVE


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction to be. With ``must`` the world fails when the transaction does."""

    sender: str
    to: str | None
    data: str
    value_wei: int = 0
    gas: int = CALL_GAS
    tip_wei: int = 10**9
    must: bool = True
    asked: Asked | None = None


@dataclass
class World:
    """What stands on a chain, and what happened. `deploy.deploy` makes one.

    Account 0 deployed everything, 1 to 8 are users, 9 is the CoW solver, 10 and 11 drive the bot contract.

    Args:
        chain: The node.
        rng: Decides on times and base fees.
        truth: Every block so far.
        contracts: By name, such as ``v2 router``; a v2 or v3 pool by its venue's name.
        tokens: Addresses by name. ``MKR`` has a bytes32 symbol, ``MUTE`` has neither symbol nor decimals, ``VOID``
            answers with nothing, ``ODD`` with a hostile text and 2**256 - 1 decimals, ``TAXED`` burns 1 % of transfers.
        venues: By name, such as ``v3 USD/WETH 500``.
        asked: What was wanted, by transaction hash: of every router call, reverted ones too, and every settlement.
    """

    chain: Anvil
    rng: random.Random
    truth: Truth = field(default_factory=Truth, repr=False)  # as long as the chain
    contracts: dict[str, Contract] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    venues: dict[str, Venue] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict, repr=False)

    @property
    def deployer(self) -> str:
        return self.chain.accounts[0]

    @property
    def users(self) -> list[str]:
        return self.chain.accounts[1:9]

    @property
    def solver(self) -> str:
        return self.chain.accounts[9]

    @property
    def bot_owners(self) -> list[str]:
        return self.chain.accounts[10:ACCOUNTS]

    @property
    def head(self) -> int:
        """The last block's number."""
        return self.truth.blocks[-1].number

    # ------------------------------------------------------------------ blocks

    def mine(self, calls: Sequence[Call] = ()) -> Block:
        """Makes a block of these calls, in this order, one or two slots of 12 s after the one before."""
        last = self.truth.blocks[-1]
        base_fee = min(max(int(last.base_fee_wei * self.rng.uniform(0.89, 1.125)), 5 * 10**9), 200 * 10**9)
        hashes = self.chain.rpc.batch([("eth_sendTransaction", _request(call)) for call in calls])
        self.chain.mine(last.ts + self.rng.choice((12, 12, 12, 12, 24)), base_fee)
        (block,) = read_blocks(self.chain.rpc, last.number + 1, last.number + 1)
        assert [one.hash for one in block.transactions] == hashes, "the block is not of these calls in this order"
        for call, made in zip(calls, block.transactions, strict=True):
            assert made.succeeded or not call.must, f"block {block.number}: {self.why(made.hash)}"
            if call.asked is not None:
                self.asked[made.hash] = call.asked
        self.truth.blocks.append(block)
        return block

    def rollback(self, blocks: int) -> None:
        """Drops the last blocks, as if they had never been."""
        self.chain.rollback(blocks)
        del self.truth.blocks[-blocks:]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Whatever happens to the chain inside is undone after: the same blocks stand there again, by hash."""
        before = list(self.truth.blocks)
        try:
            yield
        finally:
            self._become(before)

    def _become(self, blocks: list[Block]) -> None:
        """Puts these blocks in the place of those that differ."""
        pairs = zip(self.truth.blocks, blocks, strict=False)
        common = next((n for n, (now, then) in enumerate(pairs) if now.hash != then.hash), None)
        if common is None:
            common = min(len(self.truth.blocks), len(blocks))
        ahead = self.chain.head + 1 - common  # counted at the node: a block may have failed after it was made
        if ahead:
            self.chain.rollback(ahead)
            del self.truth.blocks[common:]
        for block in blocks[common:]:
            self.chain.rpc.batch([("eth_sendRawTransaction", one.raw) for one in block.transactions])
            self.chain.mine(block.ts, block.base_fee_wei)
        again = read_blocks(self.chain.rpc, common, len(blocks) - 1)
        assert again == blocks[common:], "the same transactions made other blocks"
        self.truth.blocks += again

    def why(self, tx_hash: str) -> str:
        """What a failed transaction's trace says."""
        trace = self.chain.rpc("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
        while inner := [one for one in trace.get("calls", []) if "error" in one]:
            trace = inner[-1]
        return f"{trace.get('to')} {trace['input'][:10]}: {trace.get('error')} {trace.get('revertReason')}"

    # ------------------------------------------------------------------ what was wanted, and what came of it

    def router_calls(self) -> list[tuple[Transaction, RouterCall]]:
        """Every router call in the chain, in order."""
        return [(made, asked) for made, asked in self._wanted() if isinstance(asked, RouterCall)]

    def settlements(self) -> list[tuple[Transaction, CowBatch]]:
        """Every CoW settlement in the chain, in order."""
        return [(made, asked) for made, asked in self._wanted() if isinstance(asked, CowBatch)]

    def _wanted(self) -> Iterator[tuple[Transaction, Asked]]:
        for block in self.truth.blocks:
            for made in block.transactions:
                if made.hash in self.asked:
                    yield made, self.asked[made.hash]

    # ------------------------------------------------------------------ calling and looking

    def call(self, name: str, function: str, *arguments: Any, **fields: Any) -> Call:
        """A transaction that calls a named contract; its sender is the deployer unless given."""
        contract = self.contracts[name]
        given = {"sender": self.deployer, "to": contract.address, "data": contract.data(function, *arguments)}
        return Call(**given | fields)

    def ask(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What functions answer now: (contract's name, function, argument, …) each; None where the call fails."""
        calls: list[tuple[Any, ...]] = []
        for name, function, *arguments in questions:
            contract = self.contracts[name]
            calls.append(("eth_call", {"to": contract.address, "data": contract.data(function, *arguments)}, "latest"))
        answers = self.chain.rpc.batch(calls, keep_errors=True)
        return [
            None if isinstance(answer, RpcError) else self.contracts[name].read(function, answer)
            for (name, function, *_), answer in zip(questions, answers, strict=True)
        ]

    # ------------------------------------------------------------------ sizes

    def name_of(self, token: str) -> str:
        """The name a token goes by here; the chain's own coin goes as WETH."""
        return next((name for name, address in self.tokens.items() if address == token), "WETH")

    def units(self, token: str, usd: float) -> int:
        """So many dollars' worth of a token, in its smallest unit, at the prices the world began with."""
        name = self.name_of(token)
        return int(usd / VALUE_USD[name] * UNITS[name])

    def sqrt_price(self, venue: Venue) -> int:
        """The square root price, times 2**96, that a pool began with."""
        return math.isqrt((self.units(venue.token1, 1e6) << 192) // self.units(venue.token0, 1e6))

    def depth(self, venue: Venue) -> int:
        """The liquidity of 5 million dollars on either side, over all prices."""
        return math.isqrt(self.units(venue.token0, 5e6) * self.units(venue.token1, 5e6))

    def around(self, venue: Venue, sqrt_price: int, below: int, above: int) -> tuple[int, int]:
        """Ticks so far from a price, on the pool's grid and at least one step apart."""
        tick, step = math.floor(2 * math.log(sqrt_price / Q96) / math.log(1.0001)), venue.tick_spacing
        lower = (tick + below) // step * step
        return lower, max(lower + step, (tick + above) // step * step)


def is_base(lower: int, upper: int) -> bool:
    """Whether a position is the liquidity that is always there: it alone is so wide."""
    return upper - lower > 3000


def _request(call: Call) -> dict[str, Any]:
    return {
        "from": call.sender,
        **({} if call.to is None else {"to": call.to}),
        "data": call.data,
        "value": hex(call.value_wei),
        "gas": hex(call.gas),
        "maxFeePerGas": hex(500 * 10**9),
        "maxPriorityFeePerGas": hex(call.tip_wei),
    }
