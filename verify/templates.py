"""The mechanisms that come with Pactsmith, and any rule of one's own: Solidity, with what it promises beside it.

A rule ``Name.sol`` may have a ``Name.toml`` of the same folder. It says what the rule promises and which values its
constructor's parameters may take; without one, the constructor must have none. The file is a contract between its
writer and the search over parameters, so nothing in it is guessed: an unknown key is an error, as is a missing one.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ingest.errors import InputError
from verify.admission import decode_source
from verify.compile import constructor_parameters
from verify.contracts import contracts_dir

if TYPE_CHECKING:
    from pathlib import Path

    from verify.compile import Artifact

FAMILIES = ("settlement", "pact")
MAX_UINT256 = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One ``uint256`` parameter of a rule's constructor; ``minimum`` and ``maximum`` may both be taken."""

    name: str
    default: int
    minimum: int
    maximum: int
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class Promises:
    """What a rule says of itself; the bundled rules are held to it by their tests."""

    order_independent: bool
    """Any permutation of a batch gives every trader the same fill."""
    uniform_price: bool
    """All fills of a direction are at one price, rounded down."""
    keeps_state: bool
    """It remembers something from batch to batch, in the kernel."""
    time_dependent: bool
    """The fills depend on the block's time or number."""


@dataclass(frozen=True, slots=True)
class Template:
    """A rule or a pact with what is known of it.

    ``promises`` is None for a pact, and where a rule has no description. ``parameters`` are in the constructor's order.
    """

    name: str
    family: str
    summary: str
    file: Path
    source: str
    promises: Promises | None
    parameters: tuple[Parameter, ...]

    def defaults(self) -> dict[str, int]:
        """The constructor's arguments by name, each at its default."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def check(self, values: dict[str, int]) -> dict[str, int]:
        """The constructor's arguments by name: ``values``, and the default where there is none.

        Raises:
            InputError: A value is for no parameter, or outside of its range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in values.items():
            if name not in known:
                message = f"{self.name} has no such parameter; it has: {', '.join(known) or 'none'}"
                raise InputError(message, file=self.file, field=name)
            low, high = known[name].minimum, known[name].maximum
            if not low <= value <= high:
                raise InputError(f"{value} is outside of {low} to {high}", file=self.file, field=name)
        return self.defaults() | values

    def match(self, artifact: Artifact) -> None:
        """Holds the description to the compiled constructor.

        Raises:
            InputError: The parameters' names differ, or their order.
        """
        described = [parameter.name for parameter in self.parameters]
        compiled = [name for name, _ in constructor_parameters(artifact.abi)]
        if described != compiled:
            message = f"the constructor takes ({', '.join(compiled)}), described are ({', '.join(described)})"
            raise InputError(message, file=self.file.with_suffix(".toml"), field="parameter")


def templates() -> list[Path]:
    """The settlement rules that come with Pactsmith, by name; its pacts lie a folder deeper."""
    return sorted((contracts_dir() / "templates").glob("*.sol"))


def load_template(path: Path) -> Template:
    """Reads a rule or a pact, and its description; a pact promises what every pact must.

    Args:
        path: The ``.sol`` file; the description is the ``.toml`` beside it, where there is one.

    Raises:
        InputError: A file cannot be read, or the description is not as it must be; names file and field.
        CandidateRejectedError: The source is not UTF-8.
    """
    source = decode_source(_read(path), file=path.name)
    description = path.with_suffix(".toml")
    if not description.exists():
        return Template(path.stem, FAMILIES[0], "", path, source, None, ())
    content = _parse(description)
    promises = set() if content.get("family") == "pact" else {"promises"}
    _check_keys(content, {"name", "family", "summary"} | promises, {"parameter"}, description, "")
    name = _text(content, "name", description, "")
    if name != path.stem:
        raise InputError(f"{name!r} describes {path.name}, so it must be {path.stem!r}", file=description, field="name")
    family = _text(content, "family", description, "")
    if family not in FAMILIES:
        raise InputError(f"{family!r} is none of: {', '.join(FAMILIES)}", file=description, field="family")
    return Template(
        name,
        family,
        _text(content, "summary", description, ""),
        path,
        source,
        _promises(content["promises"], description) if promises else None,
        _parameters(content.get("parameter", []), description),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from error


def _parse(description: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(description).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"is not TOML: {error}", file=description) from error


def _promises(table: object, file: Path) -> Promises:
    names = {field.name for field in fields(Promises)}
    checked = _check_keys(table, names, set(), file, "promises")
    for name, value in checked.items():
        if not isinstance(value, bool):
            raise InputError(f"must be true or false, not {value!r}", file=file, field=f"promises.{name}")
    return Promises(**checked)


def _parameters(tables: object, file: Path) -> tuple[Parameter, ...]:
    if not isinstance(tables, list):
        raise InputError("must be tables [[parameter]]", file=file, field="parameter")
    parameters = tuple(_parameter(table, file, f"parameter[{place}]") for place, table in enumerate(tables))
    seen = set()
    for place, parameter in enumerate(parameters):
        if parameter.name in seen:
            raise InputError(f"{parameter.name!r} stands there twice", file=file, field=f"parameter[{place}].name")
        seen.add(parameter.name)
    return parameters


def _parameter(table: object, file: Path, place: str) -> Parameter:
    content = _check_keys(table, {"name", "default", "min", "max", "unit", "description"}, set(), file, place)
    low, high = (_integer(content, key, file, place) for key in ("min", "max"))
    if low > high:
        raise InputError(f"{low} is above max, {high}", file=file, field=f"{place}.min")
    default = _integer(content, "default", file, place)
    if not low <= default <= high:
        raise InputError(f"{default} is outside of {low} to {high}", file=file, field=f"{place}.default")
    name, unit, description = (_text(content, key, file, place) for key in ("name", "unit", "description"))
    return Parameter(name, default, low, high, unit, description)


def _check_keys(table: object, needed: set[str], optional: set[str], file: Path, place: str) -> dict[str, Any]:
    """The table, if it has exactly these keys."""
    if not isinstance(table, dict):
        raise InputError("must be a table", file=file, field=place)
    for key in table:
        if key not in needed | optional:
            known = ", ".join(sorted(needed | optional))
            raise InputError(f"unknown; the keys here are: {known}", file=file, field=_join(place, key))
    for key in sorted(needed):
        if key not in table:
            raise InputError("is missing", file=file, field=_join(place, key))
    return table


def _text(table: dict[str, Any], key: str, file: Path, place: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"must be a text that says something, not {value!r}", file=file, field=_join(place, key))
    return value


def _integer(table: dict[str, Any], key: str, file: Path, place: str) -> int:
    """A uint256; TOML's own integers end at 2**63, so a larger one is decimal text."""
    value = table[key]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_UINT256:
        raise InputError(
            f"must be a whole number from 0 to 2**256 - 1, not {value!r}", file=file, field=_join(place, key)
        )
    return value


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
