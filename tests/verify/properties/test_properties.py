"""The bundled rules hold every property, and what is said of a counterexample is exact."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from verify.admission import admit
from verify.compile import constructor_data
from verify.properties.batches import Ask, drawn, mixed, scales, shrunk
from verify.properties.bench import MARKETS, PLAINEST, USUAL, Bench, constants
from verify.properties.check import check, findings
from verify.properties.checks import order_independence, percent
from verify.templates import load_template, templates

TEMPLATES = [load_template(path) for path in templates()]


def creation_code(template):
    return constructor_data(admit(template.source, file=template.file.name), template.defaults())


@pytest.fixture(scope="module")
def sequential():
    return Bench(PLAINEST, creation_code(next(each for each in TEMPLATES if each.name == "Sequential")))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_bundled_rule_holds_every_property(template):
    answers = check(creation_code(template), template.promises, seed=1)
    assert findings(answers) == ()
    assert len({(answer.part, answer.name) for answer in answers}) == len(answers) >= 14


def test_answers_are_the_same_again():
    template = next(each for each in TEMPLATES if each.name == "GreedySequencing")
    promises = replace(template.promises, order_independent=True)  # which is not true
    first, second = (check(creation_code(template), promises, seed=7) for _ in range(2))
    assert first == second
    (finding,) = findings(first)
    assert (finding.stage, finding.code) == ("properties", "order-independence")


def test_a_counterexample_is_small_and_repeats(sequential):
    batch = mixed(sequential.depths, 6)
    assert order_independence(sequential, batch)
    least = shrunk(batch, lambda each: order_independence(sequential, each) is not None)
    assert len(least) == 2
    assert all(str(ask.amount)[1:].strip("0") == "" for ask in least)
    assert order_independence(sequential, least) == order_independence(sequential, least)


@pytest.mark.parametrize("market", MARKETS)
def test_the_bench_settles_as_the_pool_does(market):
    bench = Bench(market, creation_code(next(each for each in TEMPLATES if each.name == "Sequential")))
    for ask in mixed(bench.depths):
        settled = bench.settle((ask,))
        assert settled.fills == ((ask.amount, bench.alone(ask)),)
        assert settled.moved == ((-ask.amount, bench.alone(ask)),)
        assert settled.residue == (0, 0)
        sold, paid = settled.pool if ask.sells_token0 else settled.pool[::-1]
        assert (sold, -paid) == (ask.amount, bench.alone(ask))


def test_nothing_of_a_settlement_lasts_but_in_a_row(sequential):
    batch = mixed(sequential.depths)
    first = sequential.settle(batch)
    assert sequential.settle(batch) == first
    in_a_row = list(sequential.row([batch, batch]))
    assert in_a_row[0].fills == first.fills
    assert in_a_row[1].fills != first.fills
    assert sequential.settle(batch) == first


def test_drawn_batches_follow_from_the_seed(sequential):
    one, other = ([drawn(sequential.depths, sequential.alone, Random(seed)) for _ in range(3)] for seed in (1, 2))
    assert one == [drawn(sequential.depths, sequential.alone, Random(1)) for _ in range(3)]
    assert one != other


def test_every_scale_is_of_something_to_sell():
    for depths in ((10**24, 10**24), (10**7, 10**6), (1, 1)):
        for name, batch in scales(depths).items():
            assert batch, name
            assert all(ask.amount > 0 for ask in batch), name


def test_the_constants_of_a_code():
    assert constants(bytes.fromhex("60056101005f600560ff")) == (5, 255, 256)


def test_an_account_may_be_named_in_any_place():
    named = replace(USUAL, traders=(None, "0x" + "11" * 20))
    assert [named.trader(place) for place in range(3)] == [USUAL.trader(0), "0x" + "11" * 20, USUAL.trader(2)]


@pytest.mark.parametrize(
    ("got", "than", "words"),
    [
        (996, 1_000, "0.4 % less"),
        (1_500, 1_000, "50 % more"),
        (10**18 - 1, 10**18, "1 smallest units less"),
        (0, 7, "nothing"),
        (7, 0, "7 instead of nothing"),
    ],
)
def test_a_difference_in_words(got, than, words):
    assert percent(got, than) == words


def test_shrinking_keeps_what_fails():
    batch = (Ask(True, 123, 5), Ask(False, 456, 7, True), Ask(True, 789))
    assert shrunk(batch, lambda each: any(not ask.sells_token0 for ask in each)) == (Ask(False, 400),)
