"""A candidate's project: forge settles batches of history again, to the wei, and notices another rule."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace

import pytest
from forge import Forge, write
from rpc_world.anvil import CHAIN_ID, Anvil
from rules import LAZY, bundled
from v4_histories import as_v4

from ingest.content import content_id
from ingest.errors import InputError, PactsmithError
from ingest.store import Store
from verify.abi import selector
from verify.foundry.candidate import Sampling, candidate_project
from verify.foundry.solidity import sentence
from verify.kept import kept
from verify.run import Options, verify

WINDOW = 5


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    return Forge(tmp_path_factory.mktemp("forge"))


def judged(history, store, *rules, window=WINDOW):
    """The document of a run over a stored history."""
    store.write_history(history)
    return verify(history, rules, store, Options(windows=(window,), elasticity=None))


def project_of(store, document, name, sampling=None, **changes):
    (card,) = [card for card in document["candidates"] if card["name"] == name]
    (candidate,) = [one for one in kept(store, document["run_id"]) if one.candidate_id == card["candidate_id"]]
    return candidate_project(store, document, card, replace(candidate, **changes), sampling or Sampling(5, 5))


def batches_of(project):
    return [json.loads(text) for path, text in project.items() if path.startswith("test/batches/")]


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """An auction, and a rule that leaves every order to the fallback."""
    store = Store(tmp_path_factory.mktemp("store"))
    return store, judged(simulated("demo-v3", blocks=80, seed=11), store, *bundled("CallAuction"), LAZY)


@pytest.fixture(scope="module")
def auction(run, forge, tmp_path_factory):
    project = project_of(*run, "CallAuction")
    folder = write(project, tmp_path_factory.mktemp("project"))
    return project, folder, forge.tests(folder)


def passing(project):
    """What forge says where every batch comes to the same."""
    return {f"VerdictTest.test_block_{batch['block']}": None for batch in batches_of(project)}


def test_forge_settles_every_batch_to_what_the_store_recorded(auction):
    project, _, tests = auction
    assert tests == passing(project)
    bought = [int(amount) for batch in batches_of(project) for amount in batch["bought"]]
    assert len(tests) == 10
    assert sum(map(bool, bought)) > len(bought) // 2


def test_another_rule_is_noticed(forge, auction):
    project, folder, _ = auction
    before, pay, after = project["src/CallAuction.sol"].partition("function _pay(")
    write({"src/CallAuction.sol": before + pay + after.replace("p.light + p", "p.light | p", 1)}, folder)
    assert any(forge.tests(folder).values())


def test_what_was_left_unfilled_gets_on_the_pool_what_the_store_recorded(run, forge, tmp_path):
    project = project_of(*run, "Lazy")
    assert all(int(amount) for batch in batches_of(project) for amount in batch["fallbackReceived"])
    assert not any(int(amount) for batch in batches_of(project) for amount in batch["bought"])
    wrong = batches_of(project)[0]
    more = wrong | {"fallbackReceived": [str(int(amount) + 1) for amount in wrong["fallbackReceived"]]}
    place = f"test/batches/block_{wrong['block']}.json"
    tests = forge.tests(write(project | {place: json.dumps(more)}, tmp_path))
    failed = {name: why for name, why in tests.items() if why}
    assert tests.keys() == passing(project).keys()
    assert list(failed) == [f"VerdictTest.test_block_{wrong['block']}"]
    assert "what a fallback got" in failed[f"VerdictTest.test_block_{wrong['block']}"]


def test_the_largest_batches_are_among_them_and_the_seed_draws_the_others(run):
    every = batches_of(project_of(*run, "Lazy", Sampling(1000, 0)))
    few = [batches_of(project_of(*run, "Lazy", Sampling(3, 4, seed))) for seed in (1, 1, 2)]
    assert [len(batches) for batches in few] == [7, 7, 7]
    assert few[0] == few[1] != few[2]
    assert all(batch in every for batches in few for batch in batches)


def test_what_does_not_come_to_the_same_is_not_exported(run):
    store, document = run
    (lazy,) = [one for one in kept(store, document["run_id"]) if "contract Lazy" in one.source]
    with pytest.raises(PactsmithError, match="does not come to what the store recorded"):
        project_of(store, document, "CallAuction", evaluation=lazy.evaluation)


def test_another_history_of_that_name_is_refused(run):
    store, document = run
    with pytest.raises(InputError, match="not the history any more"):
        project_of(store, document | {"history_content_id": "0" * 64}, "Lazy")


def test_a_run_on_a_fork_is_refused(run):
    store, document = run
    forked = document | {"market": document["market"] | {"fork": {"content_id": "0" * 64}}}
    with pytest.raises(InputError, match="on a fork"):
        project_of(store, forked, "Lazy")


def test_the_readme_says_the_verdict_and_what_the_tests_do_not_show(run):
    store, document = run
    readme = project_of(store, document, "CallAuction")["README.md"]
    (card,) = [card for card in document["candidates"] if card["name"] == "CallAuction"]
    assert readme.startswith(f"# CallAuction: {card['verdict']}\n")
    assert sentence(card["verdict_why"]) in readme
    assert "They do not show the verdict's figures" in readme
    assert f"settles 10 of the {card['batches']} batches" in readme
    assert "Uniswap's own bytecode" in readme


def test_names_from_outside_stay_words(run):
    store, document = run
    hostile = "x](http://a) <script>\u202e\n# | `"
    market = document["market"]
    market = market | {"pool": market["pool"] | {"token0": hostile}}
    readme = project_of(store, document | {"caveats": [hostile], "market": market}, "Lazy")["README.md"]
    assert not re.search("[<>\u202e]|://|x\\]", readme.replace("https://getfoundry.sh", ""))
    plain_readme = project_of(store, document | {"caveats": ["x"]}, "Lazy")["README.md"]
    assert readme.count("\n") == plain_readme.count("\n")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["v2", "v3", "v4"])
@pytest.mark.parametrize("window", [1, 5])
def test_on_every_kind_of_pool_also_with_a_state(simulated, forge, tmp_path, kind, window):
    history = simulated("demo-v2" if kind == "v2" else "demo-v3", blocks=120, seed=11)
    history = as_v4(history) if kind == "v4" else history
    history = replace(history, content_id=content_id(history))
    store = Store(tmp_path / "store")
    rules = bundled("MidpointCrossing", "VolatilityDonation")
    document = judged(history, store, *rules, window=window)
    for rule in rules:
        project = project_of(store, document, rule.name)
        tests = forge.tests(write(project, tmp_path / rule.name))
        assert tests == passing(project)


@pytest.mark.long
def test_rule_and_kernel_are_deployed_where_the_pools_are(simulated, forge, tmp_path):
    store = Store(tmp_path / "store")
    document = judged(simulated("demo-v3", blocks=60, chain_id=CHAIN_ID), store, *bundled("VolatilityDonation"))
    project = project_of(store, document, "VolatilityDonation", Sampling(1, 0))
    folder = write(project, tmp_path / "project")
    with closing(Anvil()) as node:
        node.rpc("evm_setAutomine", True)
        sender = "--broadcast", "--unlocked", "--sender", node.accounts[0]
        script = "script", "script/Deploy.s.sol", "--rpc-url", node.url, *sender
        assert "NoPool" in forge.run(folder, *script).stderr
        for address, account in json.loads(project["test/state/world.json"]).items():
            node.rpc.batch([("anvil_setStorageAt", address, *slot) for slot in account.get("storage", {}).items()])
            node.rpc("anvil_setCode", address, account.get("code", "0x"))
        node.rpc("evm_mine")  # forge keeps what it read of a block
        done = forge.run(folder, *script)
        assert done.returncode == 0, done.stdout + done.stderr
        rule, kernel = re.findall(r": (?:address|contract \w+) (0x[0-9a-fA-F]{40})", done.stdout)
        rule_of_kernel = node.rpc("eth_call", {"to": kernel, "data": "0x" + selector("rule()").hex()}, "latest")
        assert rule_of_kernel[-40:] == rule[2:].lower()
        assert node.rpc("eth_getCode", rule, "latest") != "0x"


@pytest.mark.long
@pytest.mark.shared_data
def test_batches_of_a_real_day_with_another_pool_beside(mainnet_hour, mainnet_day_dearer, forge, tmp_path):
    store = Store(tmp_path / "store")
    for history in (mainnet_hour, mainnet_day_dearer):
        store.write_history(history)
    rules, options = bundled("MidpointCrossing"), Options(windows=(WINDOW,), elasticity=None)
    rules = [replace(rule, parameters={**rule.parameters, "bestVenue": 1}) for rule in rules]
    document = verify(mainnet_hour, rules, store, options, beside=[mainnet_day_dearer])
    project = project_of(store, document, "MidpointCrossing", Sampling(10, 10))
    assert forge.tests(write(project, tmp_path / "project")) == passing(project)
    assert len(batches_of(project)) == 20
