"""A small chain for the kernel's tests: two tokens, genuine Uniswap pools, a rule, a kernel, and traders."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_abi import decode, encode
from eth_hash.auto import keccak

from verify.compile import Contract, compile_trusted
from verify.evm import Evm, Reverted
from verify.kernel import VENUES_TYPE, NamedVenue
from verify.npm import artifact, creation_code

V4_MANAGER = "@uniswap/v4-core/out/PoolManager.sol/PoolManager.json"
V3_POOL = "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
V2_PAIR = "@uniswap/v2-core/build/UniswapV2Pair.json"
V2_FACTORY = "@uniswap/v2-core/build/UniswapV2Factory.json"
OPERATOR = "0x" + "0a" * 20
NOBODY = "0x" + "0b" * 20
ZERO = "0x" + "00" * 20
NOW = 1_700_000_000
CHAIN_ID = 1
UINT_MAX = 2**256 - 1
Q96 = 2**96
SETTLE_GAS = 60_000_000
DEPTH = 10**24
"""How much of each token a pool starts with, at a price of 1."""

Fill = tuple[int, int]


@functools.lru_cache(maxsize=1)
def contracts() -> dict[str, Contract]:
    return compile_trusted(
        [
            "kernel/SignedSettlement.sol",
            "kernel/HarnessSettlement.sol",
            "harness/Token.sol",
            "harness/PoolDeployer.sol",
            "harness/hostile/Rules.sol",
            "harness/hostile/HostileToken.sol",
            "harness/hostile/Outsider.sol",
            "harness/hostile/FakePool.sol",
            "harness/hostile/FakeManager.sol",
        ]
    )


def type_of(parameter: dict[str, Any]) -> str:
    """The canonical ABI type; tuples written out."""
    if not parameter["type"].startswith("tuple"):
        return parameter["type"]
    return f"({','.join(map(type_of, parameter['components']))}){parameter['type'][5:]}"


def types_of(parameters: list[dict[str, Any]]) -> list[str]:
    return [type_of(parameter) for parameter in parameters]


def signature_of(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(types_of(entry['inputs']))})"


@functools.lru_cache(maxsize=1)
def known_errors() -> dict[bytes, dict[str, Any]]:
    """Every custom error of our contracts, by selector."""
    entries = (entry for contract in contracts().values() for entry in contract.abi)
    return {keccak(signature_of(entry).encode())[:4]: entry for entry in entries if entry["type"] == "error"}


def error_of(output: bytes) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of a custom error; the name is empty where it is none of ours."""
    entry = known_errors().get(output[:4])
    if entry is None:
        return "", (output,)
    return entry["name"], decode(types_of(entry["inputs"]), output[4:])


def selector(error_name: str) -> bytes:
    (found,) = [key for key, entry in known_errors().items() if entry["name"] == error_name]
    return found


@contextmanager
def reverts(name: str, *arguments: Any):
    """The call inside reverts with exactly this custom error, and with these arguments where any are given."""
    with pytest.raises(Reverted) as caught:
        yield
    found, values = error_of(caught.value.output)
    assert found == name, caught.value
    if arguments:
        assert values == arguments


@dataclass(frozen=True)
class Order:
    trader: str
    sell_token: str
    buy_token: str
    sell_amount: int
    min_buy_amount: int = 0
    nonce: int = 0
    partially_fillable: bool = False
    valid_to: int = NOW
    placed_at: int = NOW

    def encoded(self) -> tuple[Any, ...]:
        return (
            self.trader,
            self.sell_token,
            self.buy_token,
            self.sell_amount,
            self.min_buy_amount,
            self.nonce,
            self.partially_fillable,
            self.valid_to,
            self.placed_at,
        )


@dataclass(frozen=True)
class Settled:
    fills: list[Fill]
    events: list[tuple[str, dict[str, Any]]]
    gas: int

    def of(self, name: str) -> list[dict[str, Any]]:
        return [arguments for event, arguments in self.events if event == name]

    def dropped(self) -> dict[int, str]:
        """Why orders dropped out, by index."""
        return {event["index"]: known_errors()[event["reason"]]["name"] for event in self.of("OrderDropped")}


class Instance:
    """A deployed contract: `instance.name(arguments, sender=…)` calls it."""

    def __init__(self, world: World, address: str, abi: list[dict[str, Any]]) -> None:
        self._world = world
        self.address = address
        self.abi = abi

    def entry(self, name: str) -> dict[str, Any]:
        (found,) = [item for item in self.abi if item["type"] == "function" and item["name"] == name]
        return found

    def data(self, name: str, *arguments: Any) -> bytes:
        entry = self.entry(name)
        return keccak(signature_of(entry).encode())[:4] + encode(types_of(entry["inputs"]), arguments)

    def call(self, name: str, *arguments: Any, sender: str = OPERATOR, gas: int = SETTLE_GAS) -> Any:
        output = self._world.evm.call(self.address, self.data(name, *arguments), sender=sender, gas=gas)
        values = decode(types_of(self.entry(name)["outputs"]), output)
        assert values, f"{name} answers nothing: use call_only"
        return values[0] if len(values) == 1 else values

    def call_only(self, name: str, *arguments: Any, sender: str = OPERATOR, gas: int = SETTLE_GAS) -> None:
        """Calls a function whose answer does not matter."""
        self._world.evm.call(self.address, self.data(name, *arguments), sender=sender, gas=gas)

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What this contract logged in the last call."""
        return [
            self._decode(topics, data)
            for address, topics, data in self._world.evm.logs
            if address == self.address and topics
        ]

    def _decode(self, topics: list[bytes], data: bytes) -> tuple[str, dict[str, Any]]:
        (entry,) = [
            item for item in self.abi if item["type"] == "event" and keccak(signature_of(item).encode()) == topics[0]
        ]
        indexed = [item for item in entry["inputs"] if item["indexed"]]
        plain = [item for item in entry["inputs"] if not item["indexed"]]
        values = {
            item["name"]: decode([item["type"]], topic)[0] for item, topic in zip(indexed, topics[1:], strict=True)
        }
        values |= dict(zip((item["name"] for item in plain), decode(types_of(plain), data), strict=True))
        return entry["name"], values


class World:
    """Everything a kernel test needs. Lives in one anchor; open another around what should leave no trace.

    Args:
        venues: "v2", "v3" and "v4", in the order the kernel gets them; all v4 pools are of one manager.
        erc20: the contract of both tokens.
        rule: the contract of the rule, and its constructor's encoded arguments.
        signed: whether the kernel takes signed orders.
        liquidity: what a v2 pair starts with of each token, and another pool's liquidity; the price is 1. 0 leaves the
            pools empty.
        edge: the v3 and v4 liquidity lies between the ticks -edge and edge.
        chain_id: what the CHAINID opcode answers.
        ring: two more venues, of the second token and a third one, and of the third one and the first.
        kernel_runtime: a kernel's code as it was deployed elsewhere, to stand here as it is.
    """

    def __init__(
        self,
        *,
        venues: tuple[str, ...] = ("v3",),
        erc20: str = "HostileToken",
        rule: tuple[str, bytes] = ("ScriptedRule", b""),
        signed: bool = False,
        liquidity: int = DEPTH,
        edge: int = 887220,
        chain_id: int = CHAIN_ID,
        ring: tuple[str, str] | tuple[()] = (),
        kernel_runtime: bytes = b"",
    ) -> None:
        self.evm = Evm(chain_id)
        self.evm.set_block(1, NOW)
        self.evm.open()
        arguments = encode(["uint8", "address"], [18, OPERATOR]) if erc20 == "Token" else b""
        pair = sorted(
            (self.deploy(erc20, arguments), self.deploy(erc20, arguments)),
            key=lambda made: made.address,
        )
        self.token0, self.token1 = pair
        self.outsider = self.deploy("Outsider")
        for token_ in pair:
            token_.call_only("mint", self.outsider.address, 2**200)
        self.kinds = [int(kind[1:]) for kind in venues]
        self.manager = self._manager() if 4 in self.kinds else None
        self.keys: dict[int, tuple[str, str, int, int, str]] = {}
        self.pools = [self._pool(i, kind, liquidity, edge) for i, kind in enumerate(self.kinds)]
        self.tokens = (self.token0, self.token1)
        if ring:
            self._close_the_ring(ring, erc20, arguments, liquidity, edge)
        self.rule = self.deploy(*rule)
        self.signed = signed
        if kernel_runtime:
            # PUSH2 size, DUP1, PUSH1 12, PUSH0, CODECOPY, PUSH0, RETURN, STOP: returns what follows as the code.
            loader = b"\x61" + len(kernel_runtime).to_bytes(2) + bytes.fromhex("80600c5f395ff30000")
            address = self.evm.deploy(loader + kernel_runtime, sender=OPERATOR)
            self.kernel = Instance(self, address, contracts()["SignedSettlement"].abi)
        else:
            self.kernel = self.new_kernel(signed=signed)

    # ------------------------------------------------------------------ deploying

    def deploy(self, name: str, arguments: bytes = b"") -> Instance:
        contract = contracts()[name]
        return Instance(self, self.evm.deploy(contract.creation_code + arguments, sender=OPERATOR), contract.abi)

    def named(self, venue: int) -> NamedVenue:
        """How a kernel is told of a venue."""
        return NamedVenue(self.pools[venue].address, self.kinds[venue], *self.keys.get(venue, ())[:4])

    def new_kernel(self, *, signed: bool, venues: list[tuple[Any, ...]] | None = None) -> Instance:
        if venues is None:
            venues = [self.named(i) for i in range(len(self.pools))]
        if signed:
            return self.deploy(
                "SignedSettlement",
                encode(["address", VENUES_TYPE], [self.rule.address, [NamedVenue(*each) for each in venues]]),
            )
        return self.deploy(
            "HarnessSettlement",
            encode(
                ["address", VENUES_TYPE, "address"],
                [self.rule.address, [NamedVenue(*each) for each in venues], OPERATOR],
            ),
        )

    def _pool(self, venue: int, kind: int, liquidity: int, edge: int, *pair: Instance) -> Instance:
        if kind == 2:
            return self._v2(liquidity, *pair)
        if kind == 3:
            return self._v3(3000 - venue, liquidity, edge, *pair)
        assert self.manager is not None
        first, second = pair or (self.token0, self.token1)
        key = self.keys[venue] = (first.address, second.address, 3000 - venue, 60, ZERO)
        self.manager.call("initialize", key, Q96)
        assert self.outsider.call("note", key) == len(self.keys) - 1
        if liquidity:
            self.outsider.call_only("addV4", *self.place(venue), -edge, edge, liquidity)
        return self.manager

    def _close_the_ring(self, kinds: tuple[str, str], erc20: str, arguments: bytes, liquidity: int, edge: int) -> None:
        third = self.deploy(erc20, arguments)
        third.call_only("mint", self.outsider.address, 2**200)
        self.tokens = (self.token0, self.token1, third)
        for kind, token_ in zip(kinds, (self.token1, self.token0), strict=True):
            self.kinds.append(int(kind[1:]))
            if self.kinds[-1] == 4 and self.manager is None:
                self.manager = self._manager()
            pair = sorted((token_, third), key=lambda made: made.address)
            self.pools.append(self._pool(len(self.pools), self.kinds[-1], liquidity, edge, *pair))

    def _manager(self) -> Instance:
        code = creation_code(V4_MANAGER) + encode(["address"], [OPERATOR])
        return Instance(self, self.evm.deploy(code, sender=OPERATOR), artifact(V4_MANAGER)["abi"])

    def place(self, venue: int) -> tuple[Any, ...]:
        """How the outsider is told of a venue: its contract, and for v4 the number that he has noted it by."""
        address = self.manager.address if self.kinds[venue] == 4 else self.pools[venue].address
        return (address, list(self.keys).index(venue)) if self.kinds[venue] == 4 else (address,)

    def outside(self, venue: int, zero_for_one: bool, amount: int) -> tuple[Any, ...]:
        """The name and the arguments of the outsider's trade on a venue."""
        return (f"tradeV{self.kinds[venue]}", *self.place(venue), zero_for_one, amount)

    def _v3(self, fee_pips: int, liquidity: int, edge: int, *pair: Instance) -> Instance:
        first, second = pair or (self.token0, self.token1)
        compiled = artifact(V3_POOL)
        deployer = self.deploy("PoolDeployer")
        creation = bytes.fromhex(compiled["bytecode"][2:])
        spacing = 60
        address = deployer.call("deploy", creation, first.address, second.address, fee_pips, spacing, fee_pips)
        pool = Instance(self, address, compiled["abi"])
        pool.call_only("initialize", Q96)
        if liquidity:
            self.outsider.call_only("addV3", address, -edge, edge, liquidity)
        return pool

    def new_pair(self, a: str, b: str) -> str:
        """A genuine v2 pair of two addresses, empty."""
        factory_code = bytes.fromhex(artifact(V2_FACTORY)["bytecode"]) + encode(["address"], [OPERATOR])
        factory = Instance(self, self.evm.deploy(factory_code, sender=OPERATOR), artifact(V2_FACTORY)["abi"])
        return factory.call("createPair", a, b)

    def _v2(self, liquidity: int, *pair: Instance) -> Instance:
        first, second = pair or (self.token0, self.token1)
        address = self.new_pair(first.address, second.address)
        if liquidity:
            self.outsider.call_only("addV2", address, liquidity, liquidity)
        return Instance(self, address, artifact(V2_PAIR)["abi"])

    # ------------------------------------------------------------------ traders and orders

    def key(self, number: int) -> PrivateKey:
        return PrivateKey.from_int(1000 + number)

    def trader(self, number: int) -> str:
        return address_of(self.key(number))

    def order(
        self,
        trader: int,
        sell_amount: int,
        *,
        sells0: bool = True,
        pair: tuple[Instance, Instance] | None = None,
        funds: int | None = None,
        **fields: Any,
    ) -> Order:
        """An order of a trader who gets just the money for it, or `funds`, and has approved the kernel.

        It sells the first token of ``pair`` for the second; else token0 for token1, or the other way round.
        """
        sell, buy = pair or ((self.token0, self.token1) if sells0 else (self.token1, self.token0))
        sell.call_only("mint", self.trader(trader), sell_amount if funds is None else funds)
        sell.call_only("approve", self.kernel.address, UINT_MAX, sender=self.trader(trader))
        made = Order(self.trader(trader), sell.address, buy.address, sell_amount)
        return replace(made, **{"nonce": trader, **fields})

    def sign(self, order: Order, *, key: PrivateKey | None = None, kernel: Instance | None = None) -> bytes:
        digest = (kernel or self.kernel).call("orderDigest", order.encoded())
        numbers = {self.trader(number): number for number in range(64)}
        signature = (key or self.key(numbers[order.trader])).sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])

    # ------------------------------------------------------------------ settling

    def settle(
        self,
        orders: list[Order],
        *,
        signatures: list[bytes] | None = None,
        sender: str = OPERATOR,
        gas: int = SETTLE_GAS,
    ) -> Settled:
        encoded = [order.encoded() for order in orders]
        if self.signed:
            if signatures is None:
                signatures = [self.sign(order) for order in orders]
            fills = self.kernel.call("settle", encoded, signatures, sender=sender, gas=gas)
        else:
            fills = self.kernel.call("settle", encoded, sender=sender, gas=gas)
        return Settled(list(fills), self.kernel.events(), self.evm.gas_used)

    def answer(self, fills: list[Fill]) -> bytes:
        """Return data of a well-behaved rule."""
        return encode(["(uint256,uint256)[]"], [fills])

    def script(self, answer: list[Fill] | bytes, *steps: tuple[str, bytes, bool]) -> None:
        """Tells the rule what to call and what to answer."""
        raw = answer if isinstance(answer, bytes) else self.answer(answer)
        self.rule.call_only("setScript", list(steps), raw)

    def step(
        self, name: str, *arguments: Any, target: Instance | None = None, must: bool = True
    ) -> tuple[str, bytes, bool]:
        """A step of a script: a call of the kernel (address 0 in a script), or of another contract."""
        if target is None:
            return ZERO, self.kernel.data(name, *arguments), must
        return target.address, target.data(name, *arguments), must

    def rule_result(self, index: int, *, hook: bool = False) -> tuple[bool, bytes]:
        """Whether a scripted call succeeded, and what came back."""
        raw = self.rule.call("hookResults" if hook else "results", index)
        return raw[0] == 1, raw[1:]

    # ------------------------------------------------------------------ looking

    def balance(self, token: Instance, owner: str) -> int:
        return token.call("balanceOf", owner)

    def held(self) -> tuple[int, int]:
        return (self.balance(self.token0, self.kernel.address), self.balance(self.token1, self.kernel.address))

    def residue(self) -> tuple[int, int]:
        return (self.kernel.call("residue", self.token0.address), self.kernel.call("residue", self.token1.address))


def address_of(key: PrivateKey) -> str:
    return "0x" + keccak(key.public_key.format(compressed=False)[1:])[12:].hex()
