"""The bootstrap's bounds: calibrated under the null, exact where there is nothing to estimate, the same everywhere."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.score import bootstrap
from verify.score.bootstrap import CHUNK, MIN_BATCHES, Draws, Group, Resamples, _counts, block_length, resample_count


def ratio(values, weights):
    return Group(weights, (weights * values)[:, None])


def bounds(values, weights, *, tail=0.05, resamples=1_000, seed=1):
    group = ratio(values, weights)
    return Resamples(len(values), block_length(group), Draws(seed)).bounds([group], (tail,), resamples)[0][0][0]


def autoregressive(rng, n, phi, shocks):
    series = np.empty(n)
    last = 0.0
    for i, shock in enumerate(shocks):
        last = series[i] = phi * last + shock
    return series


def rejection_rates(n, trials, resamples, *, phi, sigma, shocks, seed):
    """How often the lower bound of a mean that is 0 is above 0, and the upper one below."""
    rng = np.random.default_rng(seed)
    above = below = 0
    for trial in range(trials):
        values = autoregressive(rng, n, phi, shocks(rng, n))
        found = bounds(values, rng.lognormal(0, sigma, n), resamples=resamples, seed=trial)
        above += found.lower is not None and found.lower > 0
        below += found.upper is not None and found.upper < 0
    return above / trials, below / trials


def student(rng, n):
    return rng.standard_t(3, n)


def rare_losses(rng, n):
    """Gains one, and once in fifty times loses forty-nine."""
    return np.where(rng.random(n) < 0.02, -49.0, 1.0)


def test_calibrated_on_dependent_heavy_tailed_batches():
    rates = rejection_rates(250, 200, 500, phi=0.3, sigma=1.0, shocks=student, seed=3)
    assert all(0.015 <= rate <= 0.095 for rate in rates), rates


def test_not_fooled_by_small_gains_that_hide_rare_large_losses():
    # The percentile bound alone finds a "gain" in a fifth of these.
    above, _ = rejection_rates(300, 200, 500, phi=0.0, sigma=1.0, shocks=rare_losses, seed=4)
    assert above <= 0.1


def test_a_bootstrap_that_ignored_dependence_would_be_found_out():
    """The calibration test has teeth: with single batches in place of blocks it fails."""
    rng = np.random.default_rng(5)
    wrong = 0
    for trial in range(100):
        values = autoregressive(rng, 250, 0.6, student(rng, 250))
        found = Resamples(250, 1, Draws(trial)).bounds([ratio(values, np.ones(250))], (0.05,), 500)[0][0][0]
        wrong += found.lower > 0
    assert wrong > 10


@pytest.mark.long
@pytest.mark.parametrize(
    ("phi", "sigma", "shocks", "at_most"),
    [(0.3, 0.5, student, 0.075), (0.3, 1.5, student, 0.1), (0.6, 1.0, student, 0.1), (0.0, 1.0, rare_losses, 0.1)],
)
def test_calibrated_at_full_size(phi, sigma, shocks, at_most):
    rates = rejection_rates(1_300, 600, 2_000, phi=phi, sigma=sigma, shocks=shocks, seed=7)
    assert rates[0] <= at_most, rates


def test_finds_a_gain_that_is_there():
    rng = np.random.default_rng(6)
    found = bounds(1 + student(rng, 600), rng.lognormal(0, 1, 600))
    assert 0 < found.lower < found.estimate < found.upper


@pytest.mark.parametrize("constant", [0.0, 2.5, -1e-9])
def test_a_constant_has_no_spread(constant):
    weights = np.random.default_rng(7).lognormal(0, 2, 200)
    found = bounds(np.full(200, constant), weights)
    for figure in (found.estimate, found.lower, found.upper):
        assert figure == pytest.approx(constant, rel=1e-9, abs=0)


@given(st.integers(0, 2**32), st.sampled_from((MIN_BATCHES, 60, 251)))
def test_the_bounds_lie_around_the_estimate(seed, n):
    rng = np.random.default_rng(seed)
    found = bounds(rng.standard_cauchy(n), rng.lognormal(0, 3, n), resamples=250, seed=seed)
    assert found.lower is None or found.lower <= found.estimate
    assert found.upper is None or found.upper >= found.estimate


def test_the_same_in_any_company_and_order_of_addition():
    rng = np.random.default_rng(8)
    groups = [
        Group(rng.lognormal(0, 2, 300), rng.standard_cauchy((300, columns)) * 10.0**scale)
        for columns, scale in ((1, 0), (7, 12), (40, -9))
    ]

    def bounds_of(*groups):
        return Resamples(300, 7, Draws(9)).bounds(groups, (0.05,), 500)[0]

    together = bounds_of(*groups)
    assert together == [bounds_of(group)[0] for group in groups]
    for i in (0, 17, 39):
        assert bounds_of(Group(groups[2].denominator, groups[2].numerators[:, i : i + 1])) == [[together[2][i]]]


def test_the_sums_are_exact_whatever_adds_them_up(monkeypatch):
    rng = np.random.default_rng(15)
    group = Group(rng.lognormal(0, 3, 900), rng.standard_cauchy((900, 5)) * 10.0 ** np.arange(-12, 13, 6))

    def backwards_in_extended_precision(columns, counts):
        return (columns[:, ::-1].astype(np.longdouble) @ counts[::-1].astype(np.longdouble)).astype(np.float64)

    usual = Resamples(900, 10, Draws(3)).bounds([group], (0.05,), 300)
    monkeypatch.setattr(bootstrap, "_product", backwards_in_extended_precision)
    assert Resamples(900, 10, Draws(3)).bounds([group], (0.05,), 300) == usual


@pytest.mark.parametrize("room", [0, 70_000, bootstrap.KEPT_BYTES])
def test_what_is_kept_of_the_draws_changes_nothing(room, monkeypatch):
    """Room for none, for the first of two chunks, and for all."""
    rng = np.random.default_rng(17)
    groups = {n: ratio(student(rng, n), rng.lognormal(0, 1, n)) for n in (200, 260)}
    alone = [Resamples(n, length, Draws(5)).bounds([groups[n]], (0.05,), 500) for n, length in ((200, 6), (260, 6))]
    monkeypatch.setattr(bootstrap, "KEPT_BYTES", room)
    draws = Draws(5)
    Resamples(200, 9, draws).bounds([groups[200]], (0.05,), 300)  # same batches, other blocks
    for _ in range(2):
        found = [Resamples(n, 6, draws).bounds([group], (0.05,), 500) for n, group in groups.items()]
        assert found == alone


def test_drawn_once_for_all_who_ask(monkeypatch):
    drawn = []

    def counting(*arguments):
        drawn.append(arguments[1:])
        return _counts(*arguments)

    monkeypatch.setattr(bootstrap, "_counts", counting)
    draws = Draws(5)
    for _ in range(3):
        Resamples(100, 6, draws).bounds([ratio(np.arange(100.0), np.ones(100))], (0.05,), 2 * CHUNK)
    assert drawn == [(100, 6)] * 2


def test_never_narrower_than_the_percentile_bounds():
    rng = np.random.default_rng(16)
    n, seed, resamples = 300, 4, 2 * CHUNK
    values, weights = rng.lognormal(0, 1.5, n), np.ones(n)  # skewed so that the studentised lower bound is the nearer
    found = Resamples(n, 7, Draws(seed)).bounds([ratio(values, weights)], (0.05,), resamples)[0][0][0]
    drawn = np.vstack([_counts(np.random.default_rng((seed, i)), n, 7) for i in range(2)])
    means = np.sort(drawn @ values / n)
    rank = int(0.05 * (resamples + 1))
    assert found.lower == pytest.approx(means[rank - 1], rel=1e-9)
    assert found.upper > means[-rank]


def test_resamples_without_weight_count_as_the_worst():
    weights = np.zeros(2_000)
    weights[:MIN_BATCHES] = 1.0  # side by side, so that many a resample misses them all
    found = Resamples(2_000, 40, Draws(1)).bounds([ratio(np.ones(2_000), weights)], (0.05,), 500)[0][0][0]
    assert (found.estimate, found.lower, found.upper) == (1.0, None, None)


def test_wider_at_a_stricter_level():
    rng = np.random.default_rng(10)
    group = ratio(student(rng, 400), rng.lognormal(0, 1, 400))
    loose, strict = (found[0][0] for found in Resamples(400, 8, Draws(1)).bounds([group], (0.05, 0.005), 2_000))
    assert strict.lower < loose.lower < loose.upper < strict.upper


def test_a_level_that_the_resamples_cannot_show_gives_no_bounds():
    rng = np.random.default_rng(11)
    found = bounds(student(rng, 100), np.ones(100), tail=0.0005, resamples=1_000)
    assert (found.lower, found.upper) == (None, None)


def test_too_few_batches_give_no_bounds():
    found = bounds(np.ones(MIN_BATCHES - 1), np.ones(MIN_BATCHES - 1))
    assert (found.estimate, found.lower, found.upper) == (1.0, None, None)
    weights = np.zeros(200)
    weights[: MIN_BATCHES - 1] = 1.0
    assert bounds(np.ones(200), weights).lower is None
    weights[MIN_BATCHES - 1] = 1.0
    assert bounds(np.ones(200), weights).estimate == 1.0


def test_resamples_are_blocks_of_the_stated_mean_length():
    n, mean_length = 500, 8
    counts = _counts(np.random.default_rng(12), n, mean_length)
    assert counts.shape == (CHUNK, n)
    assert (counts.sum(axis=1) == n).all()
    assert counts.min() >= 0
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.8)
    # Neighbours are drawn together: a count's correlation with the next one is that of a geometric block.
    here, following = counts[:, :-1].ravel(), counts[:, 1:].ravel()
    assert np.corrcoef(here, following)[0, 1] == pytest.approx(1 - 1 / mean_length, abs=0.03)


def test_block_length_follows_the_dependence():
    rng = np.random.default_rng(13)
    n = 1_000
    independent = block_length(ratio(rng.normal(size=n), np.ones(n)))
    sluggish = block_length(ratio(autoregressive(rng, n, 0.95, rng.normal(size=n)), np.ones(n)))
    assert independent == 10  # the floor, n^(1/3)
    assert 25 <= sluggish <= 3 * np.sqrt(n) + 1


def test_resample_count_pays_for_the_ledger():
    assert [resample_count(tests) for tests in (1, 10, 11, 500)] == [2_000, 2_000, 2_200, 100_000]


@pytest.mark.long
def test_a_held_out_day_takes_under_a_fifth_of_a_second():
    rng = np.random.default_rng(14)
    group = ratio(student(rng, 1_300), rng.lognormal(0, 1, 1_300))

    def seconds():
        start = time.perf_counter()
        Resamples(1_300, 11, Draws(1)).bounds([group], (0.05,), 2_000)
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.2
