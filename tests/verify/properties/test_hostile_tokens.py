"""A token that misbehaves for one trader: every bundled rule serves the others all the same."""

from __future__ import annotations

import pytest

from verify.abi import address_word, selector, word
from verify.admission import admit
from verify.compile import compile_trusted, constructor_data
from verify.properties.batches import mixed
from verify.properties.bench import PLAINEST, USUAL, Bench
from verify.templates import load_template, templates
from verify.venues import OPERATOR

BEHAVE = selector("behave(uint8,address)")
MODES = {"returns false": 2, "reverts": 7, "takes a fee": 8, "answers with 300 kB": 11, "burns all gas": 13}
"""Some of `contracts/harness/hostile/HostileToken.sol`'s."""


@pytest.fixture(scope="module", params=templates(), ids=lambda path: path.stem)
def bench(request):
    template = load_template(request.param)
    code = constructor_data(admit(template.source, file=template.file.name), template.defaults())
    made = Bench(PLAINEST, code)
    hostile = compile_trusted(["harness/hostile/HostileToken.sol"])["HostileToken"]  # keeps its books as the plain one
    made.evm.set_code(made.tokens[1], hostile.runtime_code)
    return made


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("victim", range(4))
def test_what_a_token_does_to_one_trader_is_no_other_traders_matter(bench, mode, victim):
    batch = mixed(bench.depths)
    plain = bench.usual(batch)
    with bench.evm.anchor():
        bench.evm.call(bench.tokens[1], BEHAVE + word(mode) + address_word(USUAL.trader(victim)), sender=OPERATOR)
        settled = bench.within(batch)
    assert settled.fault is None
    for place, ((sold, bought), moved) in enumerate(zip(settled.fills, settled.moved, strict=True)):
        if place != victim:
            assert moved == (-sold, bought)
            assert sold == batch[place].amount
    sells_the_token = not batch[victim].sells_token0
    if sells_the_token and mode != MODES["answers with 300 kB"]:
        assert settled.fills[victim] == (0, 0)
        assert settled.moved[victim] == (0, 0)
    elif not sells_the_token:
        assert settled.fills == plain.fills
