"""Those who live off others: the arbitrageur's optimum, the sandwich bot's, and what neither may do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.market import MarketConfig, load_config
from verify.market.bots import Arbitrageur, SandwichBot
from verify.market.chain import Chain
from verify.market.opening import base_is_token0, pool_price
from verify.market.price import GasPath, PricePath
from verify.market.view import View
from verify.market.wishes import Order, Trade

CONFIGS = load_config(Path(__file__).resolve().parents[2] / "data" / "embedded.toml")
NAMES = ("demo-v3", "demo-v2")
BLOCK = 18_000_000
TRADER = "0x" + "7a" * 20


@pytest.fixture(scope="module", params=NAMES)
def market(request):
    """(configuration, chain before its first block)."""
    config = CONFIGS[request.param]
    return config, started(config)


def started(config: MarketConfig) -> Chain:
    chain = Chain(config)
    chain.begin(BLOCK, config.first_timestamp, 0)
    return chain


def view_at(config: MarketConfig, chain: Chain, price: float, gas_price_wei: int = 0) -> View:
    return View(
        pool=chain,
        block_number=BLOCK,
        price=pool_price(config, Fraction(price)),
        quote_is_token1=base_is_token0(config),
        quote_unit=10**config.quote.decimals,
        base_unit=10**config.base.decimals,
        gas_price_wei=gas_price_wei,
    )


def arbitrageur(config: MarketConfig, **changes: float) -> Arbitrageur:
    always = replace(config.arbitrage, **({"activity": 1, "min_profit": 0} | changes))
    return Arbitrageur(always, np.random.default_rng(1), "test")


def gain(view: View, zero_for_one: bool, amount_in: int) -> Fraction:
    result = view.pool.quote(zero_for_one, amount_in)
    got = view.value(result.received, of_token0=not zero_for_one)
    return got - view.value(result.spent, of_token0=zero_for_one)


# ---------------------------------------------------------------------------------------------- arbitrage


@settings(max_examples=60, deadline=None)
@given(moves=st.lists(st.floats(-0.08, 0.08), min_size=1, max_size=4))
@pytest.mark.parametrize("name", NAMES)
def test_arbitrage_leaves_the_pool_within_the_fee_of_the_exogenous_price(name, moves):
    config = CONFIGS[name]
    chain = started(config)
    kept = Fraction(10**6 - config.pool.fee_pips, 10**6)
    for move in moves:
        view = view_at(config, chain, config.price.start * (1 + move))
        before = Fraction(chain.world.price() ** 2, 1 << 192)
        wish = arbitrageur(config).act(view)
        outside = not view.price * kept <= before <= view.price / kept
        if wish is not None:
            assert outside
            chain.execute(wish)
        after = Fraction(chain.world.price() ** 2, 1 << 192)
        rounding = Fraction(1, 10**8)
        assert view.price * kept * (1 - rounding) <= after <= view.price / kept * (1 + rounding)
        if wish is not None:  # it stops at the band's edge and goes no further
            edge = view.price / kept if wish.zero_for_one else view.price * kept
            assert abs(after / edge - 1) < rounding + moved_by_kept_fee(chain, wish)


def moved_by_kept_fee(chain: Chain, wish: Trade) -> Fraction:
    """How far the fee that a v2 pair keeps in its reserves moves its price beyond the trade's last unit, at most."""
    if chain.state.pool.kind == "v3":
        return Fraction(0)
    reserve_in = chain.world.venue.reserves()[0 if wish.zero_for_one else 1] - wish.amount_in
    return Fraction(3, 1000) * Fraction(wish.amount_in, reserve_in)


@pytest.mark.parametrize("move", [-0.05, -0.006, 0.004, 0.03])
def test_no_other_size_earns_more(market, move):
    config, chain = market
    view = view_at(config, chain, config.price.start * (1 + move))
    wish = arbitrageur(config).act(view)
    best = gain(view, wish.zero_for_one, wish.amount_in)
    assert best > 0
    for part in (Fraction(1, 2), Fraction(98, 100), Fraction(999, 1000), Fraction(1001, 1000), Fraction(102, 100)):
        assert gain(view, wish.zero_for_one, int(wish.amount_in * part)) < best
    assert gain(view, not wish.zero_for_one, wish.amount_in) < 0


@settings(max_examples=100, deadline=None)
@given(price=st.floats(500, 9_000))
def test_on_v2_it_is_the_closed_form_to_the_unit(price):
    config = CONFIGS["demo-v2"]
    chain = V2_CHAIN
    view = view_at(config, chain, price)
    zero_for_one, amount_in = chain.amount_to(view.price)
    reserves = chain.state.reserve0, chain.state.reserve1
    held, other = reserves if zero_for_one else reserves[::-1]
    with localcontext(prec=90):
        ratio = Decimal(view.price.numerator) / Decimal(view.price.denominator)
        worth = 1 / ratio if zero_for_one else ratio
        kept = Decimal("0.997")
        exact = ((kept * worth * held * other).sqrt() - held) / kept
    if amount_in:
        assert abs(amount_in - exact) <= 2
    else:
        assert exact <= 2


V2_CHAIN = started(CONFIGS["demo-v2"])


def test_within_the_fee_nobody_moves(market):
    config, chain = market
    for move in (-0.9, 0, 0.9):
        price = config.price.start * (1 + move * config.pool.fee_pips / 1e6)
        assert arbitrageur(config).act(view_at(config, chain, price)) is None


def test_what_does_not_pay_after_gas_is_left(market):
    config, chain = market
    near = config.price.start * (1 + 1.02 * config.pool.fee_pips / 1e6)
    assert arbitrageur(config).act(view_at(config, chain, near)) is not None
    assert arbitrageur(config).act(view_at(config, chain, near, gas_price_wei=10**13)) is None
    assert arbitrageur(config, min_profit=10**6).act(view_at(config, chain, near)) is None
    far = config.price.start * 1.1
    assert arbitrageur(config, activity=0).act(view_at(config, chain, far)) is None


# ---------------------------------------------------------------------------------------------- sandwich


def order(config: MarketConfig, chain: Chain, size: float, slack: float, **changes: object) -> Order:
    view = view_at(config, chain, config.price.start)
    zero_for_one = True
    amount_in = int(view.amount(size, of_token0=True))
    min_out = int(chain.quote(zero_for_one, amount_in).received * (1 - Fraction(slack)))
    trade = Trade("user", "test", config.users.routers[0], TRADER, zero_for_one, amount_in, min_out)
    return replace(Order(trade, BLOCK, is_public=True, is_user=True), **changes)


def bot(config: MarketConfig, **changes: float) -> SandwichBot:
    return SandwichBot(replace(config.sandwich, **changes), np.random.default_rng(1), "test")


def size_of_prey(config: MarketConfig) -> float:
    """Large enough that pushing the price before it pays more than two fees: V > fee·reserve."""
    return 2.5 * config.pool.depth * config.pool.fee_pips / 1e6


@pytest.mark.parametrize("slack", [0.002, 0.01, 0.1])
def test_the_attack_keeps_the_limit_and_no_other_size_earns_much_more(market, slack):
    config, chain = market
    view = view_at(config, chain, config.price.start)
    prey = order(config, chain, size_of_prey(config), slack)
    victim = prey.trade
    attack = bot(config, max_front=1e9).attack(view, prey)

    def outcome(front_in: int) -> tuple[int, int]:
        with chain.supposing() as trade:
            front = trade(True, front_in).received
            got = trade(True, victim.amount_in).received
            return got, trade(False, front).received - front_in

    got, profit = outcome(attack.front.amount_in)
    assert got >= victim.min_out
    assert profit > 0
    assert attack.back.amount_in == attack.front.min_out
    step = attack.front.amount_in // 20
    tried = {front_in: outcome(front_in) for front_in in range(step, 4 * attack.front.amount_in, step)}
    allowed = {front_in: won for front_in, (reached, won) in tried.items() if reached >= victim.min_out}
    assert max(allowed.values()) <= profit * 1.001


def test_the_bundle_does_what_it_said(market):
    config, _ = market
    chain = started(config)
    prey = order(config, chain, size_of_prey(config), 0.01)
    fair = chain.quote(True, prey.trade.amount_in).received
    attack = bot(config, max_front=1e9).attack(view_at(config, chain, config.price.start), prey)
    results = [chain.execute(wish) for wish in (attack.front, prey.trade, attack.back)]
    assert [result.received for result in results[::2]] == [attack.front.min_out, attack.back.min_out]
    assert prey.trade.min_out <= results[1].received < fair
    assert chain.book.reverted == 0


def test_what_cannot_be_attacked_is_left_alone(market):
    config, chain = market
    view = view_at(config, chain, config.price.start)
    size = size_of_prey(config)
    assert bot(config).attack(view, order(config, chain, size, 0.01)) is not None
    assert bot(config).attack(view, order(config, chain, size, 0.01, is_public=False)) is None
    assert bot(config).attack(view, order(config, chain, size, 0.01, is_user=False)) is None
    assert bot(config).attack(view, order(config, chain, size, 0)) is None
    assert bot(config).attack(view, order(config, chain, size / 10, 0.01)) is None
    assert bot(config, max_front=0).attack(view, order(config, chain, size, 0.01)) is None
    dear = view_at(config, chain, config.price.start, gas_price_wei=10**14)
    assert bot(config).attack(dear, order(config, chain, size, 0.01)) is None
    bounded = bot(config, max_front=1_000).attack(view, order(config, chain, size, 0.01))
    assert view.value(bounded.front.amount_in, of_token0=True) <= 1_000


def test_an_order_that_reverts_anyway_is_not_attacked(market):
    config, chain = market
    prey = order(config, chain, size_of_prey(config), 0.01)
    greedy = replace(prey, trade=replace(prey.trade, min_out=prey.trade.min_out * 2))
    assert bot(config).attack(view_at(config, chain, config.price.start), greedy) is None


# ---------------------------------------------------------------------------------------------- outside processes


def test_the_price_moves_as_configured_and_drifts_nowhere():
    config = replace(CONFIGS["demo-v3"].price, volatility_bps=4, jumps_per_block=0.1, jump_bps=10)
    path = PricePath(config, np.random.default_rng(5))
    logs = []
    for _ in range(20_000):
        path.step()
        logs.append(float(path.price()))
    moves = 1e4 * np.diff(np.log(logs))
    assert moves.std() == pytest.approx((4**2 + 0.1 * 10**2) ** 0.5, rel=0.05)
    assert abs(moves.mean()) < 3 * moves.std() / 20_000**0.5
    assert (np.abs(moves) > 16).mean() > 0.003  # a diffusion alone has 6e-5


def test_a_price_without_randomness_stands_still_or_drifts():
    still = replace(CONFIGS["demo-v3"].price, volatility_bps=0, jumps_per_block=0)
    path = PricePath(still, np.random.default_rng(5))
    path.step()
    assert path.price() == 2270
    rising = PricePath(replace(still, drift_bps=1), np.random.default_rng(5))
    for _ in range(100):
        rising.step()
    assert float(rising.price()) == pytest.approx(2270 * np.exp(0.01), rel=1e-7)


def test_the_gas_price_has_its_median_and_spread():
    path = GasPath(CONFIGS["demo-v3"].gas, np.random.default_rng(5))
    gwei = []
    for _ in range(20_000):
        path.step()
        gwei.append(path.wei() / 1e9)
    assert np.median(gwei) == pytest.approx(25, rel=0.1)
    assert np.log(gwei).std() == pytest.approx(0.35, rel=0.1)
    assert np.corrcoef(np.log(gwei[1:]), np.log(gwei[:-1]))[0, 1] == pytest.approx(0.95, abs=0.02)
