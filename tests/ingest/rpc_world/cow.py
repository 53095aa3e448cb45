"""CoW Protocol on the test chain: signed orders of users, and the solver's settlements of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eth_abi import encode
from eth_hash.auto import keccak

from rpc_world.anvil import CHAIN_ID
from rpc_world.asked import CowBatch, CowFill, CowOrder
from rpc_world.chances import Chances, Plan, plan

if TYPE_CHECKING:
    from rpc_world.world import Call

COIN = "0x" + "ee" * 20
"""What an order buys that buys the chain's own coin."""

_FIELDS = (
    ("sellToken", "address"),
    ("buyToken", "address"),
    ("receiver", "address"),
    ("sellAmount", "uint256"),
    ("buyAmount", "uint256"),
    ("validTo", "uint32"),
    ("appData", "bytes32"),
    ("feeAmount", "uint256"),
    ("kind", "string"),
    ("partiallyFillable", "bool"),
    ("sellTokenBalance", "string"),
    ("buyTokenBalance", "string"),
)
_DOMAIN_FIELDS = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_SCHEMES = {"eip712": 0, "ethsign": 1, "presign": 3}


def _type_hash(name: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    return keccak(f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode())


def _struct_hash(name: str, fields: tuple[tuple[str, str], ...], values: dict[str, Any]) -> bytes:
    """EIP-712's hash of a structure whose strings are hashed."""
    types = ["bytes32" if kind == "string" else kind for _, kind in fields]
    plain = [keccak(values[field].encode()) if kind == "string" else values[field] for field, kind in fields]
    return keccak(_type_hash(name, fields) + encode(types, plain))


class Cow(Chances):
    """Users who sign, and the solver who settles."""

    __slots__ = ()

    def batch(self) -> Plan:
        """A settlement of one to four orders; at times one that must fail, or an order called off."""
        chance = self.rng.random()
        if chance < 0.06:
            order, *_ = self._priced_order()
            uid = bytes.fromhex(order.uid[2:])
            return plan(self.world.call("cow", "invalidateOrder", uid, sender=order.owner))
        orders = [self._priced_order() for _ in range(self.rng.randrange(1, 5))]
        before = [self._presign(order) for order, *_ in orders if order.scheme == "presign"]
        orders += self._half_filled()
        settle = self._settle(orders, interacts=self.rng.random() < 0.6)
        if chance < 0.12:  # who is no solver may not
            settle = replace(settle, sender=self.user(), must=False, asked=None)
        return plan(*before, settle)

    # ------------------------------------------------------------------ orders

    def _priced_order(self) -> tuple[CowOrder, int, int]:
        """An order, and clearing prices of its two tokens that its limit allows."""
        names = self.rng.sample(("USD", "WETH", "MKR"), 2)
        sell_token, buy_token = (self.world.tokens[name] for name in names)
        usd = min(self.rng.lognormvariate(8, 1), 50_000)
        given, wanted = self.world.units(sell_token, usd), self.world.units(buy_token, usd)
        # Prices in units of the other token: sold · sell_price = bought · buy_price.
        sell_price, buy_price = wanted, given
        slack = self.rng.choice((0.0, 0.0005, 0.005, 0.02))
        kind = self.rng.choice(("sell", "sell", "buy"))
        limits = (given, int(wanted * (1 - slack))) if kind == "sell" else (int(given * (1 + slack)), wanted)
        owner = self.user()
        order = CowOrder(
            uid="",
            owner=owner,
            receiver=owner if self.rng.random() < 0.8 else self.user(),
            sell_token=sell_token,
            buy_token=COIN if names[1] == "WETH" and self.rng.random() < 0.3 else buy_token,
            sell_amount=limits[0],
            buy_amount=limits[1],
            valid_to=self.world.truth.blocks[-1].ts + 1800,
            app_data="0x" + self.rng.randbytes(32).hex(),
            fee_amount=self.rng.choice((0, 0, given // 1000)),
            kind=kind,
            partially_fillable=self.rng.random() < 0.3,
            scheme=self.rng.choice(("eip712", "eip712", "ethsign", "presign")),
        )
        uid = self._digest(order).hex() + owner[2:] + order.valid_to.to_bytes(4, "big").hex()
        return replace(order, uid="0x" + uid), sell_price, buy_price

    def _half_filled(self) -> list[tuple[CowOrder, int, int]]:
        """An order of late of which little is filled, if there is one, at its limit price."""
        now = self.world.truth.blocks[-1].ts
        filled: Counter[CowOrder] = Counter()
        for _, settled in self.world.settlements():
            for fill in settled.fills:
                filled[fill.order] += fill.executed
        # So little that even three settlements in the next block do not fill it twice.
        left = [order for order, done in filled.items() if done < order.whole * 2 // 5 and now + 30 <= order.valid_to]
        return [(order, order.buy_amount, order.sell_amount) for order in left[-1:]]

    def _values(self, order: CowOrder) -> dict[str, Any]:
        values = (
            order.sell_token,
            order.buy_token,
            order.receiver,
            order.sell_amount,
            order.buy_amount,
            order.valid_to,
            bytes.fromhex(order.app_data[2:]),
            order.fee_amount,
            order.kind,
            order.partially_fillable,
            "erc20",
            "erc20",
        )
        return {field: value for (field, _), value in zip(_FIELDS, values, strict=True)}

    def _domain(self) -> dict[str, Any]:
        contract = self.world.contracts["cow"].address
        return {"name": "Gnosis Protocol", "version": "v2", "chainId": CHAIN_ID, "verifyingContract": contract}

    def _digest(self, order: CowOrder) -> bytes:
        domain = _struct_hash("EIP712Domain", _DOMAIN_FIELDS, self._domain())
        return keccak(b"\x19\x01" + domain + _struct_hash("Order", _FIELDS, self._values(order)))

    def _sign(self, order: CowOrder) -> bytes:
        """The node signs, which knows EIP-712 by itself: a wrong digest here would make the contract refuse."""
        rpc = self.world.chain.rpc
        if order.scheme == "presign":
            return bytes.fromhex(order.owner[2:])
        if order.scheme == "ethsign":
            return bytes.fromhex(rpc("eth_sign", order.owner, "0x" + self._digest(order).hex())[2:])
        fields = {"Order": _FIELDS, "EIP712Domain": _DOMAIN_FIELDS}
        message = self._values(order)
        message |= {"appData": order.app_data} | {
            field: str(message[field]) for field in ("sellAmount", "buyAmount", "feeAmount")
        }
        typed = {
            "types": {name: [{"name": field, "type": kind} for field, kind in of] for name, of in fields.items()},
            "primaryType": "Order",
            "domain": self._domain(),
            "message": message,
        }
        return bytes.fromhex(rpc("eth_signTypedData_v4", order.owner, typed)[2:])

    def _presign(self, order: CowOrder) -> Call:
        return self.world.call("cow", "setPreSignature", bytes.fromhex(order.uid[2:]), True, sender=order.owner)

    # ------------------------------------------------------------------ settling

    def _settle(self, orders: list[tuple[CowOrder, int, int]], *, interacts: bool) -> Call:
        """Each order has prices of its own, at the end of the list, as real settlements do for their fees."""
        tokens: list[str] = []
        prices: list[int] = []
        trades: list[tuple[Any, ...]] = []
        fills: list[CowFill] = []
        for order, sell_price, buy_price in orders:
            executed = order.whole
            if order.partially_fillable:
                executed = max(1, int(order.whole * self.rng.uniform(0.05, 0.2)))
            fills.append(_fill(order, executed, sell_price, buy_price))
            trades.append(
                (
                    len(tokens),
                    len(tokens) + 1,
                    order.receiver,
                    order.sell_amount,
                    order.buy_amount,
                    order.valid_to,
                    bytes.fromhex(order.app_data[2:]),
                    order.fee_amount,
                    (order.kind == "buy") | order.partially_fillable << 1 | _SCHEMES[order.scheme] << 5,
                    executed,
                    self._sign(order),
                )
            )
            tokens += [order.sell_token, order.buy_token]
            prices += [sell_price, buy_price]
        coin = sum(fill.bought for fill in fills if fill.order.buy_token == COIN)
        inner = [self._interaction("WETH", "withdraw", coin)] if coin else []
        if interacts:
            inner += self._through_a_pair()
        return self.world.call(
            "cow",
            "settle",
            tokens,
            prices,
            trades,
            [[], inner, []],
            sender=self.world.solver,
            asked=CowBatch(tuple(fills)),
        )

    def _interaction(self, name: str, function: str, *arguments: Any) -> tuple[str, int, bytes]:
        contract = self.world.contracts[name]
        return contract.address, 0, bytes.fromhex(contract.data(function, *arguments)[2:])

    def _through_a_pair(self) -> list[tuple[str, int, bytes]]:
        """The settlement swaps at a v2 pair, for well less than it could get, so that it does whatever came before."""
        pair, sells0 = self.world.venues["v2 USD/WETH"], self.rng.random() < 0.5
        usd = self.rng.uniform(100, 20_000)
        sold, bought = (pair.token0, pair.token1) if sells0 else (pair.token1, pair.token0)
        amount, out = self.world.units(sold, usd), self.world.units(bought, usd * 0.7)
        outs = (0, out) if sells0 else (out, 0)
        return [
            self._interaction(self.world.name_of(sold), "transfer", pair.address, amount),
            self._interaction(pair.name, "swap", *outs, self.world.contracts["cow"].address, b""),
        ]


def _fill(order: CowOrder, executed: int, sell_price: int, buy_price: int) -> CowFill:
    """What `GPv2Settlement.computeTradeExecution` makes of an order, with its rounding."""
    if order.kind == "sell":
        sold, bought = executed, -(-executed * sell_price // buy_price)
    else:
        sold, bought = executed * buy_price // sell_price, executed
    fee = order.fee_amount * executed // order.whole if order.partially_fillable else order.fee_amount
    return CowFill(order, executed, sold + fee, bought, fee)
