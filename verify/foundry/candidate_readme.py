"""The README of a candidate's project: the verdict, and what the tests show of it and what they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from verify.foundry.solidity import plain, sentence
from verify.solc import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.foundry.candidate import Sampling
    from verify.kept import Kept

Json = dict[str, Any]

_METRICS = {
    "net_mechanism_bps": "M: gain over the plain AMM in the order's own block, without bots, gas included",
    "improvement_bps": "improvement over history, the absence of bots included",
    "bots_removed_bps": "of which the absence of bots",
    "mechanism_bps": "of which the rule, before gas",
}


def readme(
    document: Json, card: Json, candidate: Kept, sampling: Sampling, *, batches: int, orders: int, on_chain: bool
) -> str:
    """The whole text.

    Args:
        document: The run's.
        card: The candidate's scorecard in it.
        candidate: What the run kept of it.
        sampling: How the batches were chosen.
        batches: How many there are.
        orders: How many orders they have in all.
        on_chain: Whether the pools' addresses are a chain's, so that there is a script to deploy.
    """
    name, windows = plain(card["name"]), _blocks(candidate.window_blocks)
    parts = (
        f"# {name}: {sentence(card['verdict'])}\n\nA clearing rule, the kernel that settles by it, and {batches} "
        "batches of history that it settles again, as a [Foundry](https://getfoundry.sh) project.",
        "\n".join(_verdict(document, card, candidate, windows)),
        _showing(card, sampling, batches, orders),
        *([_DEPLOYING] if on_chain else []),
        _CONTENT,
    )
    return "\n\n".join(parts) + "\n"


def _blocks(count: int) -> str:
    return "windows of 1 block" if count == 1 else f"windows of {count} blocks"


def _verdict(document: Json, card: Json, candidate: Kept, windows: str) -> Iterator[str]:
    market = document["market"]
    pool, blocks = market["pool"], market["blocks"]
    pair = f"{plain(pool['token0'])} and {plain(pool['token1'])}"
    parameters = ", ".join(f"`{name}` = {value}" for name, value in candidate.parameters.items()) or "none"
    yield "## The verdict"
    yield ""
    yield sentence(card["verdict_why"])
    yield ""
    yield f"- Run `{document['run_id']}`, candidate `{candidate.candidate_id}`, parameters: {parameters}."
    yield (
        f"- History {plain(document['history'])}, blocks {blocks['first']} to {blocks['last']} of the {pool['kind']} "
        f"pool `{pool['address']}` ({pair}) on chain {pool['chain_id']}; orders settle in {windows}."
    )
    yield f"- {card['orders']} orders in {card['batches']} batches; the figures below are of the held-out blocks."
    yield ""
    yield "| in bps of what history gave | mean | 95 % from | to | orders |"
    yield "|---|---:|---:|---:|---:|"
    for metric, title in _METRICS.items():
        yield _row(title, card["metrics"]["heldout"][metric])
    yield ""
    yield from _parties(card)
    yield "What the run says of its own limits:"
    yield ""
    yield from (f"- {sentence(caveat)}" for caveat in document["caveats"])


def _row(title: str, found: Json) -> str:
    if "mean" not in found:
        return f"| {title} | not scored: {sentence(found['reason'])} | | | |"
    bounds = ("–" if found[name] is None else f"{found[name]:.2f}" for name in ("lower95", "upper95"))
    return f"| {title} | {found['mean']:.2f} | {' | '.join(bounds)} | {found['n']} |"


def _parties(card: Json) -> Iterator[str]:
    """Who gained and who lost, and the worst order."""
    if "users" not in card["welfare"]:
        return
    yield f"| who gained and who lost, in {plain(card['numeraire'])} | against history | against the AMM |"
    yield "|---|---:|---:|"
    for party, flow in card["welfare"].items():
        yield f"| {plain(party.replace('_', ' '))} | {flow['vs_history']} | {flow['vs_amm']} |"
    yield ""
    worst = card["worst_order"]
    if "block_number" in worst:
        yield (
            f"The worst order, in block {worst['block_number']}, worth {worst['value']}: "
            f"M = {worst['net_mechanism_bps']:.2f} bps."
        )
        yield ""


def _showing(card: Json, sampling: Sampling, batches: int, orders: int) -> str:
    return f"""\
## What the tests show

    forge test

settles {batches} of the {card["batches"]} batches, with {orders} of the {card["orders"]} orders: the
{sampling.largest} that sell the most, and others that were drawn by seed {sampling.seed}. Each is settled in one
transaction, on the pool as history had it at that moment, and every amount must be the one that the verdict was
computed from, to the smallest unit: what each order sold and bought, what its trader paid and got, and what the pool
gave for it where the rule left it unfilled.

They do not show the verdict's figures: those need the whole history, what the plain AMM gives each order in its own
block, and the bounds on a mean. Nor do they show what a settlement costs: gas in a test is not a transaction's. A
verdict is about the orders of the past; what traders and bots would do with this rule is another question."""


_DEPLOYING = """\
## Deploy it

    forge script script/Deploy.s.sol --rpc-url $RPC_URL --broadcast --interactives 1

deploys the rule with its parameters, and a kernel for it on the pools that it was judged on. It stops on another chain,
and where a pool has no code. That those are genuine Uniswap pools is for you to check, as the kernel trusts them."""

_CONTENT = f"""\
## What is in here

- `src/`: the rule. It never holds anybody's money.
- `lib/pactsmith/`: the kernel, which does, and checks what the rule says. Traders approve `SignedSettlement` and sign
  their orders (EIP-712).
- `test/batches/`: each batch's transaction, signed by accounts that stand for the traders, and the amounts.
- `test/state/`: storage and code of pools and tokens, `world.json` for what all batches have in common. Pools are
  Uniswap's own bytecode, which is Uniswap's and under its licences; tokens are plain ERC-20 contracts at the tokens'
  addresses. The rule and the kernel are not in there: they are compiled from the sources here.

Nothing is fetched but, if you do not have it, the compiler: Solidity {VERSION}, with the settings in `foundry.toml`."""
