"""What of a model's reply is believed: what fits the schema, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ingest.errors import InputError
from synth.llm.structured import object_schema, strict_schema, trimmed
from synth.records import Proposal

if TYPE_CHECKING:
    from synth.space import Space

Json = dict[str, Any]
Kind = Literal["source", "template"]

MAX_SOURCE = 100_000
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,39}$")]
CONTRACT = re.compile(r"\bcontract\s+([A-Za-z][A-Za-z0-9]{0,39})\s+is\s+IClearingRule\b")


class SourceReply(BaseModel):
    """A rule in Solidity."""

    model_config = ConfigDict(extra="forbid")
    idea: Annotated[str, StringConstraints(max_length=600)]
    window_blocks: int
    source: Annotated[str, StringConstraints(min_length=1, max_length=MAX_SOURCE)]


class TemplateReply(BaseModel):
    """A template with values for its parameters."""

    model_config = ConfigDict(extra="forbid")
    template: Name
    window_blocks: int
    parameters: dict[str, Annotated[int, Field(ge=0)]] = {}


class ReplyError(Exception):
    """The reply is no proposal; the text says why, fit to be told to the model."""


def schema(kind: Kind, space: Space) -> Json:
    """The JSON schema that an endpoint is asked to keep to, as Chat Completions takes it."""
    if kind == "source":
        properties: Json = {
            "idea": {"type": "string"},
            "window_blocks": {"type": "integer", "enum": list(space.windows)},
            "source": {"type": "string"},
        }
        return strict_schema("clearing_rule", properties)
    options = []
    for name, template in space.templates.items():
        ranges = {
            each.name: {"type": "integer", "minimum": each.minimum, "maximum": each.maximum}
            for each in template.parameters
        }
        properties = {
            "template": {"type": "string", "enum": [name]},
            "window_blocks": {"type": "integer", "enum": list(space.windows)},
            "parameters": object_schema(ranges),
        }
        options.append(object_schema(properties))
    return {"name": "template", "strict": True, "schema": {"anyOf": options}}


def read_reply(kind: Kind, text: str, space: Space, parents: tuple[str, ...]) -> Proposal:
    """A proposal out of a reply.

    Raises:
        ReplyError: It is none.
    """
    content = trimmed(text)
    try:
        if kind == "source":
            found = SourceReply.model_validate_json(content)
        else:
            chosen = TemplateReply.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the reply"
        raise ReplyError(f"{place}: {first['msg']}") from error
    if kind == "template":
        return _of_template(chosen, space, parents)
    if found.window_blocks not in space.windows:
        raise ReplyError(f"window_blocks: {found.window_blocks} is none of {list(space.windows)}")
    named = CONTRACT.search(found.source)
    if named is None:
        raise ReplyError("source: there is no `contract Name is IClearingRule`")
    return Proposal(named[1], found.source, {}, found.window_blocks, parents, found.idea)


def _of_template(chosen: TemplateReply, space: Space, parents: tuple[str, ...]) -> Proposal:
    if chosen.template not in space.templates:
        raise ReplyError(f"template: {chosen.template} is none of {list(space.templates)}")
    if chosen.window_blocks not in space.windows:
        raise ReplyError(f"window_blocks: {chosen.window_blocks} is none of {list(space.windows)}")
    try:
        made = space.proposal(chosen.template, chosen.parameters, chosen.window_blocks)
    except InputError as error:
        raise ReplyError(f"parameters: {error}") from error
    return replace(made, parents=parents)


def one_line(value: Json) -> str:
    """A JSON value on one line, the same for the same value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True)
