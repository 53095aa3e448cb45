"""What RPC providers allow and how each of them says no, in their own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ReplyError = dict[str, Any]

# The words are as they were seen: INFURA/infura#237 and #1823 of nimbus-eth2 (infura), omni and aurora (geth's and
# infura's code), ponder-sh/ponder#724 (zksync), bobanetwork/boba_legacy#827 (tenderly), rotki/rotki#8875 (1rpc), and
# clients' own tests of what they met (alchemy, quicknode, publicnode, drpc, simplyvc, reth, base, cronos).
_TOO_MANY: dict[str, tuple[int, int, str]] = {
    "infura": (
        200,
        -32005,
        "query returned more than {limit} results. Try with this block range [{first:#x}, {last:#x}].",
    ),
    "alchemy": (
        400,
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
        "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
        "parameters and the response size limit, this block range should work: [{first:#x}, {last:#x}]",
    ),
    "alchemy timeout": (
        400,
        -32000,
        "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response size "
        "limit, this block range should work: [{first:#x}, {last:#x}]",
    ),
    "reth": (200, -32602, "query exceeds max results {limit}, retry with the range {first}-{last}"),
    "cronos": (200, -32000, "logs matched by query exceeds limit of {limit}"),
    "base": (200, -32020, "backend response too large"),
    "plain": (200, -32005, "query returned more than {limit} results"),
}
_TOO_WIDE: dict[str, tuple[int, int, str]] = {
    "infura": (200, -32602, "range {blocks} exceeds limit of {limit}"),
    "alchemy": (
        400,
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a {limit} block range. Based on your "
        "parameters, this block range should work: [{first:#x}, {last:#x}]. Upgrade to PAYG for expanded block range.",
    ),
    "quicknode": (413, -32614, "eth_getLogs is limited to a {limit:,} range"),
    "1rpc": (200, -32000, "eth_getLogs is limited to a {limit} blocks range"),
    "publicnode": (200, -32701, "exceed maximum block range: {limit}"),
    "reth": (200, -32602, "query exceeds max block range {limit}"),
    "drpc": (200, -32000, "requested too many blocks from {first} to {asked_last}, maximum is set to {limit}"),
    "drpc free": (200, 35, "ranges over {limit} blocks are not supported on freetier"),
    "simplyvc": (200, -32000, "too wide blocks range, the limit is {limit}"),
    "ankr": (200, -32062, "block range is too wide"),
    "tenderly": (200, -32602, "invalid params"),  # the reason stands in the data alone
}
_NO_STATE: dict[str, tuple[int, str]] = {
    "geth": (-32000, "missing trie node {root} (path ) state 0x{root} is not available, not found"),
    "pruned": (-32000, "historical state is not available"),
    "publicnode": (-32602, "Archive requests require a personal token"),
    "header": (-32000, "header not found"),
}
DIALECTS_OF_TOO_MANY = tuple(_TOO_MANY)
DIALECTS_OF_TOO_WIDE = tuple(_TOO_WIDE)
DIALECTS_OF_NO_STATE = tuple(_NO_STATE)

_BLOCK_PARAMETER = {
    "eth_call": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a provider says no to one call, and with which HTTP status where the call stands alone."""

    status: int
    error: ReplyError


@dataclass(frozen=True, slots=True)
class Provider:
    """The limits of one provider; they hold for every request.

    Args:
        max_results: Logs in one answer; more are refused.
        max_blocks: Blocks in one range of logs; more are refused.
        too_many: The words for the one, of `DIALECTS_OF_TOO_MANY`.
        too_wide: The words for the other, of `DIALECTS_OF_TOO_WIDE`.
        silent_results: Logs in one answer; the ones above are left out without a word.
        withheld: Transactions whose logs are left out of every answer to a question for logs, without a word.
        tells_blocks: Whether they are told after all where one block is asked for by its hash.
        state_blocks: How many blocks behind the head there still is state for `eth_call` and the like.
        no_state: The words where there is none, of `DIALECTS_OF_NO_STATE`.
        max_batch: Calls in one request; 0 refuses every batch, None allows any.
        missing_methods: What the node does not know.
    """

    max_results: int | None = None
    max_blocks: int | None = None
    too_many: str = "infura"
    too_wide: str = "infura"
    silent_results: int | None = None
    withheld: frozenset[str] = frozenset()
    tells_blocks: bool = False
    state_blocks: int | None = None
    no_state: str = "geth"
    max_batch: int | None = None
    missing_methods: frozenset[str] = field(default_factory=frozenset)

    def withholds(self, call: dict[str, Any], log: dict[str, Any]) -> bool:
        """Whether a log is left out of the answer to a question for logs."""
        by_hash = self.tells_blocks and "blockHash" in call["params"][0]
        return log["transactionHash"] in self.withheld and not by_hash

    def refuses_batch(self, calls: int) -> Refusal | None:
        """Whether a request with so many calls, as an array, is refused whole."""
        if self.max_batch is None or calls <= self.max_batch:
            return None
        if self.max_batch == 0:
            return Refusal(200, {"code": -32600, "message": "batch requests are not supported"})
        return Refusal(413, {"code": -32600, "message": f"batch of {calls} exceeds the maximum of {self.max_batch}"})

    def refuses(self, call: dict[str, Any], head: int) -> Refusal | None:
        """Whether a call is refused before it is looked at any closer."""
        method, parameters = call.get("method"), call.get("params") or []
        if method in self.missing_methods:
            return Refusal(200, {"code": -32601, "message": f"the method {method} does not exist/is not available"})
        if method == "eth_getLogs" and self.max_blocks is not None:
            first, last = span(parameters[0], head)
            if last - first + 1 > self.max_blocks:
                return self._too_wide(first, last)
        place = _BLOCK_PARAMETER.get(str(method))
        if place is not None and self.state_blocks is not None and len(parameters) > place:
            block = parameters[place]
            if isinstance(block, str) and number_of(block, head) < head - self.state_blocks:
                code, words = _NO_STATE[self.no_state]
                return Refusal(200, {"code": code, "message": words.format(root="c6" * 32)})
        return None

    def refuses_logs(self, call: dict[str, Any], logs: list[dict[str, Any]], head: int) -> Refusal | None:
        """Whether the logs found are too many. The range that would do is the longest that holds few enough."""
        if self.max_results is None or len(logs) <= self.max_results:
            return None
        first, _ = span(call["params"][0], head)
        last = max(first, int(logs[self.max_results]["blockNumber"], 16) - 1)
        status, code, words = _TOO_MANY[self.too_many]
        error: ReplyError = {"code": code, "message": words.format(limit=self.max_results, first=first, last=last)}
        if self.too_many == "infura":
            error["data"] = {"from": hex(first), "limit": self.max_results, "to": hex(last)}
        return Refusal(status, error)

    def _too_wide(self, first: int, last: int) -> Refusal:
        assert self.max_blocks is not None
        status, code, words = _TOO_WIDE[self.too_wide]
        values = {"limit": self.max_blocks, "blocks": last - first + 1, "first": first, "asked_last": last}
        error: ReplyError = {"code": code, "message": words.format(**values, last=first + self.max_blocks - 1)}
        if self.too_wide == "tenderly":
            payload = f"range {values['blocks']} is bigger than range limit {self.max_blocks}"
            error["data"] = {"error_id": "4ed94073-0317-4648-a167-107fba5f44b3", "payload": payload}
        return Refusal(status, error)


def span(log_filter: dict[str, Any], head: int) -> tuple[int, int]:
    """The first and last block that a filter asks for; a block's hash is one block."""
    if "blockHash" in log_filter:
        return head, head
    return number_of(log_filter.get("fromBlock", "latest"), head), number_of(log_filter.get("toBlock", "latest"), head)


def number_of(block: str, head: int) -> int:
    """A block's number out of its name."""
    if block in ("latest", "pending", "safe", "finalized"):
        return head
    return 0 if block == "earliest" else int(block, 16)
