"""The report: complete, self-contained, the same bytes for the same document, and deaf to what strangers write."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.report.page import render, write_report
from app.words import VERDICTS

OF_THE_RUN = {"seconds", "from_store", "report"}


class Page(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "br", "hr", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())


@pytest.fixture(scope="module")
def document(run):
    return run.document


@pytest.fixture(scope="module")
def source(document):
    return Path(document["report"]["html"]).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_the_page_says_what_was_replayed_and_what_came_out(document, page):
    audit = document["audit"]
    for told in (
        "simulated market: not real trading",
        "No improvement: no candidate was shown to beat the plain AMM",
        f"{audit['exact']} of {audit['swaps']} swaps exact to the wei",
        "WETH/USDC",
        document["run_id"],
    ):
        assert told in page.text or told.replace("WETH/USDC", "USDC/WETH") in page.text
    for card in document["candidates"]:
        assert " ".join(card["verdict_why"].split()) in page.text
    for caveat in document["caveats"]:
        assert caveat in page.text


def test_every_part_of_a_scorecard_is_there(document, page):
    card = document["candidates"][0]
    for gate, answer in card["gates"].items():
        assert gate.replace("_", " ") in page.text
        assert answer["detail"] in page.text
    for name in card["sensitivity"]:
        assert name in page.text
    for heading in (
        "Where the change comes from",
        "Who gained, who paid",
        "Batch sizes",
        "Single orders",
        "Would another reading of history change the verdict?",
        "By class",
        "By order size",
        "Fills, gas, fairness",
        "Not measured",
        "Audit",
        "What this rests on",
        "Caveats",
    ):
        assert heading in page.text
    for baseline in ("History", "AMM without bots", "Each order alone"):
        assert baseline in page.text
    for verdict in VERDICTS:
        assert verdict in page.text


def test_what_was_not_measured_is_said_with_its_reason_and_never_0(document, page):
    unmeasured = {
        name: value
        for name, value in document["candidates"][0]["metrics"]["heldout"].items()
        if value.get("status") == "unscored"
    }
    assert {"bad_ev", "regret_bps", "order_dependence_bps"} <= unmeasured.keys()
    for value in unmeasured.values():
        assert value["reason"] in page.text
    assert page.text.count("unscored") >= len(unmeasured)


def test_numbers_explain_themselves(page):
    titles = [value for _, name, value in page.attributes if name == "title"]
    assert any("M = 10⁴·[(ŷ − y_amm)" in title and "orders" in title for title in titles)
    assert any("bots" in title for title in titles)


def test_a_rejected_candidate_is_a_row_with_its_reason(document, page):
    rejected = document["candidates"][1]
    assert "⊘ rejected" in page.text
    assert rejected["gates"]["admission"]["detail"] in page.text


def test_nothing_is_fetched_and_nothing_runs(source, page):
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "form", "video", "audio"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name != "style", "the policy forbids inline styles"
        if name in {"href", "src", "action", "data", "xlink:href", "poster", "srcset"}:
            assert value.startswith("#"), (tag, name, value)
    style = source.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_links_within_the_page_lead_somewhere(page):
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, name, value in page.attributes if name == "href"} <= set(ids)


def test_the_policy_allows_this_style_sheet_and_nothing_else(source, page):
    (policy,) = [value for _, name, value in page.attributes if name == "content" and "default-src" in value]
    style = source.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_same_document_gives_the_same_bytes(document, source, tmp_path):
    files = write_report(document, tmp_path)
    assert files.html.read_text(encoding="utf-8") == source
    stored = json.loads(files.json.read_text())
    shuffled = json.loads(files.json.read_text(), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert list(shuffled) == list(stored)[::-1]
    assert render(shuffled) == source
    assert "seconds" not in shuffled
    assert not re.search(r"\d{2}:\d{2}:\d{2}", source)


def test_the_json_beside_it_is_the_document(document):
    stored = json.loads(Path(document["report"]["json"]).read_text())
    assert stored == {key: value for key, value in document.items() if key not in OF_THE_RUN}


def test_colours_have_the_contrast_that_reading_needs(source):
    """WCAG 2 AA, 4.5 to 1, for every colour that text has, in both themes."""
    style = source.split("<style>")[1].split("</style>")[0]
    themes = re.findall(r":root \{([^}]*)\}", style)[:2]
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", theme))
        for name in ("ink", "dim", "blue", "good", "bad", "mixed"):
            for ground in ("paper", "raised"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground, theme)


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_strangers_write_stays_text_on_the_page(hostile_run):
    assert hostile_run.code == 0, hostile_run.err
    document = hostile_run.document
    source = Path(document["report"]["html"]).read_text(encoding="utf-8")
    page = Page(source)
    assert not {"script", "img", "b"} & set(page.tags)
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    for hostile in ("<img src=x onerror=alert(1)>", "<script>alert(3)<"):
        assert hostile in page.text
        assert hostile not in source
    assert document["history"] == "<img src=x onerror=alert(1)>"


def test_every_string_of_a_document_is_escaped(document, source):
    """Puts markup into each string of a real document, wherever it may be shown, and looks for it unescaped."""
    rendered = render(poison({key: value for key, value in document.items() if key not in OF_THE_RUN}))
    assert "<script>" not in rendered
    assert "&lt;script&gt;" in rendered
    assert Page(rendered).tags.count("script") == 0
    assert len(rendered) > len(source)


def poison(value, key=""):
    keep = {"candidate_id", "status", "verdict", "verdict_class", "by", "default_gas_price_wei"}
    if isinstance(value, dict):
        return {name: poison(found, name) for name, found in value.items()}
    if isinstance(value, list):
        return [poison(found, key) for found in value]
    if isinstance(value, str) and key not in keep and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return value + "\"'><script>alert(1)</script>"
    return value
