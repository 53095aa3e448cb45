"""Friends take part in a pact through the page, with a wallet, on a real chain; any other contract is refused."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from browsing import chromium
from dinner import chat, drafted
from eth_abi.abi import encode
from rpc_world.anvil import Anvil
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from app.pact.join_page import join_page, selector
from synth.pact.draft import Contract
from verify.compile import compile_trusted
from verify.pact.compile import admit_pact
from verify.pact.terms import meetup_pact

WALLET = """
window.ethereum = { request: async ({ method, params }) => {
  if (method === "eth_requestAccounts") return ["%(account)s"];
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: params || [] });
  const headers = { "Content-Type": "application/json" };
  const reply = await (await fetch("%(url)s", { method: "POST", headers, body })).json();
  if (reply.error) throw Object.assign(new Error(reply.error.message), { data: reply.error.data });
  return reply.result;
} };
"""
COINS, TOKENS = "0.05 ETH", "20 USDC"


class Evening:
    """One pact on the chain, and a browser with its page."""

    def __init__(self, node, browser, folder, deposit):
        self.node, self.browser, self.folder = node, browser, folder
        self.people = node.accounts[1:4]
        self.token = self._token() if deposit == TOKENS else None
        self.draft = drafted(chat(deposit), people=self.people, token=self.token)
        self.code = admit_pact(self.draft.source, file="Pact.sol")
        self._script = None

    def send(self, **call):
        request = {"from": self.node.accounts[0], "gas": hex(6_000_000), **call}
        transaction = self.node.rpc("eth_sendTransaction", request)
        end = time.monotonic() + 20
        while (receipt := self.node.rpc("eth_getTransactionReceipt", transaction)) is None:
            assert time.monotonic() < end, "the node mined nothing"
            time.sleep(0.02)
        assert receipt["status"] == "0x1"
        return receipt

    def _token(self):
        code = compile_trusted(["harness/Token.sol"])["Token"].creation_code
        creation = code + encode(["uint8", "address"], [6, self.node.accounts[0]])
        token = self.send(data="0x" + creation.hex())["contractAddress"]
        for person in self.people:
            minting = encode(["address", "uint256"], [person, 100 * 10**6]).hex()
            self.send(to=token, data=selector("mint(address,uint256)") + minting)
        return token

    def deploy(self, pact=None, code=None):
        return self.send(data="0x" + (code or self.code).creation(pact or self.draft.pact).hex())["contractAddress"]

    def balance(self, person):
        if self.token is None:
            return int(self.node.rpc("eth_getBalance", person, "latest"), 16)
        data = selector("balanceOf(address)") + encode(["address"], [person]).hex()
        return int(self.node.rpc("eth_call", {"to": self.token, "data": data}, "latest"), 16)

    def at(self, ts):
        self.node.rpc("evm_setNextBlockTimestamp", hex(ts))
        self.node.rpc("evm_mine")

    def open(self, person, contract, draft=None):
        """The page, in this person's browser."""
        if self._script is not None:
            self.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._script})
        wallet = WALLET % {"account": self.people[person], "url": self.node.url}
        added = self.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": wallet})
        self._script = added["identifier"]
        self.browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})  # a wallet has a way of its own
        path = self.folder / "join.html"
        path.write_text(join_page(draft or self.draft, self.code))
        self.browser.get("about:blank")
        self.browser.get(f"{path.as_uri()}#{contract}")
        self.browser.find_element(By.CSS_SELECTOR, "#connect button").click()
        return self.said("This is the contract", "Stopped")

    def said(self, *beginnings):
        """Waits until the page says one of these, and returns it."""
        field = self.browser.find_element(By.ID, "said")
        WebDriverWait(self.browser, 30).until(lambda _: field.text.startswith(beginnings))
        return field.text

    def click(self, button):
        self.browser.find_element(By.ID, button).click()
        return self.said("Done", "Not done")

    def tick(self, person):
        self.browser.find_element(By.CSS_SELECTOR, f"input[value='{self.people[person].lower()}']").click()

    def offers(self):
        return {each.get_attribute("id") for each in self.browser.find_elements(By.CSS_SELECTOR, "#actions button")}


@pytest.fixture
def evening(tmp_path):
    """A function that sets an evening up, with deposits in coins or in a token."""
    with Anvil() as node, chromium() as browser:
        node.rpc("evm_setAutomine", True)

        def set_up(deposit):
            return Evening(node, browser, tmp_path, deposit)

        yield set_up


@pytest.mark.parametrize("deposit", [COINS, TOKENS])
def test_an_evening_through_the_page_pays_what_the_rehearsal_says(evening, deposit):
    here = evening(deposit)
    pact, contract = here.draft.pact, here.deploy()
    before = [here.balance(person) for person in here.people]
    for person in range(3):
        here.open(person, contract)
        assert here.click("join") == "Done."
        assert "join" not in here.offers()
    assert "Joined so far: Anna, Ben, Cleo." in here.browser.find_element(By.ID, "state").text
    here.at(pact.starts_ts)
    here.open(0, contract)
    here.tick(2)
    assert here.click("attest") == "Done."
    here.at(pact.attest_until_ts)
    here.open(2, contract)
    assert here.offers() == {"contest"}
    here.open(1, contract)
    assert here.click("contest") == "Not done: not found absent."
    here.at(pact.pays_from_ts)
    for person in (0, 1):
        here.open(person, contract)
        assert {"claim", "claim-to"} <= here.offers()
        assert here.click("claim") == "Done."
    here.open(2, contract)
    assert here.offers() == set()
    scene = next(scene for scene in here.draft.scenes if scene.title == "One stays away")
    for person, name in enumerate(("Anna", "Ben", "Cleo")):
        change = here.balance(here.people[person]) - before[person]
        expected = scene.paid_out[name] - scene.paid_in[name]
        if deposit == TOKENS:
            assert change == expected
        else:
            assert expected - 10**16 < change <= expected  # gas


def test_the_host_cancels_and_everybody_takes_the_deposit_back_elsewhere(evening):
    here = evening(TOKENS)
    contract = here.deploy()
    here.open(1, contract)
    here.click("join")
    assert here.offers() == set()
    here.open(0, contract)
    assert here.offers() == {"join", "cancel"}
    assert here.click("cancel") == "Done."
    here.open(1, contract)
    other = here.node.accounts[9]
    here.browser.find_element(By.ID, "elsewhere").send_keys("0x12")
    assert here.click("claim-to") == "Not done: this is no address: 0x and 40 hex digits."
    here.browser.find_element(By.ID, "elsewhere").clear()
    here.browser.find_element(By.ID, "elsewhere").send_keys(other)
    assert here.click("claim-to") == "Done."
    assert here.balance(other) == 20 * 10**6


def test_every_other_contract_is_refused(evening):
    here = evening(COINS)
    pact = here.draft.pact
    source = meetup_pact().read_text().replace("if (paid[who]) return 0;", "")
    drain = admit_pact(Contract(source, "Drain.sol").source, file="Drain.sol")
    refused = {
        here.deploy(code=drain): "another contract is at this address",
        here.deploy(replace(pact, deposit=pact.deposit + 1)): "has other terms",
        here.deploy(replace(pact, invited=(*pact.invited[:2], here.node.accounts[8].lower()))): "does not invite Cleo",
        here.node.accounts[7]: "there is no contract",
    }
    for contract, why in refused.items():
        assert why in here.open(1, contract)
        assert here.offers() == set()
    good = here.deploy()
    assert "is for chain 5" in here.open(1, good, replace(here.draft, chain_id=5))
    assert "not filled in yet" in here.open(1, good, replace(here.draft, stand_ins=frozenset({here.people[0]})))
    assert here.open(1, good).startswith("This is the contract")


def test_what_the_page_knows_is_what_the_contract_is_told(evening):
    here = evening(TOKENS)
    page = join_page(here.draft, here.code)
    start = page.index('id="pact">') + len('id="pact">')
    known = json.loads(page[start : page.index("</script>", start)])
    contract = here.deploy()
    answer = here.node.rpc("eth_call", {"to": contract, "data": known["selectors"]["terms"]}, "latest")
    assert answer == known["terms"]
    assert here.node.rpc("eth_getCode", contract, "latest") == known["code"]
    assert known["errors"][selector("JoiningIsOver()")] == "joining is over"
