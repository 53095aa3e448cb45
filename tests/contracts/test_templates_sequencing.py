"""Sequential and GreedySequencing, order by order, against direct swaps on the same pool."""

from __future__ import annotations

from hypothesis import example, given, settings

from tests.contracts.templates_world import NAMES, Ask, Market, market, named_batches


def swap_or_skip(here: Market, ask: Ask) -> tuple[int, int]:
    """The order as a direct swap of the pool, unless that would break its limit; changes the pool."""
    quote = here.quote(ask.sells0, ask.amount)
    if quote.spent < ask.amount or quote.received < max(ask.limit, 1):
        return 0, 0
    result = here.world.swap(ask.sells0, ask.amount)
    assert result == quote
    return ask.amount, result.received


def one_by_one(here: Market, asks: list[Ask]) -> tuple[tuple[int, int], ...]:
    with here.world.anchor():
        return tuple(swap_or_skip(here, ask) for ask in asks)


def greedily(here: Market, asks: list[Ask]) -> tuple[list[tuple[int, int]], list[int]]:
    """(fills, who executed while the other direction still had orders), by the rule's definition."""
    fills = [(0, 0)] * len(asks)
    left = list(range(len(asks)))
    protected = []
    with here.world.anchor():
        start = here.sqrt_price
        while left:
            sales0 = [i for i in left if asks[i].sells0]
            sales1 = [i for i in left if not asks[i].sells0]
            if not sales0 or not sales1 or here.sqrt_price == start:
                i = left[0]
            else:
                i = (sales0 if here.sqrt_price > start else sales1)[0]
            fills[i] = swap_or_skip(here, asks[i])
            if sales0 and sales1:
                protected.append(i)
            left.remove(i)
    return fills, protected


@settings(max_examples=150, deadline=None)
@given(named_batches(NAMES))
@example(("v2 small", [Ask(True, 500_000), Ask(False, 1), Ask(False, 300_000, 10**6), Ask(False, 300_000)]))
def test_sequential_is_a_row_of_direct_swaps_to_the_wei(drawn):
    name, asks = drawn
    here = market(name)
    result = here.settle("Sequential", asks)
    assert result.fills == one_by_one(here, asks)
    assert result.residue == (0, 0)


def test_sequential_skips_what_breaks_a_limit_and_goes_on_from_the_unchanged_pool():
    here = market("v2 small")
    first = here.quote(True, 100_000).received
    asks = [Ask(True, 100_000, first + 1), Ask(True, 100_000, first), Ask(True, 100_000, first)]
    assert here.settle("Sequential", asks).fills == ((0, 0), (100_000, first), (0, 0))


def test_sequential_depends_on_the_order_given():
    here = market("v2 small")
    asks = [Ask(True, 100_000), Ask(True, 100_000)]
    straight, turned = here.settle("Sequential", asks), here.settle("Sequential", asks, [1, 0])
    assert straight.fills == turned.fills[::-1] != turned.fills


@settings(max_examples=150, deadline=None)
@given(named_batches(NAMES))
def test_greedy_sequencing_is_its_definition_and_keeps_its_promise(drawn):
    name, asks = drawn
    here = market(name)
    result = here.settle("GreedySequencing", asks)
    expected, protected = greedily(here, asks)
    assert list(result.fills) == expected
    assert result.residue == (0, 0)
    for i in protected:
        alone = here.quote(asks[i].sells0, asks[i].amount)
        if result.fills[i][0]:
            assert result.fills[i][1] >= alone.received - 1
        else:  # left out only where alone it would not have been served either
            assert alone.spent < asks[i].amount or alone.received - 1 < max(asks[i].limit, 1)


def test_greedy_sequencing_answers_each_move_with_the_other_direction():
    """Two sales of each token in a row: Sequential lets the second pay for the first, here each finds the way back."""
    here = market("v2 small")
    asks = [Ask(True, 10_000), Ask(True, 10_000), Ask(False, 10_000), Ask(False, 10_000)]
    greedy, straight = here.settle("GreedySequencing", asks), here.settle("Sequential", asks)
    alone = here.quote(True, 10_000).received
    assert greedy.fills[0][1] == straight.fills[0][1] == alone
    assert greedy.fills[2][1] > here.quote(False, 10_000).received
    assert greedy.fills[1][1] > straight.fills[1][1]


def test_greedy_sequencing_gives_a_sandwich_nothing():
    """Whoever orders the batch puts a victim between two trades of his own: the back trade comes before the victim."""
    here = market("v2 small")
    bait = here.quote(True, 50_000).received
    asks = [Ask(True, 50_000), Ask(True, 50_000), Ask(False, bait)]
    sandwiched = here.settle("Sequential", asks)
    assert sandwiched.fills[2][1] > 50_000  # the sandwicher, who sold 50,000 token0, gets more back
    greedy = here.settle("GreedySequencing", asks)
    assert greedy.fills[2][1] < 50_000
    assert greedy.fills[1][1] > sandwiched.fills[1][1]
