"""What a rule may say, judged on the compiler's own syntax tree.

Whatever is not known here is refused. The shape of the argument: a rule can act on the world only through values of
a contract type; the only such value is ``IKernel(msg.sender)``, which is the kernel; and the only thing that can be
done with it, besides handing it to the rule's own internal functions, is to call the kernel's functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from verify.compile import INTERFACE_SOURCE, RULE_SOURCES
from verify.findings import Finding
from verify.standard_json import line_and_column, offset_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Node = dict[str, Any]

_PLAIN_NODES = {
    *("SourceUnit", "StructuredDocumentation", "InheritanceSpecifier", "OverrideSpecifier", "IdentifierPath"),
    *("StructDefinition", "EnumDefinition", "EnumValue", "ErrorDefinition", "UserDefinedValueTypeDefinition"),
    *("ModifierDefinition", "ModifierInvocation", "ParameterList", "UsingForDirective"),
    *("ElementaryTypeName", "UserDefinedTypeName", "ArrayTypeName", "ElementaryTypeNameExpression"),
    *("Block", "UncheckedBlock", "PlaceholderStatement", "IfStatement", "ForStatement", "WhileStatement"),
    *("DoWhileStatement", "Continue", "Break", "Return", "RevertStatement", "TryStatement", "TryCatchClause"),
    *("VariableDeclarationStatement", "ExpressionStatement", "Assignment", "TupleExpression", "UnaryOperation"),
    *("Conditional", "IndexAccess", "IndexRangeAccess", "Literal"),
}
_REFUSED_NODES = {
    "InlineAssembly": ("assembly-forbidden", "a rule may not hold inline assembly"),
    "EmitStatement": ("event-forbidden", "a rule may not emit events"),
    "EventDefinition": ("event-forbidden", "a rule may not emit events"),
    "FunctionTypeName": ("function-value-forbidden", "functions may be called, not kept in variables"),
    "FunctionCallOptions": ("call-options-forbidden", "a call may not set value, gas or salt"),
    "Mapping": ("state-forbidden", "a rule has no storage; its state lives in the kernel: load and store"),
}
_CLOSED_NODES = {"ImportDirective", "InlineAssembly"}  # judged as a whole
_CALL_KINDS = {
    *("event", "creation"),  # emitting and creating are refused where they stand
    *(
        "internal",
        "external",
        "objectcreation",
        "error",
        "require",
        "assert",
        "revert",
        "keccak256",
        "addmod",
        "mulmod",
    ),
    *("abiencode", "abiencodepacked", "bytesconcat", "stringconcat", "metatype", "wrap", "unwrap"),
}
_LOW_LEVEL_KINDS = {
    *("barecall", "baredelegatecall", "barestaticcall", "barecallcode", "send", "transfer", "delegatecall"),
}
_MAGIC_MEMBERS = {  # what may be called of abi is decided at the call
    "message": {"sender"},
    "block": {"number", "timestamp"},
    "abi": {"encode", "encodePacked", "decode", "encodeCall", "encodeWithSelector", "encodeWithSignature"},
    "meta": {"min", "max"},
}


def check_tree(ast: Node, imported: Mapping[str, Node], source: str, file: str) -> tuple[Finding, ...]:
    """All findings, of stage ``admission``, on the rule's syntax tree, in the order of their places.

    Args:
        ast: The rule's source unit.
        imported: The trees of the imported files by their virtual paths.
        source: The rule's text, to tell lines.
        file: How findings name it.
    """
    contracts = {node["name"]: node for node in imported[INTERFACE_SOURCE]["nodes"] if _is(node, "ContractDefinition")}
    walk = _Walk(
        kernel_type=f"t_contract$_IKernel_${contracts['IKernel']['id']}",
        rule_interface=contracts["IClearingRule"]["id"],
        rule_functions={node["id"] for node in contracts["IClearingRule"]["nodes"] if _is(node, "FunctionDefinition")},
    )
    walk.run(ast)
    found = sorted({(offset_of(node), code, message) for node, code, message in walk.found})
    return tuple(
        Finding("admission", code, message, file, *line_and_column(source, offset)) for offset, code, message in found
    )


@dataclass(slots=True)
class _Walk:
    """One pass over the tree, without recursion: a hostile tree may be deeper than Python's stack."""

    kernel_type: str
    rule_interface: int
    rule_functions: set[int]
    found: list[tuple[Node, str, str]] = field(default_factory=list)
    callees: set[int] = field(default_factory=set)
    """Expressions that stand where a function is called, by node id."""
    kernel_senders: set[int] = field(default_factory=set)
    """The ``msg.sender`` of each ``IKernel(msg.sender)``, by node id."""
    kernel_places: set[int] = field(default_factory=set)
    """Declarations that may hold the kernel: locals, and parameters of internal functions, by node id."""

    def run(self, ast: Node) -> None:
        waiting: list[tuple[Node, bool]] = [(ast, False)]
        while waiting:
            node, in_construction = waiting.pop()
            in_construction = in_construction or _begins_construction(node)
            self._visit(node, in_construction=in_construction)
            if node["nodeType"] not in _CLOSED_NODES:
                waiting.extend((child, in_construction) for child in _children(node))

    def _refuse(self, node: Node, code: str, message: str) -> None:
        self.found.append((node, code, message))

    def _visit(self, node: Node, *, in_construction: bool) -> None:
        kind = node["nodeType"]
        if kind in _REFUSED_NODES:
            self._refuse(node, *_REFUSED_NODES[kind])
        elif kind == "MemberAccess":
            self._member(node, in_construction=in_construction)
        else:
            visit = {
                "PragmaDirective": self._pragma,
                "ImportDirective": self._import,
                "ContractDefinition": self._contract,
                "FunctionDefinition": self._function,
                "VariableDeclaration": self._variable,
                "VariableDeclarationStatement": self._declaration,
                "FunctionCall": self._call,
                "NewExpression": self._new,
                "Identifier": self._identifier,
                "BinaryOperation": self._binary,
            }.get(kind)
            if visit is not None:
                visit(node)
            elif kind not in _PLAIN_NODES:
                self._refuse(node, "syntax-unknown", f"{kind} is not known to be safe in a rule")
        self._expression_type(node)

    def _pragma(self, node: Node) -> None:
        if node["literals"][0] != "solidity":
            self._refuse(node, "pragma", "the only pragma of a rule is the compiler's version")

    def _import(self, node: Node) -> None:
        if node["absolutePath"] not in RULE_SOURCES:
            self._refuse(node, "import-forbidden", f"a rule may import {' and '.join(RULE_SOURCES)}")

    def _contract(self, node: Node) -> None:
        if node["contractKind"] == "library":
            return  # its functions are held to be internal, like the rule's
        bases = [base["baseName"]["referencedDeclaration"] for base in node["baseContracts"]]
        if node["contractKind"] != "contract" or node["abstract"] or bases != [self.rule_interface]:
            message = (
                "beside internal libraries, one contract that inherits from IClearingRule alone is all there may be"
            )
            self._refuse(node, "inheritance-forbidden", message)

    def _function(self, node: Node) -> None:
        parameters = node["parameters"]["parameters"]
        if node["kind"] in ("fallback", "receive"):
            self._refuse(node, "fallback-forbidden", "a rule has neither fallback nor receive")
        elif node["stateMutability"] == "payable":
            self._refuse(node, "payable-forbidden", "a rule takes no money")
        elif node["kind"] == "constructor":
            if any(_type(parameter) != "t_uint256" for parameter in parameters):
                self._refuse(node, "constructor-parameters", "a rule's constructor parameters are all uint256")
        elif node["kind"] == "freeFunction" or node["visibility"] in ("internal", "private"):
            self.kernel_places.update(item["id"] for item in [*parameters, *node["returnParameters"]["parameters"]])
        elif not self.rule_functions.intersection(node.get("baseFunctions", [])):
            message = "clear is the only external or public function of a rule; let helpers be internal"
            self._refuse(node, "external-function-forbidden", message)

    def _declaration(self, node: Node) -> None:
        self.kernel_places.update(item["id"] for item in node["declarations"] if item is not None)

    def _variable(self, node: Node) -> None:
        if node["stateVariable"] and node["mutability"] not in ("constant", "immutable"):
            message = "a rule's state lives in the kernel (load, store): only constants and immutables here"
            self._refuse(node, "state-forbidden", message)
        elif node["storageLocation"] in ("storage", "transient"):
            self._refuse(node, "state-forbidden", "a rule has no storage")
        if "t_contract$" in _type(node) and not self._may_hold_kernel(node):
            message = "only locals and parameters of internal functions may hold a contract, and only the IKernel"
            self._refuse(node, "contract-value-forbidden", message)

    def _may_hold_kernel(self, node: Node) -> bool:
        return _type(node) == self.kernel_type and node["id"] in self.kernel_places

    def _call(self, node: Node) -> None:
        if node["kind"] == "typeConversion":
            self._conversion(node)
            return
        callee = node["expression"]
        if _is(callee, "FunctionCallOptions"):
            callee = callee["expression"]  # the options are refused where they stand
        self.callees.update((callee["id"], node["expression"]["id"]))
        if node["kind"] == "structConstructorCall":
            kind = "struct"
        else:
            kind = _function_kind(callee)
            if kind in _LOW_LEVEL_KINDS:
                self._refuse(
                    node, "low-level-call", f"{callee.get('memberName', kind)}: a rule makes no low-level calls"
                )
            elif kind not in _CALL_KINDS:
                name = callee.get("memberName") or callee.get("name") or kind
                self._refuse(node, "builtin-forbidden", f"{name} is not allowed in a rule")
            elif kind == "external" and not self._is_kernel_call(callee):
                message = "the only external calls of a rule are the kernel's functions on IKernel(msg.sender)"
                self._refuse(node, "external-call-forbidden", message)
        if kind != "internal" and any("t_contract$" in _type(argument) for argument in node["arguments"]):
            message = "the kernel may be handed to internal functions only"
            self._refuse(node, "contract-value-forbidden", message)

    def _is_kernel_call(self, callee: Node) -> bool:
        return _is(callee, "MemberAccess") and _type(callee["expression"]) == self.kernel_type

    def _conversion(self, node: Node) -> None:
        (argument,) = node["arguments"]
        if "t_contract$" in _type(node):
            if _type(node) == self.kernel_type and _is_message_sender(argument):
                self.kernel_senders.add(argument["id"])
            else:
                message = "the only conversion to a contract type in a rule is IKernel(msg.sender)"
                self._refuse(node, "contract-value-forbidden", message)
        elif "t_contract$" in _type(argument):
            self._refuse(node, "contract-value-forbidden", "the kernel may not be converted to anything else")

    def _new(self, node: Node) -> None:
        self.callees.add(node["id"])
        if _function_kind(node) != "objectcreation":
            self._refuse(node, "creation-forbidden", "a rule may create arrays in memory, not contracts")

    def _identifier(self, node: Node) -> None:
        if node["name"] in ("this", "super"):
            self._refuse(node, "self-forbidden", f"{node['name']} is not allowed in a rule")

    def _binary(self, node: Node) -> None:
        if any("t_contract$" in _type(node[side]) for side in ("leftExpression", "rightExpression")):
            self._refuse(node, "contract-value-forbidden", "the kernel may not be compared")

    def _member(self, node: Node, *, in_construction: bool) -> None:
        owner, member = _type(node["expression"]), node["memberName"]
        magic = re.match(r"t_magic_([a-z]+)", owner)
        if magic:
            allowed = member in _MAGIC_MEMBERS.get(magic[1], set())
            if not allowed or (in_construction and magic[1] in ("message", "block")):
                where = " in its constructor" if allowed else ""
                self._refuse(node, "environment-forbidden", f"a rule may not ask for {member}{where}")
            elif magic[1] == "message" and node["id"] not in self.kernel_senders:
                self._refuse(node, "environment-forbidden", "msg.sender is only for IKernel(msg.sender)")
        elif owner in ("t_address", "t_address_payable") and _function_kind(node) not in _LOW_LEVEL_KINDS:
            self._refuse(node, "environment-forbidden", f"a rule may not ask for an address's {member}")

    def _expression_type(self, node: Node) -> None:
        """Refuses values of a type that no rule needs, wherever they come from."""
        kind = _type(node)
        is_expression = node["nodeType"] in _TYPED_EXPRESSIONS
        if is_expression and _function_kind(node) and node["id"] not in self.callees:
            self._refuse(node, "function-value-forbidden", "a function may only be called, right where it is named")
        if is_expression and kind.startswith("t_array") and "t_contract$" in kind:
            self._refuse(node, "contract-value-forbidden", "contracts may not be kept in arrays")


_TYPED_EXPRESSIONS = {"Identifier", "MemberAccess", "Conditional", "TupleExpression", "IndexAccess", "Assignment"}


def _is(node: Mapping[str, Any], kind: str) -> bool:
    return bool(node["nodeType"] == kind)


def _type(node: Mapping[str, Any]) -> str:
    """The compiler's name of an expression's or declaration's type; empty where it has none."""
    return str((node.get("typeDescriptions") or {}).get("typeIdentifier") or "")


def _function_kind(node: Mapping[str, Any]) -> str:
    """``external``, ``barecall``, …; empty for what is no function."""
    match = re.match(r"t_function_([a-z0-9]+)_", _type(node))
    return match[1] if match else ""


def _is_message_sender(node: Mapping[str, Any]) -> bool:
    return (
        _is(node, "MemberAccess") and node["memberName"] == "sender" and _type(node["expression"]) == "t_magic_message"
    )


def _begins_construction(node: Mapping[str, Any]) -> bool:
    """Whether what is below runs in the constructor."""
    if _is(node, "FunctionDefinition"):
        return bool(node["kind"] == "constructor")
    return _is(node, "VariableDeclaration") and bool(node["stateVariable"])


def _children(node: Mapping[str, Any]) -> Iterator[Node]:
    for value in node.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict) and "nodeType" in item:
                yield item
