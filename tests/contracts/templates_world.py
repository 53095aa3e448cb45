"""Genuine pools with the real kernel and one of the reference rules, for the tests of those rules."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from fractions import Fraction

from eth_abi import encode
from hypothesis import strategies as st

from ingest.records import Pool, PoolState, TickLiquidity, Token
from verify import orders as wire
from verify.abi import words
from verify.admission import admit
from verify.compile import Artifact, compile_trusted, constructor_data
from verify.contracts import contracts_dir
from verify.kernel import _DONATED as DONATED
from verify.kernel import _ORDER_DROPPED as ORDER_DROPPED
from verify.kernel import _STORED as STORED
from verify.templates import load_template
from verify.venues import OPERATOR, labelled_address
from verify.world import World

Q96 = 1 << 96
PIPS = 10**6
TOKEN0 = Token("0x" + "a0" * 20, "AAA", 18)
TOKEN1 = Token("0x" + "b1" * 20, "BBB", 18)
TRADERS = [labelled_address(f"templates trader {i}") for i in range(40)]
SETTLE_GAS = 200_000_000
