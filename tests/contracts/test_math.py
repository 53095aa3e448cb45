"""contracts/kernel/Math.sol on the EVM, against Python's integers, over all of uint256."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from verify.abi import selector, word, words
from verify.compile import compile_rule
from verify.evm import Evm, Reverted
from verify.venues import OPERATOR

MAX = 2**256 - 1
PROBE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {Fill, IClearingRule, Order} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";
contract Probe is IClearingRule {
    function clear(Order[] calldata) external returns (Fill[] memory) {}
    function min(uint256 a, uint256 b) external pure returns (uint256) { return Math.min(a, b); }
    function max(uint256 a, uint256 b) external pure returns (uint256) { return Math.max(a, b); }
    function absDiff(uint256 a, uint256 b) external pure returns (uint256) { return Math.absDiff(a, b); }
    function saturatingSub(uint256 a, uint256 b) external pure returns (uint256) { return Math.saturatingSub(a, b); }
    function fullMul(uint256 a, uint256 b) external pure returns (uint256, uint256) { return Math.fullMul(a, b); }
    function mulDiv(uint256 a, uint256 b, uint256 c) external pure returns (uint256) { return Math.mulDiv(a, b, c); }
    function mulDivUp(uint256 a, uint256 b, uint256 c) external pure returns (uint256) {
        return Math.mulDivUp(a, b, c);
    }
    function sqrt(uint256 a) external pure returns (uint256) { return Math.sqrt(a); }
    function mulPriceX96(uint256 a, uint256 s, uint256 t) external pure returns (uint256) {
        return Math.mulPriceX96(a, s, t);
    }
    function divPriceX96(uint256 a, uint256 s, uint256 t) external pure returns (uint256) {
        return Math.divPriceX96(a, s, t);
    }
}
"""
QUOTIENT_OVERFLOW = selector("QuotientOverflow()")

# Every size of number, and the neighbours of every power of two.
sized = st.integers(0, 256).flatmap(lambda bits: st.integers(0, 2**bits - 1 if bits else 0))
edges = st.builds(lambda bits, off: min(max(2**bits + off, 0), MAX), st.integers(0, 256), st.integers(-2, 2))
numbers = sized | edges
roots = st.integers(0, 160).flatmap(lambda bits: st.integers(1, max(1, 2**bits - 1)))


class Probe:
    def __init__(self) -> None:
        self._evm = Evm(1)
        with self._evm.persist():
            self._address = self._evm.deploy(compile_rule(PROBE).creation_code, sender=OPERATOR)

    def __call__(self, name: str, *values: int) -> list[int]:
        data = selector(f"{name}({','.join(['uint256'] * len(values))})") + b"".join(map(word, values))
        with self._evm.anchor():
            return words(self._evm.call(self._address, data, sender=OPERATOR, gas=10_000_000))


@pytest.fixture(scope="module")
def probe() -> Probe:
    return Probe()


def check(probe: Probe, name: str, values: tuple[int, ...], expected: int | None) -> None:
    """The function gives ``expected``, or reverts with QuotientOverflow where that is None or does not fit."""
    if expected is None or expected > MAX:
        with pytest.raises(Reverted) as caught:
            probe(name, *values)
        assert caught.value.output == QUOTIENT_OVERFLOW
    else:
        assert probe(name, *values) == [expected]


@settings(max_examples=300, deadline=None)
@given(a=numbers, b=numbers, divisor=numbers)
@example(a=MAX, b=MAX, divisor=MAX)
@example(a=MAX, b=MAX, divisor=MAX - 1)
@example(a=2**128, b=2**128, divisor=1)
@example(a=2**255, b=2, divisor=2)
@example(a=2**255, b=6, divisor=4)
@example(a=0, b=0, divisor=0)
@example(a=MAX, b=3, divisor=2)
def test_mul_div_rounds_down_and_up_over_512_bits(probe, a, b, divisor):
    check(probe, "mulDiv", (a, b, divisor), a * b // divisor if divisor else None)
    check(probe, "mulDivUp", (a, b, divisor), -(-a * b // divisor) if divisor else None)


def test_mul_div_up_does_not_wrap_where_only_the_rounding_overflows(probe):
    # (2**256 - 1) * (2**128 + 1) / (2**128 + 1) fits, the next numerator's quotient does so rounded down alone.
    a, b, divisor = 2**256 - 1, 2**256 - 2, 2**256 - 2
    assert probe("mulDivUp", a, b, divisor) == [MAX]
    a = 535006138814359
    b = 432862656469423142931042426214547535783388063929571229938474969
    divisor = 2
    assert a * b // divisor == MAX
    assert a * b % divisor == 1
    check(probe, "mulDiv", (a, b, divisor), MAX)
    check(probe, "mulDivUp", (a, b, divisor), None)


@settings(max_examples=200, deadline=None)
@given(a=numbers, b=numbers)
@example(a=MAX, b=MAX)
def test_the_plain_ones(probe, a, b):
    assert probe("min", a, b) == [min(a, b)]
    assert probe("max", a, b) == [max(a, b)]
    assert probe("absDiff", a, b) == [abs(a - b)]
    assert probe("saturatingSub", a, b) == [max(a - b, 0)]
    assert probe("fullMul", a, b) == [a * b % 2**256, a * b >> 256]


@settings(max_examples=300, deadline=None)
@given(a=numbers | st.integers(0, 2**128 - 1).flatmap(lambda root: st.sampled_from([root**2, max(root**2 - 1, 0)])))
@example(a=0)
@example(a=MAX)
def test_sqrt_is_the_integer_root(probe, a):
    assert probe("sqrt", a) == [math.isqrt(a)]


@settings(max_examples=300, deadline=None)
@given(amount=sized, s=roots, t=roots)
@example(amount=2**112, s=4295128739, t=4295128739)
@example(amount=2**126, s=2**160 - 1, t=2**160 - 1)
@example(amount=10**18, s=2**128, t=2**128 - 1)
def test_prices_from_roots(probe, amount, s, t):
    # From 2**128 on the product of the roots is first rounded down to a multiple of 2**64.
    product = s * t if max(s, t) < 2**128 else s * t >> 64 << 64
    check(probe, "mulPriceX96", (amount, s, t), amount * product >> 192)
    check(probe, "divPriceX96", (amount, s, t), (amount << 192) // product if product else None)
