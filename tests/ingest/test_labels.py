"""Who is behind a swap: on the real day against its labels and figures, and each rule by itself."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from app.settings import embedded_market
from ingest.confusion import confusion, fits
from ingest.errors import InputError
from ingest.files import ingest_files, read_history
from ingest.intents import LEAST_OUT, intent_of, orders
from ingest.label_file import read_labels
from ingest.labels import CONVENTIONS, has_senders, jit_events, label_swaps
from ingest.records import FLOW_CLASSES, History, Label, PricePoint
from ingest.routers import ROUTERS
from ingest.sandwiches import MAX_SWAPS_A_BLOCK, sandwiches
from verify.market import load_config, simulate

ROUTER = next(iter(ROUTERS))


# --- the mainnet day -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listed(mainnet_day):
    return json.loads((mainnet_day / "pool_88e6_heuristic_sandwich_labels.json").read_text())


@pytest.mark.shared_data
def test_the_labelled_sandwiches_are_found_with_their_victims(day, listed):
    found = {
        (case.front.tx_hash, case.back.tx_hash): sorted({victim.tx_hash for victim in case.victims})
        for case in sandwiches(day.swaps)
    }
    expected = {(case["front_tx"], case["back_tx"]): sorted(case["victims"]) for case in listed}
    assert len(expected) == 13
    assert {key: found.get(key) for key in expected} == expected
    # One more than listed. Attacker and victim both came through the public SwapRouter, so that a heuristic by sender
    # takes the victim for the attacker's own; the recipients tell them apart, and all but one wei was sold back.
    (more,) = [case for case in sandwiches(day.swaps) if (case.front.tx_hash, case.back.tx_hash) not in expected]
    assert {swap.sender for swap in (more.front, more.back, *more.victims)} == {
        "0xe592427a0aece92de3edee1f18e0157c05861564"
    }
    assert more.front.recipient == more.back.recipient != more.victims[0].recipient
    assert more.front.amount_out - more.back.amount_in == 1
    assert all(case.why.startswith("both by") for case in sandwiches(day.swaps))  # none by its amounts alone


@pytest.mark.shared_data
def test_the_days_figures_are_those_measured_before(day):
    """FACTS, "What real flow looks like": four CEX/DEX senders make 56 % of the volume, the Universal Router 6 %."""
    labels = label_swaps(day, "rules")
    volume: Counter[str] = Counter()
    for swap in day.swaps:
        volume[swap.sender] += abs(swap.amount0)
    total = sum(volume.values())
    top4 = [sender for sender, _ in volume.most_common(4)]
    assert round(sum(volume[sender] for sender in top4) / total, 2) == 0.56
    jit = jit_events(day)
    for sender in top4:
        classes = {labels[swap.seq].flow_class for swap in day.swaps if swap.sender == sender}
        assert classes in ({"arbitrage"}, {"arbitrage", "jit"})
    universal = "0x3fc91a3afd70395cd496c647d5a6cc9d4b2b7fad"
    assert {labels[swap.seq].flow_class for swap in day.swaps if swap.sender == universal} == {"user"}
    assert len({day.events[seq].tx_hash for seq in jit if day.events[seq].kind == "mint"}) == 29
    legs = sum(label.flow_class == "sandwich" for label in labels.values())
    assert 0.004 <= legs / len(labels) <= 0.006


@pytest.mark.shared_data
def test_who_trades_two_pools_of_the_pair_against_each_other_is_an_arbitrageur(day):
    labels = label_swaps(day, "rules")
    wanted = [swap for swap in day.swaps if labels[swap.seq].flow_class == "user"][:2]
    against = replace(wanted[0], amount0=-wanted[0].amount0, amount1=-wanted[0].amount1)
    other = replace(day, events=(against, wanted[1]))  # the second one split its trade over both pools
    found = label_swaps(day, "rules", [other])
    changed = {seq: found[seq] for seq in found if found[seq] != labels[seq]}
    seqs = [swap.seq for swap in day.swaps if swap.tx_hash == wanted[0].tx_hash]
    assert {seq: label.flow_class for seq, label in changed.items()} == dict.fromkeys(seqs, "arbitrage")
    assert "against each other" in changed[wanted[0].seq].rule
    told = replace(day, labels={wanted[0].seq: Label("user", "the file says so")})
    assert label_swaps(told, "rules", [other])[wanted[0].seq].rule == "the file says so"


@pytest.mark.shared_data
def test_the_three_labellings_nest(day):
    labels = {convention: label_swaps(day, convention) for convention in CONVENTIONS}
    wanted = {convention: {intent.seq for intent in orders(day, labels[convention])} for convention in CONVENTIONS}
    assert wanted["routers"] < wanted["rules"] < wanted["all"]
    too_small = {swap.seq for swap in day.swaps if swap.amount_out < LEAST_OUT}
    assert len(wanted["all"]) == 6045 - 29 - 1 - len(too_small)
    assert len(too_small) == 1
    routed = {swap.seq for swap in day.swaps if swap.sender in ROUTERS} - too_small
    assert wanted["routers"] == {seq for seq in routed if labels["rules"][seq].flow_class == "user"}


@pytest.mark.shared_data
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_swap_has_a_class_and_a_rule_and_a_transaction_has_one_strategy(day, convention):
    labels = label_swaps(day, convention)
    assert list(labels) == [swap.seq for swap in day.swaps]
    assert all(label.flow_class in FLOW_CLASSES and label.rule for label in labels.values())
    by_tx: dict[str, set[str]] = {}
    for swap in day.swaps:
        by_tx.setdefault(swap.tx_hash, set()).add(labels[swap.seq].flow_class)
    assert all(len(classes) == 1 for classes in by_tx.values() if "sandwich" in classes or "jit" in classes)


@pytest.mark.shared_data
def test_without_senders_all_is_unknown_under_every_convention(velodrome):
    assert not has_senders(velodrome)
    for convention in CONVENTIONS:
        labels = label_swaps(velodrome, convention)
        assert {label.flow_class for label in labels.values()} == {"unknown"}
        assert {label.rule for label in labels.values()} == {"the source has no senders"}


@pytest.mark.shared_data
def test_the_sandwich_file_of_the_data_can_be_given_as_labels(day_paths, mainnet_day, listed):
    path = mainnet_day / "pool_88e6_heuristic_sandwich_labels.json"
    read = ingest_files(day_paths[0], initial_state=day_paths[1], name="x", labels=path)
    legs = {case[leg] for case in listed for leg in ("front_tx", "back_tx")}
    swaps = [swap for swap in read.history.swaps if swap.tx_hash in legs]
    assert set(read.history.labels) == {swap.seq for swap in swaps}
    assert read.told.unmatched_labels == 0


# --- the simulated market: the truth is known ------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["demo-v3", "demo-v2"])
def simulated(request, tmp_path_factory) -> History:
    """An embedded market's history with its true labels, read from the files that the simulation writes."""
    files = simulate(load_config(embedded_market())[request.param], tmp_path_factory.mktemp(request.param))
    return read_history(
        files.events,
        initial_state=files.initial_state,
        name=request.param,
        labels=files.labels,
        prices=files.prices,
        source="simulated",
    )


LEAST_FIT = {  # (precision, recall)
    "user": (0.99, 0.99),
    "unknown": (0.98, 0.97),
    "arbitrage": (0.97, 0.98),
    "sandwich": (1.0, 1.0),
}


def test_the_rules_find_the_true_classes_of_the_simulated_market(simulated):
    matrix = confusion(simulated.labels, label_swaps(replace(simulated, labels={}), "rules"))
    fit = fits(matrix)
    print(f"\n{simulated.name}: true class, what the rules found")
    for row, counts in matrix.items():
        told = ", ".join(f"{count} {column}" for column, count in counts.items() if count)
        print(f"  {row:9} {told:40} precision {fit[row].precision:.3f}, recall {fit[row].recall:.3f}")
    assert set(matrix) == set(LEAST_FIT)
    for flow_class, (precision, recall) in LEAST_FIT.items():
        assert fit[flow_class].true >= 12
        assert fit[flow_class].precision >= precision
        assert fit[flow_class].recall >= recall
    # What is left: noise traders whose swap happens to answer a large one right behind it, as an arbitrageur's would.
    wrong = {(row, column): n for row, counts in matrix.items() for column, n in counts.items() if row != column and n}
    assert set(wrong) <= {("unknown", "arbitrage")}


def test_a_confusion_counts_by_the_true_class_what_both_have_labelled():
    user, unknown, jit = (Label(name, "x") for name in ("user", "unknown", "jit"))
    matrix = confusion({1: user, 2: user, 3: unknown, 4: user}, {1: user, 2: jit, 3: unknown, 5: user})
    assert matrix == {"user": {"user": 1, "unknown": 0, "jit": 1}, "unknown": {"user": 0, "unknown": 1, "jit": 0}}
    fit = fits(matrix)
    assert list(fit) == ["user", "unknown", "jit"]
    assert (fit["user"].precision, fit["user"].recall) == (1.0, 0.5)
    assert (fit["jit"].precision, fit["jit"].recall) == (0.0, None)
    assert fits(confusion({1: jit}, {1: user}))["jit"].precision is None
    assert confusion({}, {}) == fits({}) == {}


# --- each rule -------------------------------------------------------------------------------------------------------


def case(build, *swaps):
    """Swaps given as (sender, recipient, amount0, amount1), each its own transaction of one block."""
    return [
        build.make_swap(seq, sender=sender, recipient=recipient, amount0=amount0, amount1=amount1)
        for seq, (sender, recipient, amount0, amount1) in enumerate(swaps)
    ]


BOT, VICTIM, OTHER = "0x" + "b0" * 20, "0x" + "11" * 20, "0x" + "22" * 20


@pytest.mark.parametrize(
    ("swaps", "found"),
    [
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, 10, -5), (BOT, BOT, -101, 50)], 1),
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, 10, -5), (BOT, BOT, -101, 51)], 1),
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, 10, -5), (BOT, BOT, -104, 52)], 0),  # sold back 4 % more
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, -10, 5), (BOT, BOT, -101, 50)], 0),  # "victim" the other way
        ([(BOT, BOT, 100, -50), (BOT, BOT, 10, -5), (BOT, BOT, -101, 50)], 0),  # only its own
        ([(BOT, BOT, 100, -50), (BOT, BOT, -101, 50)], 0),  # nobody between
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, 10, -5), (BOT, BOT, 101, -50)], 0),  # the same way again
        ([(BOT, BOT, 100, -50), (VICTIM, VICTIM, 10, -5), (OTHER, OTHER, -101, 50)], 0),  # two parties
        ([(BOT, OTHER, 100, -50), (VICTIM, VICTIM, 10, -5), (VICTIM, OTHER, -101, 50)], 1),  # one recipient
        ([(ROUTER, OTHER, 100, -50), (VICTIM, VICTIM, 10, -5), (ROUTER, OTHER, -101, 50)], 1),  # a router's user
        ([(ROUTER, OTHER, 100, -50), (VICTIM, VICTIM, 10, -5), (ROUTER, BOT, -101, 50)], 0),  # two of its users
        ([(ROUTER, ROUTER, 100, -50), (VICTIM, VICTIM, 10, -5), (ROUTER, ROUTER, -101, 50)], 0),  # cannot be told
        ([(ROUTER, OTHER, 100, -50), (ROUTER, VICTIM, 10, -5), (ROUTER, OTHER, -101, 50)], 1),
        ([(None, None, 100, -50), (None, None, 10, -5), (None, None, -101, 50)], 0),
    ],
)
def test_a_sandwich_needs_one_party_around_a_victim(build, swaps, found):
    cases = sandwiches(case(build, *swaps))
    assert len(cases) == found
    if found:
        (only,) = cases
        assert [swap.seq for swap in (only.front, *only.victims, only.back)] == [0, 1, 2]


def test_a_sandwich_lies_within_one_block_and_may_have_several_victims(build):
    swaps = case(
        build,
        (BOT, BOT, 100, -50),
        (VICTIM, VICTIM, 10, -5),
        (OTHER, OTHER, 10, -5),
        (OTHER, OTHER, -10, 5),
        (BOT, BOT, -101, 50),
    )
    (only,) = sandwiches(swaps)
    assert [victim.seq for victim in only.victims] == [1, 2]
    assert sandwiches([*swaps[:-1], replace(swaps[-1], block_number=101)]) == ()


# An attacker with two addresses: nothing but the amounts and the places tells.
FRONT = (BOT, BOT, 1_000_007, -500_003)
HIT = (VICTIM, VICTIM, 10, -5)
BACK = (OTHER, OTHER, -1_000_107, 500_003)


@pytest.mark.parametrize(
    ("swaps", "found"),
    [
        ([FRONT, HIT, BACK], 1),
        (
            [FRONT, HIT, (VICTIM, BOT, 9, -4), BACK],
            0,
        ),  # the second shares an address with the front: between, no victim
        ([FRONT, HIT, (OTHER, VICTIM, 9, -4), BACK], 0),  # … or with the back
        ([FRONT, HIT, (ROUTER, VICTIM, 9, -4), BACK], 1),  # two victims
        ([FRONT, HIT, (VICTIM, VICTIM, -9, 4), BACK], 0),  # a swap the other way between
        ([FRONT, BACK], 0),
        ([FRONT, HIT, (OTHER, OTHER, -1_000_107, 500_002)], 0),  # a unit less
        ([FRONT, HIT, (OTHER, OTHER, -1_000_007, 500_003)], 0),  # no gain
        ([(BOT, BOT, 10, -500_000), HIT, (OTHER, OTHER, -11, 500_000)], 0),  # a round amount is met by chance
        ([(ROUTER, BOT, 1_000_007, -500_003), HIT, (ROUTER, OTHER, -1_000_107, 500_003)], 1),
        ([(None, None, 1_000_007, -500_003), (None, None, 10, -5), (None, None, -1_000_107, 500_003)], 1),
    ],
)
def test_a_sandwich_of_two_addresses_is_known_by_exact_amounts_right_around_its_victims(build, swaps, found):
    cases = sandwiches(case(build, *swaps))
    assert len(cases) == found
    for only in cases:
        assert [swap.seq for swap in (only.front, *only.victims, only.back)] == list(range(len(swaps)))
        assert "to the last unit" in only.why
    apart = [replace(swap, tx_index=2 * swap.tx_index) for swap in case(build, *swaps)]
    assert sandwiches(apart) == ()  # others' transactions lie between


def test_an_address_tells_before_the_amounts_do(build):
    """Two backs fit the front's amount exactly; that of the front's own address closes it, though it comes later."""
    swaps = case(build, FRONT, HIT, BACK, (BOT, BOT, -1_000_050, 500_003))
    (only,) = sandwiches(swaps)
    assert only.back.seq == 3
    assert only.why == f"both by {BOT}"


def test_of_a_block_with_more_swaps_than_are_compared_the_first_are(build):
    many = [(VICTIM, VICTIM, 10, -5)] * MAX_SWAPS_A_BLOCK
    assert len(sandwiches(case(build, FRONT, *many[:10], (BOT, BOT, -1_000_107, 500_003)))) == 1
    assert sandwiches(case(build, FRONT, *many, (BOT, BOT, -1_000_107, 500_003))) == ()


def liquidity(build, seq, kind, amount, owner=BOT, span=(-60, 60), block=100):
    return build.LiquidityEvent(
        seq, kind, block, build.START_TS, build.tx_hash(seq), seq, seq, owner, *span, liquidity=amount
    )


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ({}, {0, 2}),
        ({"amount": 6}, set()),
        ({"owner": OTHER}, set()),
        ({"owner": None}, {0, 2}),
        ({"span": (-120, 60)}, set()),
        ({"block": 101}, set()),
        ({"kind": "mint"}, set()),
    ],
)
def test_just_in_time_liquidity_is_minted_and_burnt_in_one_block(build, second, found):
    values = {"kind": "burn", "amount": 5} | second
    events = [liquidity(build, 0, "mint", 5), build.make_swap(1), liquidity(build, 2, **values)]
    assert jit_events(build.make_history(events)) == found


def test_burning_first_and_minting_again_is_no_jit_and_the_collect_belongs_to_it(build):
    turned = [liquidity(build, 0, "burn", 5), liquidity(build, 1, "mint", 5)]
    assert jit_events(build.make_history(turned)) == set()
    whole = [liquidity(build, 0, "mint", 5), liquidity(build, 1, "burn", 5), liquidity(build, 2, "collect", 0)]
    assert jit_events(build.make_history(whole)) == {0, 1, 2}


def trending(build, sender, recipients, gain, count=40, tx_index=0):
    """One sender buys token0 again and again; 60 s later the price has risen by ``gain``, or fallen (each 4th time)."""
    swaps, price = [], 1.0
    for turn in range(count):
        for step, (who, move) in enumerate(((sender, 0.0), (OTHER, gain if turn % 4 else -3 * gain))):
            price *= 1 + move
            up = who == sender or move > 0
            swaps.append(
                build.make_swap(
                    len(swaps),
                    block=100 + 40 * turn + 5 * step,
                    sender=who,
                    recipient=recipients[turn % len(recipients)] if who == sender else OTHER,
                    amount0=-(10**9) if up else 10**9,
                    amount1=int(price * 10**9) if up else -int(price * 10**9),
                    sqrt_price_x96=int(price**0.5 * build.ONE_X96),
                    tx_index=tx_index,
                )
            )
    return build.make_history(swaps)


def test_a_sender_at_the_top_of_the_block_that_knows_the_next_move_is_an_arbitrageur(build):
    history = trending(build, BOT, [BOT], 0.001, count=20)
    labels = label_swaps(history, "rules")
    (label,) = {labels[swap.seq] for swap in history.swaps if swap.sender == BOT}
    assert label.flow_class == "arbitrage"
    assert "top of the block" in label.rule
    assert "the pool's own later price" in label.rule
    deep = trending(build, BOT, [BOT], 0.001, count=20, tx_index=50)
    labels = label_swaps(deep, "rules")
    assert {labels[swap.seq].flow_class for swap in deep.swaps if swap.sender == BOT} == {"unknown"}


def test_a_significant_markout_makes_an_arbitrageur_of_a_sender_with_recipients(build):
    history = trending(build, BOT, [BOT, VICTIM], 0.004)
    labels = label_swaps(history, "rules")
    # three wins of 40 bps and one loss of 120 bps in turn: no mean, so no arbitrage by the pool's own price
    assert {labels[swap.seq].rule for swap in history.swaps if swap.sender == BOT} == {"no rule applies"}
    start, end = history.swaps[0].block_ts, history.swaps[-1].block_ts
    rising = tuple(PricePoint(ts, str(1 + number)) for number, ts in enumerate(range(start, end, 30)))
    labels = label_swaps(replace(history, prices=rising), "rules")
    (rule,) = {labels[swap.seq].rule for swap in history.swaps if swap.sender == BOT}
    assert "300-s markout" in rule
    assert "the reference price" in rule


def test_a_coarse_reference_price_is_not_used_for_markouts(build):
    history = trending(build, BOT, [BOT], 0.001, count=20)
    hourly = tuple(PricePoint(history.swaps[0].block_ts + 3600 * hour, "1") for hour in range(20))
    labels = label_swaps(replace(history, prices=hourly), "rules")
    assert any("the pool's own later price" in label.rule for label in labels.values())


def test_routers_and_senders_of_many_are_users(build):
    swaps = [build.make_swap(0, sender=ROUTER)]
    swaps += [build.make_swap(seq, sender=BOT, recipient=build.address(seq)) for seq in range(1, 6)]
    swaps += [build.make_swap(seq, sender=OTHER, recipient=build.address(seq)) for seq in range(6, 10)]
    labels = label_swaps(build.make_history(swaps), "rules")
    assert [labels[seq].flow_class for seq in range(10)] == ["user"] * 6 + ["unknown"] * 4
    assert labels[0].rule == f"through {ROUTERS[ROUTER]}"
    assert labels[1].rule == "its sender served 5 recipients"


def test_a_large_opposite_swap_right_behind_another_is_a_response(build):
    small = [(VICTIM, VICTIM, 10, -9)] * 30
    big = [(OTHER, OTHER, 1000, -900), (BOT, BOT, -800, 720)]
    swaps = case(build, *small, *big)
    labels = label_swaps(build.make_history(swaps), "rules")
    assert labels[31] == Label("arbitrage", "a large opposite swap right behind another in the block")
    assert labels[30].flow_class == "unknown"
    routed = case(build, *small, big[0], (ROUTER, BOT, -800, 720))
    assert label_swaps(build.make_history(routed), "rules")[31].flow_class == "user"
    later = [*swaps[:-1], replace(swaps[-1], block_number=101)]
    assert label_swaps(build.make_history(later), "rules")[31].flow_class == "unknown"
    little = case(build, *small, big[0], (BOT, BOT, -8, 7))
    assert label_swaps(build.make_history(little), "rules")[31].flow_class == "unknown"


def test_labels_of_the_source_overrule_the_rules_under_every_convention(build):
    swaps = [build.make_swap(seq, sender=ROUTER) for seq in range(6)]
    told = dict(enumerate(Label(name, "truth") for name in FLOW_CLASSES))
    history = build.make_history(swaps, labels=told)
    assert label_swaps(history, "rules") == told
    classes = {
        convention: [label.flow_class for label in label_swaps(history, convention).values()]
        for convention in CONVENTIONS
    }
    assert list(FLOW_CLASSES) == ["user", "unknown", "arbitrage", "sandwich", "jit", "liquidation"]
    assert classes["routers"] == ["user", "arbitrage", "arbitrage", "sandwich", "jit", "liquidation"]
    assert classes["all"] == ["user", "unknown", "unknown", "sandwich", "jit", "liquidation"]
    for convention in CONVENTIONS:
        wanted = orders(history, label_swaps(history, convention))
        assert {told[intent.seq].flow_class for intent in wanted} <= {"user", "unknown", "arbitrage"}
    with pytest.raises(ValueError, match="no convention"):
        label_swaps(history, "best")


def test_the_routers_are_addresses_in_lower_case():
    assert all(len(address) == 42 and address == address.lower() and int(address, 16) for address in ROUTERS)


# --- label files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def swaps(build):
    one = build.make_swap(0, tx_hash=build.tx_hash(1))
    return [one, replace(one, seq=1, log_index=1), build.make_swap(2, tx_hash=build.tx_hash(2), log_index=2)]


def label_file(tmp_path, *lines):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_label_file_gives_classes_limits_and_rules(build, swaps, tmp_path):
    path = label_file(
        tmp_path,
        "tx_hash,log_index,class,min_buy_amount,rule",
        f"{build.tx_hash(1)},1,user,980,ground truth",
        f"{build.tx_hash(2)},,arbitrage,,",
        f"{build.tx_hash(9)},,user,,",
    )
    found = read_labels(path, lambda _: swaps)
    assert found.labels == {1: Label("user", "ground truth"), 2: Label("arbitrage", "given by the label file")}
    assert found.known_limits == {1: 980}
    assert found.unmatched == 1


@pytest.mark.parametrize(
    ("row", "line", "field", "why"),
    [
        ("1,,bot,,", 2, "class", "must be one of"),
        ("1,,user,5,", 2, "log_index", "which of the transaction's 2 swaps"),
        ("1,0,user,991,", 2, "min_buy_amount", "above the 990"),
        ("1,0,user,1e3,", 2, "min_buy_amount", "whole number"),
        ("1,0,user,-3,", 2, "min_buy_amount", "whole number"),
        ("1,x,user,,", 2, "log_index", "whole number"),
        ("9,,user,,", None, None, "labels no swap"),
        ("1,,user,,|1,0,arbitrage,,", 3, "class", "labelled 'user' above"),
        ("1,0,user,5,|1,0,user,6,", 3, "min_buy_amount", "has the limit 5 above"),
    ],
)
def test_a_wrong_label_file_is_refused(build, swaps, tmp_path, row, line, field, why):
    rows = [f"{build.tx_hash(int(one[0]))}{one[1:]}" for one in row.split("|")]
    path = label_file(tmp_path, "tx_hash,log_index,class,min_buy_amount,rule", *rows)
    with pytest.raises(InputError, match=why) as refusal:
        read_labels(path, lambda _: swaps)
    assert (refusal.value.line, refusal.value.field) == (line, field)


@pytest.mark.parametrize("text", ["[", "{}", "[7]", '[{"front_tx": "0x12", "back_tx": "0x12"}]', "[]"])
def test_a_wrong_sandwich_file_is_refused(swaps, tmp_path, text):
    with pytest.raises(InputError):
        read_labels(label_file(tmp_path, text), lambda _: swaps)


# --- intents ---------------------------------------------------------------------------------------------------------


def test_a_swap_becomes_the_sale_of_exactly_its_input(build):
    swap = build.make_swap(3, amount0=-990, amount1=1000)
    intent = intent_of(swap, 950)
    assert (intent.seq, intent.sells_token0, intent.sell_amount, intent.min_buy_amount) == (3, False, 1000, 950)
    assert (intent.block_number, intent.placed_ts) == (swap.block_number, swap.block_ts)
    assert intent_of(swap, None).min_buy_amount is None


@pytest.mark.parametrize(("amount0", "amount1"), [(1, 0), (0, 1), (0, 0), (5, 3), (1000, -9)])
def test_a_swap_that_got_nothing_is_no_order(build, amount0, amount1):
    swap = build.make_swap(0, amount0=amount0, amount1=amount1)
    assert intent_of(swap, None) is None
    history = build.make_history([swap, build.make_swap(1)])
    assert [intent.seq for intent in orders(history, label_swaps(history, "rules"))] == [1]
    assert orders(history, dict.fromkeys((0, 1), Label("arbitrage", "x"))) == ()


def test_known_limits_reach_the_intents(build):
    history = build.make_history([build.make_swap(0), build.make_swap(1)], known_limits={1: 900})
    assert [intent.min_buy_amount for intent in orders(history, label_swaps(history, "rules"))] == [None, 900]
