"""The market's configuration: read strictly, every mistake named by file and key."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from ingest.errors import InputError
from verify.market import load_config
from verify.market.config import MarketConfig

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "embedded.toml"
TEXT = EMBEDDED.read_text()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """The embedded file with the first ``old`` replaced."""
    assert old in TEXT
    path = tmp_path / "market.toml"
    path.write_text(TEXT.replace(old, new, 1))
    return path


def test_the_embedded_file_holds_one_market_of_each_kind():
    configs = load_config(EMBEDDED)
    assert {name: config.pool.kind for name, config in configs.items()} == {"demo-v3": "v3", "demo-v2": "v2"}
    for name, config in configs.items():
        assert config.name == name
        assert config.blocks >= 2_000
        assert config.chain_id == 31337
        assert (config.base.symbol, config.base.decimals) == ("WETH", 18)
        assert (config.quote.symbol, config.quote.decimals) == ("USDC", 6)


def test_no_field_has_a_default():
    def sections(cls):
        yield cls
        for field in fields(cls):
            kind = getattr(load_config(EMBEDDED)["demo-v3"], field.name, None) if cls is MarketConfig else None
            if is_dataclass(kind):
                yield from sections(type(kind))

    for cls in sections(MarketConfig):
        with pytest.raises(TypeError, match="missing"):
            cls()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("seed = 2", "seed = 2\nsped = 3", "demo-v3.sped"),
        ('symbol = "WETH"', 'symbol = "WETH"\ncolour = 1', "demo-v3.base.colour"),
        ("jump_bps = 20", "jump_bp = 20", "demo-v3.price.jump_bp"),
        ("[demo-v3.gas]", "[demo-v3.gass]", "demo-v3.gass"),
    ],
)
def test_an_unknown_key_is_named_with_its_file(old, new, field, tmp_path):
    path = changed(tmp_path, old, new)
    with pytest.raises(InputError, match="is unknown; known are") as caught:
        load_config(path)
    assert caught.value.field == field
    assert caught.value.file == str(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "field"),
    [
        ("seed = 2\n", "demo-v3.seed"),
        ("jump_bps = 20\n", "demo-v3.price.jump_bps"),
        ("providers = 12\n", "demo-v3.liquidity.providers"),
    ],
)
def test_a_missing_key_is_named(old, field, tmp_path):
    with pytest.raises(InputError, match="is missing") as caught:
        load_config(changed(tmp_path, old, ""))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("seed = 2", 'seed = "2"', "demo-v3.seed", "must be of type int"),
        ("seed = 2", "seed = 2.0", "demo-v3.seed", "must be of type int"),
        ("seed = 2", "seed = true", "demo-v3.seed", "must be of type int"),
        ("depth = 552_000_000", 'depth = "deep"', "demo-v3.pool.depth", "must be of type float"),
        ('symbol = "WETH"', "symbol = 5", "demo-v3.base.symbol", "must be of type str"),
        ("half_widths = [100, 300, 1000]", "half_widths = 100", "demo-v3.liquidity.half_widths", "must be a list"),
        ("half_widths = [100, 300, 1000]", "half_widths = [1.5]", "demo-v3.liquidity.half_widths[0]", "type int"),
        ("bands = [[0, 0.08], ", "bands = [[0, 0.08, 3], ", "demo-v3.pool.bands[0]", "must be a list of 2"),
        ("seed = 2", "seed = -2", "demo-v3.seed", "must not be negative"),
        ("blocks = 2100", "blocks = 0", "demo-v3.blocks", "must be from 1 to"),
        ("0xc02ac02a", "0xC02ac02a", "demo-v3.base.address", "lower-case hex"),
        ('kind = "v3"', 'kind = "v4"', "demo-v3.pool.kind", "must be v2 or v3"),
        ("fee_pips = 500", "fee_pips = 0", "demo-v3.pool.fee_pips", "must be from 1"),
        ("fee_pips = 3000", "fee_pips = 500", "demo-v2.pool.fee_pips", "a v2 pair's fee is 3000"),
        ("[0, 0.08], ", "[0, 0.09], ", "demo-v3.pool.bands", "must add up to 1"),
        ("[0, 0.08], ", "[5000, 0.08], ", "demo-v3.pool.bands", "full range"),
        ("start = 2270", "start = 0", "demo-v3.price.start", "must be above 0"),
        ("start = 2270", "start = inf", "demo-v3.price.start", "must be above 0"),
        ("volatility_bps = 2.6", "volatility_bps = nan", "demo-v3.price.volatility_bps", "must not be negative"),
        ("planted_blocks = 1", "planted_blocks = 0", "demo-v3.price.planted_blocks", "at least 1"),
        ("persistence = 0.95", "persistence = 1", "demo-v3.gas.persistence", "below 1"),
        ("every_blocks = 0", "every_blocks = 5", "demo-v3.users.every_blocks", "one of them must be 0"),
        ("delayed_share = 0.3", "delayed_share = 1.3", "demo-v3.users.delayed_share", "share from 0 to 1"),
        ("delay_blocks = 3", "delay_blocks = 0.5", "demo-v3.users.delay_blocks", "at least 1"),
        ("slack = [[0, 10], ", "slack = [", "demo-v3.users.slack", "must go from 0 to 1"),
        ("slack = [[0, 10], ", "slack = [[0, 60], ", "demo-v3.users.slack", "must ascend"),
        ("[1, 3000]]", "[1, 10000]]", "demo-v3.users.slack", "between 0 and 10000"),
        ("router_shares = [0.54, ", "router_shares = [", "demo-v3.users.router_shares", "one share above 0 for each"),
        ("router_shares = [0.54, ", "router_shares = [0.64, ", "demo-v3.users.router_shares", "must add up to 1"),
        ("activity = 0.75", "activity = 2", "demo-v3.arbitrage.activity", "share from 0 to 1"),
        ("max_front = 1_900_000", "max_front = -1", "demo-v3.sandwich.max_front", "must not be negative"),
        ("half_widths = [100, 300, 1000]", "half_widths = []", "demo-v3.liquidity.half_widths", "given for v3"),
        ("jit_share = 0\n", "jit_share = 0.1\n", "demo-v2.liquidity.jit_share", "has no ranges"),
        ("[demo-v3]\n", "", "seed", "must be a table"),
        ("[demo-v3.base]", "[demo-v3.nothing]\n[demo-v3.base]", "demo-v3.nothing", "is unknown"),
    ],
)
def test_what_is_wrong_is_named(old, new, field, message, tmp_path):
    path = changed(tmp_path, old, new)
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert caught.value.field == field
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "describes no market"), (b"[a", "is no TOML"), (b"\xff", "is no TOML")]
)
def test_a_file_that_is_none(content, message, tmp_path):
    path = tmp_path / "market.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_config(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "absent.toml")


def test_a_configuration_made_in_code_is_checked_too():
    config = load_config(EMBEDDED)["demo-v3"]
    with pytest.raises(InputError, match="must be a share"):
        replace(config, arbitrage=replace(config.arbitrage, activity=-1))
