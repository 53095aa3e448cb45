"""Tokens as they come: each is found out by what it does, and refused by the name of what is odd."""

from __future__ import annotations

import pytest
from fork_world import PLENTY, node_at, put, send
from rpc_world.anvil import Anvil
from rpc_world.contracts import Contract, code
from rpc_world.deploy import deploy

from ingest.errors import InputError
from ingest.fork.reader import StateReader
from ingest.fork.records import Keys
from ingest.records import History, Pool, PoolState, Token
from verify.fork.base import ForkBase
from verify.fork.dryrun import Known
from verify.fork.machine import ForkedEvm
from verify.fork.prepare import prepare_fork
from verify.fork.tokens import examine_token
from verify.ledger import DRIVER_FUNDS

HOLDER = "0x" + "99" * 20
PARTY = "0x" + "77" * 20


@pytest.fixture(scope="module")
def world():
    with Anvil() as chain:
        yield deploy(chain)


@pytest.fixture
def token(world):
    """Deploys an odd token of which the holder has plenty."""

    def make(name, *arguments, amount=PLENTY):
        made = put(world, name, *arguments)
        send(world, made, "mint", HOLDER, amount)
        return made

    return make


def report_of(world, token, holder=HOLDER, **more):
    with node_at(world.chain.url) as node:
        return examine_token(StateReader(node, world.head), token.address, holder, **more)


@pytest.mark.parametrize("decimals", [0, 6, 18, 255])
def test_a_plain_token_is_fit_whatever_its_decimals(world, token, decimals):
    report = report_of(world, token("Plain", decimals))
    assert (report.decimals, report.answer, report.found) == (decimals, "true", ())
    report.require_fit()


def test_a_token_that_answers_nothing_is_fit(world, token):
    report = report_of(world, token("Silent"))
    assert (report.decimals, report.answer, report.found) == (6, "nothing", ())


@pytest.mark.parametrize(
    ("name", "amount", "oddity", "seen"),
    [
        ("SaysFalse", PLENTY, "returns false", "0000"),
        ("Taxed", PLENTY, "fee on transfer", "0.5 % less"),
        ("TaxesMuch", 10**6, "fee on transfer", "of 500000 sent 495000 arrive: 1 % less"),
        ("TakesMore", PLENTY, "takes another amount", "001 and"),
        ("Shares", PLENTY, "rebasing", "computed"),
        ("Growing", PLENTY, "rebasing", "after 30 days"),
        ("Limited", PLENTY, "amounts limited", "too much at once"),
        ("Reflecting", PLENTY, "moves others' balances", "bystander"),
    ],
)
def test_an_odd_token_is_refused_by_name(world, token, name, amount, oddity, seen):
    arguments = (18,) if name == "Plain" else ()
    made = token(name, *arguments, amount=amount)
    report = report_of(world, made)
    assert any(one.oddity == oddity and seen in one.seen for one in report.found), report.found
    with pytest.raises(InputError, match=f"{made.address} cannot be settled in.*{oddity}"):
        report.require_fit()


def test_balances_that_move_without_a_transfer_are_seen_where_they_stand_still(world, token):
    """At the fork nothing moves: that balances are shares of a pot shows before the pot changes."""
    made = token("Shares")
    before = report_of(world, made)
    send(world, made, "rebase", 4 * PLENTY)
    assert {one.oddity for one in before.found} == {one.oddity for one in report_of(world, made).found} == {"rebasing"}


def test_a_blocklist_is_no_oddity_until_somebody_is_on_it(world, token):
    made = token("Blocking")
    assert report_of(world, made, parties=[PARTY]).found == ()
    send(world, made, "setBlocked", PARTY, True)
    (found,) = report_of(world, made, parties=[PARTY]).found
    assert (found.oddity, found.seen) == ("address blocked", f"{PARTY} cannot get any: reverted 'blocked'")
    send(world, made, "setBlocked", PARTY, False)
    send(world, made, "setBlocked", HOLDER, True)
    found = report_of(world, made).found[0]
    assert (found.oddity, found.seen) == ("transfers revert", "reverted 'blocked'")


def test_a_token_that_is_paused_is_refused(world, token):
    made = token("Blocking")
    send(world, made, "setPaused", True)
    found = report_of(world, made, parties=[PARTY]).found
    assert {one.oddity for one in found} == {"transfers revert"}


def test_uniswaps_own_token_with_a_tax_is_found_out(world):
    """`DeflatingERC20` burns 1 % of each transfer."""
    pair = world.venues["v2 TAXED/WETH"].address
    report = report_of(world, world.contracts["TAXED"], pair)
    assert any(one.oddity == "fee on transfer" and "1 % less" in one.seen for one in report.found)


def test_a_balance_with_a_flag_in_it_behind_a_proxy_is_a_stored_number(world):
    pool = world.venues["v3 USD/WETH 500"].address
    behind = put(world, "Packed")
    made = Contract(put(world, "Proxy", behind.address).address, behind.abi)
    send(world, made, "mint", pool, PLENTY)
    report = report_of(world, made, pool)
    assert report.found == ()
    assert report.ledger is not None
    assert (report.ledger.contract, report.ledger.bits) == (made.address, 255)


def test_a_pool_whose_balance_shares_a_word_with_something_is_refused(world):
    """What history says of the pool's balance could not be written without losing the rest."""
    packed, usd = put(world, "Packed"), world.contracts["USD"]
    world.mine([world.call("v2 factory", "createPair", packed.address, usd.address)])
    ((pair,),) = world.ask([("v2 factory", "getPair", packed.address, usd.address)])
    for token in (packed, usd):
        send(world, token, "mint", pair, PLENTY)
    send(world, Contract(pair, code("UniswapV2Pair").abi), "mint", HOLDER)
    tokens = [Token(address, "", 6) for address in sorted((packed.address, usd.address))]
    pool = Pool("v2", 1, pair, *tokens, 3000, 0)
    with node_at(world.chain.url) as node:
        fork = prepare_fork(StateReader(node, world.head), [pool]).fork
    with pytest.raises(InputError, match=f"keeps more than the balance of {pair} in one word"):
        ForkBase.of(fork, [History("packed", "", "chain", PoolState(pool, None), ())])


def test_a_balance_of_fewer_bits_leaves_room_for_what_a_harness_gives(world, token):
    made = token("Narrow")
    ledger = report_of(world, made).ledger
    assert ledger.bits == 96
    assert 10**27 < ledger.trader_funds < ledger.driver_funds < 1 << 95
    assert report_of(world, token("Plain", 18)).ledger.driver_funds == DRIVER_FUNDS


def test_through_its_ledger_somebody_can_be_given_some(world, token):
    made = token("Silent")
    with node_at(world.chain.url) as node:
        reader = StateReader(node, world.head)
        report = examine_token(reader, made.address, HOLDER)
        reader.fetch(Keys(frozenset({PARTY}), frozenset({report.ledger.slot(PARTY)})))
        evm = ForkedEvm.of(reader.fork())
    evm.rebase({report.ledger.slot(PARTY): 77})
    with evm.anchor():
        answer = evm.call(made.address, bytes.fromhex(made.data("balanceOf", PARTY)[2:]), sender=HOLDER)
    assert int.from_bytes(answer, "big") == 77


def test_nothing_of_the_trial_stays(world, token):
    made = token("Plain", 18)
    with node_at(world.chain.url) as node:
        reader = StateReader(node, world.head)
        first = examine_token(reader, made.address, HOLDER)
        fork = reader.fork()
    assert examine_token(Known(fork), made.address, HOLDER) == first
    assert fork.accounts[HOLDER].code == b""
    assert fork.accounts[made.address].storage[first.ledger.slot(HOLDER)[1]] == PLENTY


def test_what_is_no_token_and_who_has_none_are_told_apart(world, token):
    with pytest.raises(InputError, match="is no token"):
        report_of(world, world.contracts["v2 factory"])
    with pytest.raises(InputError, match="next to none"):
        report_of(world, token("Plain", 18), "0x" + "98" * 20)


@pytest.mark.parametrize("name", ["MUTE", "VOID", "ODD"])
def test_a_token_that_does_not_tell_its_decimals_has_none(world, name):
    assert report_of(world, world.contracts[name], world.venues[f"v2 {name}/WETH"].address).decimals is None
