"""What pools and tokens are, and what they held at a block, asked of the genuine contracts."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from eth_abi import encode
from faulty_proxy import FaultyProxy
from hypothesis import given
from hypothesis import strategies as st
from rpc_faults import Faults
from rpc_provider import DIALECTS_OF_NO_STATE, Provider
from rpc_world.anvil import CHAIN_ID, Anvil
from rpc_world.histories import decoded
from rpc_world.traffic import played
from scripted_node import ScriptedNode, error, result

from ingest.chain_store import ChainStore
from ingest.errors import InputError
from ingest.records import Token
from ingest.rpc.errors import AnswerError, NoStateError
from ingest.rpc.node import Node
from ingest.rpc.pools import FoundPool, creation_block, describe_pool, find_pool, with_creation
from ingest.rpc.state import initialised, read_pool_state
from ingest.rpc.tokens import MAX_SYMBOL_CHARS, NATIVE, read_token, short, symbol_of

VENUES = (
    "v2 USD/WETH", "v2 MKR/WETH", "v3 USD/WETH 500", "v3 USD/WETH 3000", "v3 MKR/USD 10000", "v4 USD/WETH 3000",
    "v4 ETH/USD 500",
)  # fmt: skip


@pytest.fixture(scope="module")
def world():
    with Anvil() as chain:
        yield played(chain, blocks=30).world


@pytest.fixture(scope="module")
def node(world):
    with node_at(world.chain.url) as made:
        yield made


@pytest.fixture(scope="module")
def manager(world) -> str:
    return world.contracts["v4 manager"].address


def node_at(url: str, **changes) -> Node:
    spread = random.Random(1)
    return Node(url, **({"generator": spread, "backoff_s": 0.001, "timeout_s": 10.0, "attempts": 3} | changes))


def asked_as(venue) -> str:
    return venue.pool_id or venue.address


def created(world, venue) -> int:
    """The block of the log that tells of a pool's creation."""
    if venue.kind == "v4":
        return world.truth.logs(venue.address, None, venue.pool_id)[0].block_number
    factory = world.contracts[f"{venue.kind} factory"].address
    return next(log.block_number for log in world.truth.logs(factory) if venue.address[2:] in log.data)


# ---------------------------------------------------------------- pools


@pytest.mark.parametrize("name", VENUES)
def test_a_pool_is_described_by_its_contract(world, node, manager, name):
    venue = world.venues[name]
    found = describe_pool(node, asked_as(venue).upper().replace("0X", "0x"), manager=manager)
    pool = found.pool
    assert (pool.kind, pool.chain_id, pool.address) == (venue.kind, CHAIN_ID, asked_as(venue))
    assert (pool.token0.address, pool.token1.address) == (venue.token0, venue.token1)
    assert (pool.fee_pips, pool.tick_spacing) == (venue.fee_pips, venue.tick_spacing)
    assert (found.emitter, found.hooks, found.dynamic_fee) == (venue.address, None, False)
    assert FoundPool.from_text(found.text()) == found


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("state_blocks", [None, 3])
def test_a_pools_creation_is_found_with_old_state_and_without(world, manager, name, state_blocks):
    venue = world.venues[name]
    with FaultyProxy(world.chain.url, provider=Provider(state_blocks=state_blocks, max_blocks=20)) as proxy:
        node = node_at(proxy.url)
        found = describe_pool(node, asked_as(venue), manager=manager)
        block = found.created_block if venue.kind == "v4" else creation_block(node, found)
    assert block == created(world, venue)


def test_a_pool_without_a_factory_is_found_by_its_first_log(world, manager):
    venue = world.venues["v3 USD/WETH 500"]
    with FaultyProxy(world.chain.url, provider=Provider(state_blocks=3)) as proxy:
        node = node_at(proxy.url)
        found = describe_pool(node, venue.address)
        assert (
            creation_block(node, FoundPool(found.pool, found.emitter))
            == world.truth.logs(venue.address)[0].block_number
        )


def test_a_pool_that_was_found_is_kept(world, manager, tmp_path):
    store = ChainStore(tmp_path)
    with FaultyProxy(world.chain.url) as proxy:
        node = node_at(proxy.url)
        for name in VENUES:
            venue = world.venues[name]
            found = find_pool(node, store, asked_as(venue), manager=manager)
            found = with_creation(node, store, found)
            assert found.created_block == created(world, venue)
            asked = proxy.requests
            assert find_pool(node, store, asked_as(venue)) == found
            assert proxy.requests == asked + 1  # for the chain's id
            assert with_creation(node, store, found) == found
            assert proxy.requests == asked + 1
        pair = asked_as(world.venues["v2 USD/WETH"])
        assert find_pool(node, store, pair, v2_fee_pips=2500).pool.fee_pips == 2500
        assert find_pool(node, store, pair).pool.fee_pips == 2500


def test_what_the_user_tells_of_a_pool_is_held_against_what_was_kept(world, node, manager, tmp_path):
    store = ChainStore(tmp_path)
    mute, pair = world.tokens["MUTE"], asked_as(world.venues["v2 MUTE/WETH"])

    def decimals_of(found):
        return {found.pool.token0.address: found.pool.token0.decimals} | {
            found.pool.token1.address: found.pool.token1.decimals
        }

    assert decimals_of(find_pool(node, store, pair, decimals={mute: 18}))[mute] == 18
    assert decimals_of(find_pool(node, store, pair))[mute] == 18
    assert decimals_of(find_pool(node, store, pair, decimals={mute: 7}))[mute] == 7
    assert decimals_of(find_pool(node, store, pair))[mute] == 7
    with pytest.raises(InputError, match="says that it has 18 decimals, not 6"):
        find_pool(node, store, pair, decimals={mute: 7, world.tokens["WETH"]: 6})
    pool = asked_as(world.venues["v4 USD/WETH 3000"])
    find_pool(node, store, pool, manager=manager)
    with pytest.raises(InputError, match="began no pool"):
        find_pool(node, store, pool, manager=world.tokens["USD"])


def test_a_creation_that_is_told_is_not_looked_for(world, tmp_path):
    pair = asked_as(world.venues["v2 USD/WETH"])
    block = created(world, world.venues["v2 USD/WETH"])
    with FaultyProxy(world.chain.url) as proxy:
        node, store = node_at(proxy.url), ChainStore(tmp_path)
        found = find_pool(node, store, pair, created_block=block)
        assert with_creation(node, store, found).created_block == block
        assert not proxy.methods["eth_getLogs"] + proxy.methods["eth_getCode"]


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("0x" + "77" * 20, "has no code"),
        ("token", "answers as neither"),
        ("0x" + "77" * 32, "began no pool"),
        ("0x12", "must be an address"),
        ("", "must be an address"),
        ("0x" + "zz" * 20, "must be an address"),
    ],
)
def test_what_is_no_pool_is_said(world, node, manager, pool, words):
    with pytest.raises(InputError, match=words):
        describe_pool(node, world.tokens["USD"] if pool == "token" else pool, manager=manager)


def test_a_manager_must_be_given_on_a_chain_whose_is_not_known(world):
    venue = world.venues["v4 ETH/USD 500"]

    def script(request):
        return result(request, "0x7a69")

    with ScriptedNode(script) as server, pytest.raises(InputError, match="no PoolManager of chain 31337"):
        describe_pool(node_at(server.url), venue.pool_id)


# ---------------------------------------------------------------- tokens


def test_tokens_tell_what_they_can(world, node):
    told = {name: read_token(node, CHAIN_ID, world.tokens[name], {world.tokens[name]: 18}) for name in ("WETH", "MKR")}
    assert told["WETH"] == Token(world.tokens["WETH"], "WETH", 18)
    assert told["MKR"] == Token(world.tokens["MKR"], "MKR", 18)  # its symbol is 32 bytes
    assert read_token(node, CHAIN_ID, world.tokens["USD"], {}).decimals == 6
    assert read_token(node, CHAIN_ID, NATIVE, {}) == Token(NATIVE, "ETH", 18)
    assert read_token(node, 137, NATIVE, {}).symbol == "POL"


@pytest.mark.parametrize("name", ["MUTE", "VOID", "ODD"])
def test_what_a_token_does_not_tell_is_asked_of_the_user(world, node, name):
    address = world.tokens[name]
    with pytest.raises(InputError, match=f"token {address} does not tell its decimals; say how many it has"):
        read_token(node, CHAIN_ID, address, {})
    assert read_token(node, CHAIN_ID, address, {address: 7}) == Token(address, short(address), 7)


def test_a_user_does_not_overrule_what_a_token_tells(world, node):
    with pytest.raises(InputError, match="says that it has 6 decimals, not 18"):
        read_token(node, CHAIN_ID, world.tokens["USD"], {world.tokens["USD"]: 18})


@pytest.mark.parametrize(
    ("answer", "symbol"),
    [
        (encode(["string"], ["USDC"]), "USDC"),
        (encode(["string"], ["USD₮0"]), "USD₮0"),
        (encode(["string"], [" X "]), "X"),
        (b"MKR".ljust(32, b"\0"), "MKR"),
        (b"A" * 32, "A" * 32),
        (bytes(32), None),
        (b"", None),
        (None, None),
        (b"MKR", None),
        (encode(["string"], [""]), None),
        (encode(["string"], ["a\nb"]), None),
        (encode(["string"], ["\u202eCDSU"]), None),
        (encode(["string"], ["x" * 65]), None),
        (encode(["string"], ["x" * 100_000]), None),
        (encode(["bytes"], [b"\xff\xfe"]), None),
        (encode(["uint256", "uint256"], [32, 1 << 255]), None),
        (encode(["uint256", "uint256"], [1 << 255, 1]), None),
        (encode(["uint256", "uint256"], [32, 4]), None),
    ],
)
def test_a_symbol_is_text_or_nothing(answer, symbol):
    assert symbol_of(answer) == symbol


@given(st.binary(max_size=400))
def test_no_answer_breaks_the_reading_of_a_symbol(answer):
    symbol = symbol_of(answer)
    assert symbol is None or (symbol.isprintable() and 0 < len(symbol) <= MAX_SYMBOL_CHARS)


# ---------------------------------------------------------------- state


def state_of(world, venue, block: int) -> tuple:
    """Price, tick, liquidity and tick table (or reserves) that a pool's events until a block lead to."""
    nets, positions = Counter(), Counter()
    price = tick = 0
    reserves = (0, 0)
    for log in world.truth.logs(venue.address, None, venue.pool_id, last=block):
        if venue.kind == "v2":
            name, values = decoded("v2", log)
            reserves = (values["reserve0"], values["reserve1"]) if name == "Sync" else reserves
            continue
        name, values = decoded(venue.kind, log)
        if name in ("Initialize", "Swap"):
            price, tick = values["sqrtPriceX96"], values["tick"]
        change = {
            "Mint": lambda of: of["amount"],
            "Burn": lambda of: -of["amount"],
            "ModifyLiquidity": lambda of: of["liquidityDelta"],
        }.get(name)
        if change is not None:
            ends = (values["tickLower"], values["tickUpper"])
            positions[ends] += change(values)
            nets[ends[0]] += change(values)
            nets[ends[1]] -= change(values)
    if venue.kind == "v2":
        return reserves
    used = {end for ends, liquidity in positions.items() if liquidity for end in ends}
    active = sum(liquidity for (low, high), liquidity in positions.items() if low <= tick < high)
    return price, tick, active, tuple((one, nets[one]) for one in sorted(used))


@pytest.mark.parametrize("name", VENUES)
def test_the_state_at_any_block_is_what_the_events_until_then_lead_to(world, node, manager, name):
    venue = world.venues[name]
    found = describe_pool(node, asked_as(venue), manager=manager)
    first = world.truth.logs(venue.address, None, venue.pool_id)[0].block_number
    for block in (first, first + 5, world.head - 20, world.head - 7, world.head):
        state = read_pool_state(node, found, block)
        if venue.kind == "v2":
            got = (state.reserve0, state.reserve1)
        else:
            ticks = tuple((one.tick, one.liquidity_net) for one in state.ticks)
            got = (state.sqrt_price_x96, state.tick, state.liquidity, ticks)
        assert got == state_of(world, venue, block)
        assert (state.after.block_number, state.pool) == (block, found.pool)
        assert not state.ticks_reconstructed


@pytest.mark.parametrize("name", ["v2 USD/WETH", "v3 USD/WETH 500", "v4 USD/WETH 3000"])
@pytest.mark.parametrize("words", DIALECTS_OF_NO_STATE)
def test_a_node_without_old_state_says_what_to_do(world, node, manager, name, words):
    venue = world.venues[name]
    found = describe_pool(node, asked_as(venue), manager=manager)
    with FaultyProxy(world.chain.url, provider=Provider(state_blocks=5, no_state=words)) as proxy:
        asked = node_at(proxy.url)
        assert read_pool_state(asked, found, world.head - 3) == read_pool_state(node, found, world.head - 3)
        with pytest.raises(NoStateError, match=r"an archive node.*begin at the pool's creation.*state in a file"):
            read_pool_state(asked, found, world.head - 20)


@pytest.mark.parametrize("name", ["v2 USD/WETH", "v3 USD/WETH 500", "v4 USD/WETH 3000"])
def test_a_pool_that_is_not_there_yet_is_said(world, node, manager, name):
    found = describe_pool(node, asked_as(world.venues[name]), manager=manager)
    with pytest.raises(InputError, match="is not there, or not initialised, at block 1; begin later"):
        read_pool_state(node, found, 1)


def test_a_state_is_read_through_faults(world, node, manager):
    found = describe_pool(node, asked_as(world.venues["v3 USD/WETH 500"]))
    faults = Faults(seed=3, rates={"http_503": 0.2, "truncated_json": 0.2, "wrong_id": 0.2, "rpc_429": 0.2})
    with FaultyProxy(world.chain.url, faults) as proxy:
        asked = node_at(proxy.url, attempts=8, batch=10)
        assert read_pool_state(asked, found, world.head) == read_pool_state(node, found, world.head)
        assert len(proxy.injected) > 3


def test_a_state_that_contradicts_itself_is_not_taken(world, node):
    """A node that serves one tick's liquidity for another."""
    found = describe_pool(node, asked_as(world.venues["v3 USD/WETH 500"]))

    def script(request):
        answers = world.chain.rpc.batch([(one["method"], *one["params"]) for one in calls(request)], keep_errors=True)
        replies = [result(one, answer) for one, answer in zip(calls(request), answers, strict=True)]
        for reply in replies:
            if isinstance(reply["result"], str) and len(reply["result"]) == 2 + 8 * 64:
                reply["result"] = reply["result"][:66] + f"{5:064x}" + reply["result"][130:]
        return replies if isinstance(request, list) else replies[0]

    with ScriptedNode(script) as server, pytest.raises(AnswerError, match="contradicts itself"):
        read_pool_state(node_at(server.url), found, world.head)


def calls(request) -> list:
    return request if isinstance(request, list) else [request]


def test_a_block_that_is_replaced_while_its_state_is_read_is_noticed(world, node):
    found = describe_pool(node, asked_as(world.venues["v2 USD/WETH"]))
    hashes = iter(["0x" + "11" * 32, "0x" + "22" * 32])

    def script(request):
        answer = world.chain.rpc(request["method"], *request["params"])
        if request["method"] == "eth_getBlockByNumber":
            answer |= {"hash": next(hashes)}
        return result(request, answer)

    with ScriptedNode(script) as server, pytest.raises(AnswerError, match="was replaced while its state was read"):
        read_pool_state(node_at(server.url), found, world.head)


@given(st.sampled_from([1, 10, 60, 200, 16383]), st.data())
def test_bitmaps_of_any_spacing_give_their_ticks(spacing, data):
    most = 887272 // spacing
    ticks = data.draw(st.sets(st.integers(-most, most), max_size=30)) | {-most, most}
    words = Counter()
    for place in ticks:
        words[place >> 8] |= 1 << (place & 255)
    assert initialised(spacing, lambda places: [words[place] for place in places]) == [
        one * spacing for one in sorted(ticks)
    ]


def test_a_contract_that_only_looks_like_a_pool_is_refused():
    def script(request):
        data = request["params"][0]["data"] if request["method"] == "eth_call" else ""
        if request["method"] != "eth_call":
            return result(request, "0x01")
        return (
            result(request, "0x" + "ff" * 32)
            if data.startswith("0x0dfe1681")
            else error(request, 3, "execution reverted")
        )

    with ScriptedNode(script) as server, pytest.raises(InputError, match="answers as neither"):
        describe_pool(node_at(server.url, batch=1), "0x" + "12" * 20)
