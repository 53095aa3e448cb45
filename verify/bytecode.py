"""Which opcodes a rule's bytecode can execute, and the ones that it may.

The walk is the EVM's own: instructions start at byte 0 and after each instruction's push data, over the whole code,
and execution only ever arrives at an instruction by falling through from the one before or by a jump to a JUMPDEST
that stands at such a start. So what lies behind a terminating instruction is dead up to the next JUMPDEST, whatever
it looks like, and what lies behind a JUMPDEST is alive, whatever it looks like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_RUNTIME_BYTES = 24_576  # EIP-170
MAX_CREATION_BYTES = 2 * MAX_RUNTIME_BYTES  # EIP-3860
_PUSH1, _PUSH32 = 0x60, 0x7F
_JUMPDEST = 0x5B

# Every opcode up to Cancun. A byte that is not here halts the EVM; in reach it is refused as unknown.
_NAMES: dict[int, str] = {
    0x00: "STOP", 0x01: "ADD", 0x02: "MUL", 0x03: "SUB", 0x04: "DIV", 0x05: "SDIV", 0x06: "MOD", 0x07: "SMOD",
    0x08: "ADDMOD", 0x09: "MULMOD", 0x0A: "EXP", 0x0B: "SIGNEXTEND",
    0x10: "LT", 0x11: "GT", 0x12: "SLT", 0x13: "SGT", 0x14: "EQ", 0x15: "ISZERO", 0x16: "AND", 0x17: "OR",
    0x18: "XOR", 0x19: "NOT", 0x1A: "BYTE", 0x1B: "SHL", 0x1C: "SHR", 0x1D: "SAR", 0x20: "KECCAK256",
    0x30: "ADDRESS", 0x31: "BALANCE", 0x32: "ORIGIN", 0x33: "CALLER", 0x34: "CALLVALUE", 0x35: "CALLDATALOAD",
    0x36: "CALLDATASIZE", 0x37: "CALLDATACOPY", 0x38: "CODESIZE", 0x39: "CODECOPY", 0x3A: "GASPRICE",
    0x3B: "EXTCODESIZE", 0x3C: "EXTCODECOPY", 0x3D: "RETURNDATASIZE", 0x3E: "RETURNDATACOPY", 0x3F: "EXTCODEHASH",
    0x40: "BLOCKHASH", 0x41: "COINBASE", 0x42: "TIMESTAMP", 0x43: "NUMBER", 0x44: "PREVRANDAO", 0x45: "GASLIMIT",
    0x46: "CHAINID", 0x47: "SELFBALANCE", 0x48: "BASEFEE", 0x49: "BLOBHASH", 0x4A: "BLOBBASEFEE",
    0x50: "POP", 0x51: "MLOAD", 0x52: "MSTORE", 0x53: "MSTORE8", 0x54: "SLOAD", 0x55: "SSTORE", 0x56: "JUMP",
    0x57: "JUMPI", 0x58: "PC", 0x59: "MSIZE", 0x5A: "GAS", 0x5B: "JUMPDEST", 0x5C: "TLOAD", 0x5D: "TSTORE",
    0x5E: "MCOPY", 0x5F: "PUSH0",
    **{0x60 + n: f"PUSH{n + 1}" for n in range(32)},
    **{0x80 + n: f"DUP{n + 1}" for n in range(16)},
    **{0x90 + n: f"SWAP{n + 1}" for n in range(16)},
    **{0xA0 + n: f"LOG{n}" for n in range(5)},
    0xF0: "CREATE", 0xF1: "CALL", 0xF2: "CALLCODE", 0xF3: "RETURN", 0xF4: "DELEGATECALL", 0xF5: "CREATE2",
    0xFA: "STATICCALL", 0xFD: "REVERT", 0xFE: "INVALID", 0xFF: "SELFDESTRUCT",
}  # fmt: skip
_TERMINATING = {"STOP", "JUMP", "RETURN", "REVERT", "INVALID", "SELFDESTRUCT"}

_ALLOWED_IN_CREATION = {
    *(name for code, name in _NAMES.items() if code <= 0x20),  # arithmetic, comparison, bits, hash
    *(name for code, name in _NAMES.items() if _PUSH1 <= code < 0xA0),  # PUSH, DUP, SWAP
    *("CALLVALUE", "CALLDATALOAD", "CALLDATASIZE", "CALLDATACOPY", "CODESIZE", "CODECOPY"),
    *(
        "POP",
        "MLOAD",
        "MSTORE",
        "MSTORE8",
        "JUMP",
        "JUMPI",
        "JUMPDEST",
        "MCOPY",
        "PUSH0",
        "RETURN",
        "REVERT",
        "INVALID",
    ),
    *("RETURNDATASIZE", "RETURNDATACOPY"),
}
# A constructor runs once, wherever and whenever that is: it must not notice. A batch may know who calls and the time.
_ALLOWED_AT_RUNTIME = _ALLOWED_IN_CREATION | {"CALLER", "TIMESTAMP", "NUMBER", "GAS", "CALL", "STATICCALL"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """An opcode at its byte offset; ``name`` is None for a byte that is no opcode."""

    offset: int
    opcode: int
    name: str | None


def instructions(code: bytes) -> Iterator[Instruction]:
    """All instruction starts of the whole code, as the EVM sees them, reachable or not."""
    offset = 0
    while offset < len(code):
        opcode = code[offset]
        yield Instruction(offset, opcode, _NAMES.get(opcode))
        offset += 1 + (opcode - _PUSH1 + 1 if _PUSH1 <= opcode <= _PUSH32 else 0)


def reachable(code: bytes) -> Iterator[Instruction]:
    """The instructions at which execution could ever arrive; see the module's text."""
    alive = True
    for instruction in instructions(code):
        alive = alive or instruction.opcode == _JUMPDEST
        if alive:
            yield instruction
        # A byte that is no opcode halts too, but in reach it is refused anyway.
        alive = alive and instruction.name not in _TERMINATING


def check_runtime(code: bytes) -> tuple[Finding, ...]:
    """The findings, of stage ``bytecode``, on a rule's runtime code."""
    if not code or len(code) > MAX_RUNTIME_BYTES:
        return (_size_finding("runtime", len(code), MAX_RUNTIME_BYTES),)
    return _check(code, "runtime", ((len(code), _ALLOWED_AT_RUNTIME),))


def check_creation(code: bytes, runtime: bytes) -> tuple[Finding, ...]:
    """The findings, of stage ``bytecode``, on a rule's creation code without its arguments.

    The compiler lays it out as constructor, runtime code, constants. The constructor may do less than the rest.
    """
    if len(code) > MAX_CREATION_BYTES:
        return (_size_finding("creation", len(code), MAX_CREATION_BYTES),)
    start = code.find(runtime)
    starts = {instruction.offset for instruction in instructions(code)}
    if start < 0 or code.count(runtime) != 1 or start not in starts:
        message = "the creation code does not hold the runtime code once, at an instruction's start"
        return (Finding("bytecode", "bytecode-layout", message),)
    return _check(code, "creation", ((start, _ALLOWED_IN_CREATION), (len(code), _ALLOWED_AT_RUNTIME)))


def _check(code: bytes, part: str, regions: tuple[tuple[int, set[str]], ...]) -> tuple[Finding, ...]:
    """One finding for each forbidden opcode, at its first place; ``regions`` are (end offset, allowed names)."""
    found: dict[str, Finding] = {}
    walk = list(reachable(code))
    for position, instruction in enumerate(walk):
        allowed = next(names for end, names in regions if instruction.offset < end)
        name = instruction.name
        if name is None:
            reason, code_name = f"byte 0x{instruction.opcode:02x}, which is no opcode,", "opcode-unknown"
        elif name not in allowed:
            reason, code_name = name, "opcode-forbidden"
        elif name == "GAS" and not _is_for_call(walk, position):
            reason, code_name = "GAS other than for a call", "opcode-forbidden"
        else:
            continue
        message = f"{reason} at byte {instruction.offset} of the {part} code is not allowed in a rule"
        found.setdefault(reason, Finding("bytecode", code_name, message))
    return tuple(found.values())


def _is_for_call(walk: list[Instruction], position: int) -> bool:
    """Whether the instruction is directly followed by a call: what the compiler emits to pass on all gas."""
    following = walk[position + 1 : position + 2]
    return bool(following) and following[0].name in ("CALL", "STATICCALL")


def _size_finding(part: str, size: int, limit: int) -> Finding:
    return Finding("bytecode", "code-size", f"the {part} code has {size} bytes; it must have 1 to {limit}")
