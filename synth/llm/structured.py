"""Structured output: the schema that an endpoint is asked to keep to, and what is cut off its reply."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def trimmed(text: str) -> str:
    """From the first brace to the last: models put words and fences around what they were asked for."""
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text


def object_schema(properties: Json) -> Json:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def strict_schema(name: str, properties: Json) -> Json:
    """The schema of a reply, as Chat Completions takes it."""
    return {"name": name, "strict": True, "schema": object_schema(properties)}
