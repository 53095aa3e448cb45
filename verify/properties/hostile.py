"""A token that misbehaves for one trader: the rule serves the others all the same."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from verify.abi import address_word, selector, word
from verify.compile import compile_trusted
from verify.properties.batches import mixed
from verify.properties.bench import USUAL, Bench
from verify.venues import OPERATOR

if TYPE_CHECKING:
    from verify.compile import Contract

_BEHAVE = selector("behave(uint8,address)")
MODES = {
    2: "refuses him by returning false",
    7: "reverts for him",
    8: "takes a fee from what he gets or gives",
    11: "answers him with 300 kB",
    13: "burns all gas in his transfers",
}
"""Of the modes of `contracts/harness/hostile/HostileToken.sol`."""


@functools.lru_cache(maxsize=1)
def hostile_token() -> Contract:
    """The token that misbehaves as it is told; its storage is the plain token's."""
    return compile_trusted(["harness/hostile/HostileToken.sol"])["HostileToken"]


def hostile(market: str, creation_code: bytes) -> str | None:
    """Whatever a token does to one trader, the batch settles, and only he can fare worse by more than he took part."""
    bench = Bench(market, creation_code)
    token = bench.tokens[1]
    bench.evm.set_code(token, hostile_token().runtime_code)
    batch = mixed(bench.depths)
    bench.fund(USUAL.trader(place) for place in range(len(batch)))
    for mode, words in MODES.items():
        for victim in range(len(batch)):
            call = _BEHAVE + word(mode) + address_word(USUAL.trader(victim))
            with bench.evm.anchor():
                bench.evm.call(token, call, sender=OPERATOR)
                settled = bench.within(batch)
            if settled.fault:
                return f"a token {words}, trader {victim + 1}: {settled.fault.words}"
            for place, ((sold, bought), (paid, got)) in enumerate(zip(settled.fills, settled.moved, strict=True)):
                if place != victim and (-sold, bought) != (paid, got):
                    return f"a token {words}, trader {victim + 1}: trader {place + 1} is not paid what he is told"
    return None
