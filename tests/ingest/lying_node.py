"""A proxy before a node that changes single answers: what a node says that errs about state, or lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from faulty_proxy import FaultyProxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from rpc_faults import Calls


class LyingNode(FaultyProxy):
    """Calls ``lie`` with the method, the parameters and the reply of every question; it may change the reply."""

    def __init__(self, upstream: str, lie: Callable[[str, list[Any], dict[str, Any]], None]) -> None:
        self._lie = lie
        super().__init__(upstream)

    def _ask(self, calls: Calls) -> tuple[int, Calls]:
        status, replies = super()._ask(calls)
        for call, reply in zip(calls, replies, strict=True):
            self._lie(call["method"], call.get("params", []), reply)
        return status, replies


def without(*methods: str) -> Callable[[str, list[Any], dict[str, Any]], None]:
    """A node that does not have these methods."""

    def lie(method: str, _: list[Any], reply: dict[str, Any]) -> None:
        if method in methods:
            reply.pop("result", None)
            reply["error"] = {"code": -32601, "message": f"the method {method} does not exist/is not available"}

    return lie
