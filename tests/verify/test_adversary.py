"""The attack search: beside closed forms, brute force, and what real attackers took; witnesses; order dependence."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from attack_worlds import pair_arena
from numpy.polynomial import Polynomial
from rpc_commands import pactsmith
from rules import LAZY, bundled, written
from uniswap_v2 import Pair

from ingest.errors import InputError
from verify.adversary.blackbox import blackbox
from verify.adversary.plays import Own, Play, Trade
from verify.adversary.run import AttackOptions, attack_rule, replay_witness
from verify.adversary.structured import Budget, flat_sandwich, structured
from verify.adversary.witness import read_witness
from verify.contracts import contracts_dir
from verify.findings import CandidateRejectedError
from verify.free.arbitrage import v2_optimum
from verify.run import Rule

KEPT = 0.997
OPTIONS = AttackOptions(window_blocks=3, batches=2, budget=Budget(plays=50))
SMALLEST_PART = 1e-9
"""Of the pool: a smaller profit is rounding."""


# ---------------------------------------------------------------- one victim on a pair


def random_states(count: int, seed: int):
    """(reserve0, reserve1, sells token0, amount, slippage): pools of any size, orders up to a fifth of them."""
    chances = random.Random(seed)
    for _ in range(count):
        reserves = int(10 ** chances.uniform(20, 25)), int(10 ** chances.uniform(20, 25))
        sells_token0 = chances.random() < 0.5
        amount = int(reserves[not sells_token0] * 10 ** chances.uniform(-3.5, -0.7))
        yield *reserves, sells_token0, amount, Fraction(10 ** chances.uniform(-3, -1))


def optimal_sandwich(x: float, y: float, amount: float, limit: float) -> float:
    """The most that a sandwich which keeps nothing brings on x·y = k, in the token that the victim sells.

    With f in front, the victim behind it and all of the bought sold again, the profit is
    γ²·f·(x + f + v)·(x + f + γ·v) / (x·(x + f) + γ²·f·(x + f + γ·v)) − f. Its derivative is 0 at a root of a quartic;
    the victim's limit holds as long as (x + γ·f)·(x + f + γ·v) ≤ γ·v·x·y / limit, a quadratic.
    """
    f = Polynomial([0, 1])
    above = KEPT**2 * f * (x + f + amount) * (x + f + KEPT * amount)
    below = x * (x + f) + KEPT**2 * f * (x + f + KEPT * amount)
    flat = above.deriv() * below - above * below.deriv() - below * below
    bound = limit * (x + KEPT * f) * (x + f + KEPT * amount) - KEPT * amount * x * y
    most = max((root.real for root in bound.roots() if is_real(root)), default=0)
    tops = [root.real for root in flat.roots() if is_real(root) and 0 < root.real <= most]
    return max((above(front) / below(front) - front for front in (*tops, most) if front > 0), default=0)


def is_real(root: complex) -> bool:
    return abs(root.imag) <= 1e-6 * abs(root)


@pytest.mark.parametrize(
    "states", [100, pytest.param(1_000, marks=pytest.mark.long)], ids=lambda states: f"{states} states"
)
def test_the_sandwich_that_is_found_is_the_closed_form_s(states):
    profitable = 0
    for reserve0, reserve1, sells_token0, amount, slippage in random_states(states, seed=1):
        arena = pair_arena(reserve0, reserve1, [(sells_token0, amount, slippage)])
        x, y = (reserve0, reserve1) if sells_token0 else (reserve1, reserve0)
        best = optimal_sandwich(float(x), float(y), float(amount), float(arena.limits[0]))
        found = flat_sandwich(arena, 0, sells_token0, (0,), x).wealth
        in_sold = float(found * reserve0 / reserve1) if sells_token0 else float(found)
        if best > SMALLEST_PART * x:
            profitable += 1
            assert in_sold == pytest.approx(best, rel=1e-3)
        else:
            assert in_sold <= SMALLEST_PART * x
    assert profitable > states // 3


@pytest.mark.parametrize("states", [8, pytest.param(24, marks=pytest.mark.long)])
def test_both_searches_come_to_the_same_by_different_ways(states):
    """Within 1,500 plays the black-box search reaches 95 % of what the structured one finds."""
    reached = []
    for reserve0, reserve1, sells_token0, amount, slippage in random_states(states, seed=2):
        arena = pair_arena(reserve0, reserve1, [(sells_token0, amount, slippage)])
        budget = Budget(plays=1_500, capital=(reserve0, reserve1))
        known = structured(arena, budget).wealth
        if known > Fraction(reserve1, 10**9):
            reached.append(blackbox(arena, budget).wealth / known)
    assert len(reached) > states // 2
    assert min(reached) >= Fraction(95, 100)
    assert max(reached) <= Fraction(1001, 1000)


def test_a_victim_s_limit_is_never_broken_by_the_best_attack():
    for reserve0, reserve1, sells_token0, amount, slippage in random_states(10, seed=3):
        arena = pair_arena(reserve0, reserve1, [(sells_token0, amount, slippage)])
        found = flat_sandwich(arena, 0, sells_token0, (0,), reserve0 + reserve1)
        if found.play.before:
            assert arena.play(found.play).bought[0] >= arena.limits[0]


# ---------------------------------------------------------------- orders of a batch, by brute force


def best_by_hand(reserve0, reserve1, arena):
    """The most that ordering a batch and answering it brings, in plain integers over all orders."""
    price, best = Fraction(reserve1, reserve0), Fraction(0)
    for batch in itertools.permutations(range(len(arena.intents))):
        pair = Pair(reserve0, reserve1)
        for place in batch:
            intent = arena.intents[place]
            if pair.output(intent.sells_token0, intent.sell_amount) >= arena.limits[place]:
                pair, _ = swapped(pair, intent.sells_token0, intent.sell_amount)
        sells_token0, amount = v2_optimum(pair.reserve0, pair.reserve1, price, pair.fee_pips)
        if amount:
            _, received = swapped(pair, sells_token0, amount)
            gain = received * price - amount if not sells_token0 else received - amount * price
            best = max(best, gain)
    return best


def swapped(pair, sells_token0, amount):
    received = pair.output(sells_token0, amount)
    if sells_token0:
        return Pair(pair.reserve0 + amount, pair.reserve1 - received), received
    return Pair(pair.reserve0 - received, pair.reserve1 + amount), received


@pytest.mark.parametrize("orders", [2, 4, pytest.param(7, marks=pytest.mark.long)])
def test_over_all_orders_of_a_batch_it_is_brute_force_to_the_wei(orders):
    for seed in range(4):
        chances = random.Random(f"{orders} {seed}")
        reserve0, reserve1 = (int(10 ** chances.uniform(22, 24)) for _ in range(2))
        batch = []
        for _ in range(orders):
            sells_token0 = chances.random() < 0.5
            amount = int((reserve0 if sells_token0 else reserve1) * 10 ** chances.uniform(-3, -1))
            batch.append((sells_token0, amount, Fraction(chances.randrange(1, 100), 1000)))
        arena = pair_arena(reserve0, reserve1, batch)
        found = structured(arena, Budget(censored=0, insertions=0, capital=(reserve0, reserve1)))
        assert found.wealth == best_by_hand(reserve0, reserve1, arena)


# ---------------------------------------------------------------- real attackers


def real_sandwiches(folder):
    with gzip.open(folder / "v2_hops.csv.gz", "rt", encoding="utf-8") as file:
        hops = {(row["tx_hash"], row["trace_address"]): row for row in csv.DictReader(file)}
    with gzip.open(folder / "labels.json.gz", "rt", encoding="utf-8") as file:
        blocks = json.load(file)
    for block in blocks.values():
        for sandwich in block["sandwiches"]:
            front = sandwich["frontrun_swap"]
            hop = hops.get((front["transaction_hash"], "/".join(map(str, front["trace_address"]))))
            if hop is not None and hop["reserve0_before"]:
                yield sandwich, hop


def test_the_search_finds_at_least_what_real_attackers_took(shared_data):
    """Their victims' limits are taken to be what they got, so that what the attackers did was possible.

    Of the eight two are on v3 pools, and of two pairs no reserves are known: these pools cannot be rebuilt. One leg of
    a sandwich over two pools pays with what the other brings, and loses by itself.
    """
    compared = gained = 0
    for sandwich, hop in real_sandwiches(shared_data / "mev_blocks_mainnet"):
        reserve0, reserve1 = int(hop["reserve0_before"]), int(hop["reserve1_before"])
        token0 = hop["token_in"] if hop["zero_for_one"] == "1" else hop["token_out"]
        worth = {True: Fraction(reserve1, reserve0), False: Fraction(1)}  # in token1, by whether it is token0
        took = sum(
            swap["token_out_amount"] * worth[swap["token_out_address"] == token0]
            - swap["token_in_amount"] * worth[swap["token_in_address"] == token0]
            for swap in (sandwich["frontrun_swap"], sandwich["backrun_swap"])
        )
        victims = sandwich["sandwiched_swaps"]
        orders = [(swap["token_in_address"] == token0, swap["token_in_amount"], Fraction(0)) for swap in victims]
        arena = pair_arena(reserve0, reserve1, orders)
        arena.limits = tuple(swap["token_out_amount"] for swap in victims)
        found = structured(arena, Budget(capital=(10 * reserve0, 10 * reserve1)))
        assert took <= found.wealth
        compared += 1
        gained += took > 0
    assert (compared, gained) == (4, 3)


# ---------------------------------------------------------------- budgets


@pytest.mark.parametrize("plays", [0, 1, 3, 40])
def test_the_black_box_search_makes_no_more_plays_than_it_may(plays):
    arena = pair_arena(10**24, 10**22, [(True, 10**22, Fraction(1, 100)), (False, 10**20, Fraction(1, 100))])
    blackbox(arena, Budget(plays=plays, capital=(10**24, 10**22)))
    assert arena.plays <= plays + 1, "the honest batch is one more"
    assert plays < 40 or arena.plays > plays // 2


@pytest.mark.parametrize("insertions", [0, 1, 2])
def test_no_search_inserts_more_than_it_may(insertions):
    arena = pair_arena(10**24, 10**22, [(True, 10**22, Fraction(1, 20)), (False, 10**20, Fraction(1, 20))])
    budget = Budget(plays=60, insertions=insertions, capital=(10**24, 10**22))
    for search in (structured, blackbox):
        assert search(arena, budget).play.insertions <= insertions


# ---------------------------------------------------------------- whole runs


@pytest.fixture(scope="module")
def history(simulated):
    return simulated("demo-v3", blocks=300)


@pytest.fixture(scope="module")
def attacked(history, tmp_path_factory):
    """By rule's name: the document of an attack, and the folder with its witnesses."""
    found = {}
    for rule in bundled("CallAuction", "Sequential"):
        folder = tmp_path_factory.mktemp(rule.name)
        found[rule.name] = attack_rule(history, rule, OPTIONS, folder), folder
    return found


def test_a_call_auction_does_not_hang_on_the_order_of_its_batch_and_a_sequence_does(attacked):
    auction, sequence = attacked["CallAuction"][0], attacked["Sequential"][0]
    assert auction["order_dependence_bps"] == 0
    assert sequence["order_dependence_bps"] > 0
    assert auction["amm"]["order_dependence_bps"] == sequence["amm"]["order_dependence_bps"] > 0


def test_bad_ev_is_what_the_orders_add_and_somebody_pays_for_it(attacked):
    for document, _ in attacked.values():
        for found in (document, document["amm"]):
            assert found["ev"] - found["ev_without_orders"] == pytest.approx(found["bad_ev"])
            assert found["bad_ev"] > 0
            assert found["user_loss"] > 0
        assert document["batches"]["attacked"] == 2
        assert document["budget"]["plays_made"] > 2 * 2 * 50


def test_every_witness_comes_to_the_same_wei_in_a_fresh_process(attacked, history):
    for document, folder in attacked.values():
        assert len(document["witnesses"]) == len(list(folder.iterdir())) > 0
        for path in folder.iterdir():
            again = replay_witness(read_witness(path), history)
            assert again["same"], again


def test_a_witness_that_lies_is_found_out(attacked, history):
    path = next(attacked["Sequential"][1].iterdir())
    witness = read_witness(path)
    richer = json.loads(path.read_text("utf-8"))
    richer["taken"] = [str(int(amount) + 1) for amount in richer["taken"]]
    lying = path.with_name("lying.txt")
    lying.write_text(json.dumps(richer), "utf-8")
    assert not replay_witness(read_witness(lying), history)["same"]
    lying.unlink()
    assert witness.name == path.stem


def test_a_later_candidate_faces_what_was_found_before(attacked, history):
    """With hardly any search of its own, a copy of the rule is met by the witnesses of the first."""
    document, folder = attacked["Sequential"]
    (rule,) = bundled("Sequential")
    copy = Rule("Copy", rule.source + "\n// another\n", rule.parameters)
    weak = replace(OPTIONS, budget=Budget(censored=0, insertions=0, orders=0, plays=0))
    alone = attack_rule(history, copy, weak, folder / "none")
    faced = attack_rule(history, copy, weak, folder)
    assert alone["ev"] < faced["ev"]
    assert faced["ev"] >= document["ev"] * 0.999
    assert "corpus" in faced["searches"]["best_by"]


def test_the_same_attack_is_the_same_document_whatever_the_workers(attacked, history, tmp_path):
    (rule,) = bundled("Sequential")
    options = replace(OPTIONS, workers=1)
    document = attack_rule(history, rule, options, tmp_path)
    other, _ = attacked["Sequential"]
    assert [Path(path).name for path in document["witnesses"]] == [Path(path).name for path in other["witnesses"]]
    assert document | {"witnesses": []} == other | {"witnesses": []}


def test_the_command_and_its_keys(tmp_path):
    pactsmith(tmp_path, "ingest", "demo").done()
    rule = contracts_dir() / "templates" / "GreedySequencing.sol"
    ran = pactsmith(tmp_path, "attack", rule, "--history", "demo-v2", "--batches", 2, "--plays", 50).done()
    for key in ("candidate_id", "budget", "ev", "bad_ev", "user_loss", "order_dependence_bps", "witnesses"):
        assert key in ran
    assert set(ran["regret_bps"]) >= {"mean", "p99", "max"}
    for path in ran["witnesses"]:
        assert pactsmith(tmp_path, "attack", "--replay", path).done()["same"]
    ran = pactsmith(tmp_path, "attack")
    assert ran.code == 2
    assert "RULE.sol" in ran.document["error"]["message"]


def test_a_rule_that_fails_where_nobody_attacks_is_turned_down(history, tmp_path):
    """Else it would look as if nothing could be taken from it."""
    with pytest.raises(CandidateRejectedError, match="rule-failed"):
        attack_rule(history, written("Failing", 'revert("no");'), OPTIONS, tmp_path)
    lazy = attack_rule(history, LAZY, OPTIONS, tmp_path)
    assert lazy["batches"]["filled"] == 0 < lazy["batches"]["orders"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rule", {"name": "X", "source": 5, "parameters": {}}),
        ("rule", []),
        ("window_blocks", 0),
        ("against", "me"),
        ("play", {"before": [], "batch": [0, 0], "after": []}),
        ("play", {"before": [], "batch": [{"sells_token0": True, "amount": str(2**128), "limit": "0"}], "after": []}),
        ("play", {"before": [], "batch": [{"sells_token0": True, "amount": "1", "limit": "0"}] * 5, "after": []}),
        ("taken", ["1"]),
    ],
)
def test_a_file_that_is_no_witness_is_refused(attacked, tmp_path, name, value):
    document = json.loads(next(attacked["Sequential"][1].glob("*.json")).read_text("utf-8"))
    (tmp_path / "w.json").write_text(json.dumps(document | {name: value}), "utf-8")
    with pytest.raises(InputError):
        read_witness(tmp_path / "w.json")


def test_a_play_is_read_back_as_it_was_written():
    play = Play((1, Own(True, 5, 3), 0), (Trade(0, False, 10**30),), (Trade(1, True, 7),))
    assert Play.from_json(play.to_json(), orders=2, venues=2) == play
