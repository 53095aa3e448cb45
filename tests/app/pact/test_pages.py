"""The pages of a pact: everything that was agreed and that can happen is on them, and nothing in them runs."""

from __future__ import annotations

import html
import re

import pytest
from browsing import chromium
from dinner import HOSTILE, chat, drafted

from app.pact.join_page import join_page
from app.pact.plan_page import plan_page
from verify.pact.compile import admit_pact


@pytest.fixture(scope="module")
def plan():
    return drafted(chat())


def text_of(page):
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<(style|script)[^>]*>.*?</\1>|<[^>]+>", " ", page, flags=re.S)))


def test_the_plan_page_holds_every_term_citation_property_and_scene(plan):
    page = plan_page(plan)
    text = text_of(page)
    for term in plan.terms.terms.values():
        for cite in term.cites:
            assert f'id="message-{cite}"' in page
            assert text_of(html.escape(plan.cited[cite].text)) in text
    for said in plan.defaults.values():
        assert said in text
    for each in plan.report.to_json()["properties"].values():
        assert each["statement"] in text
    for scene in plan.scenes:
        assert scene.title in text
        assert f"{scene.told}." in text
    assert "Friday, 24 November 2023, 19:00 (UTC+00:00)" in text
    assert "Thursday, 23 November 2023, 12:00 (UTC+00:00)" in text
    assert "40 USDC (+20 USDC)" in text
    assert "0 USDC (−20 USDC)" in text
    assert "passed all 25 checks" in text
    for action in ("Joining", "Cancelling", "Saying who stayed away", "Contesting an absence", "Taking the own part"):
        assert re.search(rf"{action} [0-9,]{{6,}}", text)


def test_stand_ins_are_named_until_they_are_filled_in(plan):
    assert "the address of Ben" in text_of(plan_page(plan))
    assert "the token's contract" in text_of(plan_page(plan))
    filled = drafted(chat(), people=["0x" + f"{n}" * 40 for n in (1, 2, 3)], token="0x" + "4" * 40)
    assert "Before it can be used" not in plan_page(filled)


def test_a_contract_that_was_turned_down_is_no_invitation(plan):
    from dataclasses import replace

    from verify.pact.check import PactReport
    from verify.pact.properties import Counterexample

    report = PactReport("rejected", (Counterexample("double-claim", "Ben claims twice"),))
    text = text_of(plan_page(replace(plan, report=report, scenes=())))
    assert "nobody should join it" in text
    assert "Ben claims twice" in text


def test_nothing_in_a_chat_runs_or_becomes_markup(tmp_path):
    hostile = drafted(chat(names=(f"Anna {HOSTILE}", "Ben", "Cleo")))
    code = admit_pact(hostile.source, file="Pact.sol")
    with chromium() as browser:
        for name, page in (("plan", plan_page(hostile)), ("join", join_page(hostile, code))):
            path = tmp_path / f"{name}.html"
            path.write_text(page)
            browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})  # it must hold without the policy, too
            browser.get(path.as_uri())
            assert "Dinner" in browser.title
            assert browser.execute_script("return document.images.length") == 0
            assert "<img src=x" in browser.find_element("tag name", "body").text


def test_pages_fetch_nothing_and_their_script_runs_under_their_own_policy(plan, tmp_path):
    code = admit_pact(plan.source, file="Pact.sol")
    with chromium(390, 800) as browser:
        for name, page in (("plan", plan_page(plan)), ("join", join_page(plan, code))):
            path = tmp_path / f"{name}.html"
            path.write_text(page)
            browser.get(path.as_uri())
            assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
            assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
            wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0
        assert "has no wallet" in browser.find_element("id", "said").text
