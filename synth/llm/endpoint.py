"""One call of an OpenAI-compatible endpoint: bounded in time and size, and answered with a typed outcome."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion
from pydantic import ValidationError

from ingest.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]
Outcome = Literal["answered", "truncated", "refused", "too large", "no completion", "http error", "unanswered"]

MAX_REPLY_BYTES = 1 << 20
MILLION = 1_000_000
NO_KEY = "none"
"""What local servers are sent, which ask for no key but whose protocol has a place for one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers, how it is asked, and what it costs.

    Args:
        base_url: The API's root, such as ``https://…/v1``.
        model: The model's name there.
        key_env: The environment variable that holds the key; the key itself is nowhere else.
        temperature: Of the sampling.
        seed: Of the first call, asked of the endpoint, which may heed it; each call has the next one.
        max_output_tokens: The longest reply that is paid for.
        timeout_s: For the whole reply.
        usd_per_million_in: Price of a million tokens that are sent; None where it is not known.
        usd_per_million_out: Of a million that come back.
    """

    base_url: str
    model: str
    key_env: str = "OPENAI_API_KEY"
    temperature: float = 0.8
    seed: int = 1
    max_output_tokens: int = 4_096
    timeout_s: float = 120.0
    usd_per_million_in: Decimal | None = None
    usd_per_million_out: Decimal | None = None

    @property
    def is_unpriced(self) -> bool:
        """Whether what it costs is not known."""
        return self.usd_per_million_in is None or self.usd_per_million_out is None

    def usd(self, tokens_in: int, tokens_out: int) -> Decimal:
        """What so many tokens cost, exactly; 0 where the price is not known."""
        price_in, price_out = self.usd_per_million_in or Decimal(0), self.usd_per_million_out or Decimal(0)
        return (tokens_in * price_in + tokens_out * price_out) / MILLION

    def most(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, int]:
        """The most tokens that a call can be charged for: sent (no token is shorter than a byte), and coming back."""
        sent = sum(len(value.encode()) for message in messages for value in message.values())
        return sent + 16 * len(messages) + 256, self.max_output_tokens

    def to_json(self) -> Json:
        """The endpoint as JSON values, without any key."""
        prices = {name: getattr(self, name) for name in ("usd_per_million_in", "usd_per_million_out")}
        return {
            "base_url": self.base_url,
            "model": self.model,
            "key_env": self.key_env,
            "temperature": self.temperature,
            "seed": self.seed,
            "max_output_tokens": self.max_output_tokens,
            "timeout_s": self.timeout_s,
            **{name: None if price is None else str(price) for name, price in prices.items()},
        }

    @classmethod
    def of_json(cls, content: Json) -> Endpoint:
        """The endpoint that `to_json` wrote."""
        prices = {name: content[name] for name in ("usd_per_million_in", "usd_per_million_out")}
        return cls(**content | {name: None if price is None else Decimal(price) for name, price in prices.items()})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call. ``text`` is the reply's, where there is one; ``detail`` says what went wrong."""

    outcome: Outcome
    text: str = ""
    detail: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class Model:
    """Asks an endpoint.

    Raises:
        InputError: The endpoint's address cannot be one.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        parts = urlsplit(endpoint.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError("must be an address that begins with http:// or https://", field="base-url")
        if parts.username or parts.password or parts.query:
            raise InputError("must hold no key: name the environment variable that does", field="base-url")
        self._client = openai.OpenAI(
            base_url=endpoint.base_url,
            api_key=os.environ.get(endpoint.key_env) or NO_KEY,
            timeout=endpoint.timeout_s,
            max_retries=0,
        )

    def ask(self, messages: Sequence[Mapping[str, str]], schema: Json, call: int) -> Answer:
        """Asks once, as a run's ``call``-th call. Never raises for what the other side does."""
        endpoint = self._endpoint
        request: Json = {
            "model": endpoint.model,
            "messages": list(messages),
            "response_format": {"type": "json_schema", "json_schema": schema},
            "temperature": endpoint.temperature,
            "seed": endpoint.seed + call - 1,
            "max_tokens": endpoint.max_output_tokens,
        }
        deadline = time.monotonic() + endpoint.timeout_s
        content = bytearray()
        try:
            with self._client.chat.completions.with_streaming_response.create(**request) as response:
                for part in response.iter_bytes():
                    content += part
                    if len(content) > MAX_REPLY_BYTES:
                        return Answer("too large", detail=f"the reply is longer than {MAX_REPLY_BYTES:,} bytes")
                    if time.monotonic() > deadline:
                        return Answer("unanswered", detail=f"the reply took longer than {endpoint.timeout_s:g} s")
        except openai.APIStatusError as error:
            return Answer("http error", detail=f"HTTP {error.status_code}")
        except openai.APIConnectionError as error:  # time-outs among them
            return Answer("unanswered", detail=type(error).__name__)
        except Exception as error:  # noqa: BLE001  # what the transport raises while a body is read is its own affair
            return Answer("unanswered", detail=type(error).__name__)
        return _read(bytes(content))


def _read(content: bytes) -> Answer:
    """A completion's text and usage; what is none is typed as such."""
    try:
        completion = ChatCompletion.model_validate(json.loads(content))
        choice = completion.choices[0]
    except (ValueError, ValidationError, IndexError, RecursionError):
        return Answer("no completion", detail="what came back is no chat completion")
    usage = completion.usage
    spent = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    if choice.message.refusal:
        return Answer("refused", "", choice.message.refusal[:500], *spent)
    text = choice.message.content or ""
    if choice.finish_reason == "length":
        return Answer("truncated", text, "the reply ends at its limit of tokens", *spent)
    return Answer("answered", text, "", *spent)
