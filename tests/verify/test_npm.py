"""The npm parts are found where they are, and missed with words that help."""

import json

import pytest
from eth_hash.auto import keccak

from verify.npm import NpmPartMissingError, artifact, creation_code, node_modules

POOL = "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
PAIR = "@uniswap/v2-core/build/UniswapV2Pair.json"


def test_the_genuine_bytecode_is_read():
    # The pools' init-code hashes on mainnet: UniswapV2Library.pairFor and PoolAddress.POOL_INIT_CODE_HASH.
    pair, pool = artifact(PAIR), artifact(POOL)
    assert keccak(bytes.fromhex(pair["bytecode"])).hex() == (
        "96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"
    )
    assert keccak(bytes.fromhex(pool["bytecode"][2:])).hex() == (
        "e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"
    )


def test_the_setting_decides_and_a_wrong_one_is_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.json").write_text(json.dumps({"abi": []}))
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path))
    assert node_modules() == tmp_path.resolve()
    assert artifact("x/a.json") == {"abi": []}
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path / "none"))
    with pytest.raises(NpmPartMissingError, match="make setup"):
        node_modules()


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_what_is_missing_or_broken_says_what_to_do(tmp_path, monkeypatch, content):
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path))
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(NpmPartMissingError, match=r"a\.json.*make setup"):
        artifact("a.json")


def test_creation_code_is_read_however_a_compiler_wrote_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PACTSMITH_NODE_MODULES", str(tmp_path))
    for bytecode in ("60fe", "0x60fe", {"object": "0x60fe", "linkReferences": {}}):
        (tmp_path / "a.json").write_text(json.dumps({"bytecode": bytecode}))
        assert creation_code("a.json") == bytes.fromhex("60fe")
    for content in ({}, {"bytecode": {}}, {"bytecode": "0x60__$lib$__"}, {"bytecode": 5}):
        (tmp_path / "a.json").write_text(json.dumps(content))
        with pytest.raises(NpmPartMissingError, match=r"a\.json has no bytecode: run `make setup`"):
            creation_code("a.json")


@pytest.mark.parametrize("path", ["../package.json", "/etc/passwd"])
def test_only_what_lies_below_is_read(path):
    with pytest.raises(ValueError, match="below node_modules"):
        artifact(path)
