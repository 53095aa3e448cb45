"""For every rule of admission: the smallest rule that breaks it, met by its code and line, and one that does not."""

import copy
import time

import pyrevm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.admission import admit, decode_source
from verify.ast_rules import check_tree
from verify.bytecode import check_creation, check_runtime, instructions, reachable
from verify.compile import compile_unit
from verify.contracts import contracts_dir
from verify.findings import CandidateRejectedError
from verify.source_rules import MAX_FINDINGS, MAX_SOURCE_BYTES, check_source

RULE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {IClearingRule, IKernel, Order, Fill} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";
<top>
contract Rule is IClearingRule {
    <members>
    function clear(Order[] calldata orders) external returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
        IKernel kernel = IKernel(msg.sender);
        kernel.store(0, kernel.load(0) + 1);
        <body>
    }
}
"""
# Everything that a rule may use, in one.
RICH = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
/// @title 売買 — outside code any letter may stand
import {IClearingRule, IKernel, Order, Fill} from "pactsmith/IKernel.sol";
import {Math} from "pactsmith/Math.sol";

type Price is uint256;
error Bad(uint256 what);
enum Side { Sell, Buy }
struct Leg { uint256 spent; uint256 received; Side side; }

library Twice {
    function dbl(uint256 x) internal pure returns (uint256) { return 2 * x; }
}

using {plus as +} for Price global;
function plus(Price a, Price b) pure returns (Price) { return Price.wrap(Price.unwrap(a) + Price.unwrap(b)); }
function venues(IKernel kernel) view returns (uint256) { return kernel.venueCount(); }

contract Rich is IClearingRule {
    using Twice for uint256;
    uint256 private constant ONE = 1e18;
    uint256 public immutable feePips;
    uint256 private immutable most = type(uint128).max;

    constructor(uint256 feePips_) {
        require(feePips_ < 1e6, "the fee must be below a million parts per million");
        require(feePips_ != 17, "the fee must be below a million parts per million");
        require(feePips_ != 18, "the fee must be below a million parts per million");
        feePips = feePips_;
    }

    modifier some(uint256 n) { if (n == 0) revert Bad(0); _; }

    /// @dev "assembly" and import "x" in a comment or a string are only words: assembly
    function clear(Order[] calldata orders) external some(orders.length) returns (Fill[] memory fills) {
        string memory words = 'assembly { } // import "y"';
        fills = new Fill[](orders.length);
        IKernel kernel = IKernel(msg.sender);
        (IKernel same, uint256 one) = _both(kernel);
        for (uint256 i; i < orders.length; ++i) {
            if (orders[i].validTo < block.timestamp || block.number == 0) continue;
            (uint256 spent, uint256 received,) = same.quote(0, orders[i].sellToken, orders[i].sellAmount / one);
            Leg memory leg = Leg({spent: spent, received: received, side: Side.Sell});
            try kernel.trade(0, orders[i].sellToken, leg.spent, 0) returns (uint256 a, uint256 b, uint160) {
                unchecked { fills[i] = Fill(a, b); }
            } catch Error(string memory) {
                break;
            } catch (bytes memory) {
                delete fills[i];
            }
        }
        bytes32 hash = keccak256(abi.encodePacked(bytes(words), abi.encode(orders[0].trader)));
        uint256[] memory list = new uint256[](3);
        list[0] = Math.mulDiv(feePips.dbl(), ONE, venues(kernel)) + uint256(hash) % most;
        do { list[1]++; } while (list[1] < 3);
        while (list[2] < 2) list[2] += addmod(list[1], 1, 7) > 3 ? 1 : 2;
        assert(Price.unwrap(Price.wrap(list[0]) + Price.wrap(0)) == list[0]);
        kernel.donate(0, orders[0].sellToken, 0);
        require(list[1] > 0, Bad(list[1]));
    }

    function _both(IKernel kernel) private pure returns (IKernel, uint256) { return (kernel, 1); }
}
"""


def rule(top="", members="", body=""):
    return RULE.replace("<top>", top).replace("<members>", members).replace("<body>", body)


def expected(source):
    """The (line, code) that the marks ``//! code code`` in a bad rule promise."""
    marked = [(n, line.partition("//!")[2].split()) for n, line in enumerate(source.split("\n"), 1) if "//!" in line]
    return {(line, code) for line, codes in marked for code in codes}


def findings(source):
    with pytest.raises(CandidateRejectedError) as caught:
        admit(source, file="Bad.sol")
    return caught.value.findings


def met(source):
    return {(finding.line, finding.code) for finding in findings(source)}


OTHER = "contract Other { } //! inheritance-forbidden"
ERC20 = "interface IToken { function transfer(address, uint256) external; }"
ERC20 += " //! inheritance-forbidden external-function-forbidden"
HELPERS = "function f(uint256 x) private pure returns (uint256) { return x; }\n"
PAIR = HELPERS + "function g(uint256 x) private pure returns (uint256) { return 2 * x; }\n"

# By name, a bad rule and a good one that differs from it in nothing else.
CASES = {
    "state": (rule(members="uint256 count; //! state-forbidden"), rule(members="uint256 constant COUNT = 1;")),
    "transient state": (
        rule(members="uint256 transient count; //! state-forbidden"),
        rule(members="uint256 immutable count = 3;"),
    ),
    "mapping": (rule(members="mapping(uint256 => uint256) seen; //! state-forbidden"), rule()),
    "storage pointer": (
        rule(members="function f(uint256[] storage a) private view { a[0]; } //! state-forbidden"),
        rule(members="function f(uint256[] memory a) private pure { a[0]; }"),
    ),
    "new contract": (
        rule(top=OTHER, body="new Other(); //! creation-forbidden"),
        rule(body="new uint256[](3);"),
    ),
    "call": (rule(body='orders[0].trader.call(""); //! low-level-call'), rule(body="kernel.venueCount();")),
    "staticcall": (rule(body='orders[0].trader.staticcall(""); //! low-level-call'), rule()),
    "delegatecall": (rule(body='orders[0].trader.delegatecall(""); //! low-level-call'), rule()),
    "send": (rule(body="payable(orders[0].trader).send(1); //! low-level-call"), rule()),
    "transfer": (rule(body="payable(orders[0].trader).transfer(1); //! low-level-call"), rule()),
    "selfdestruct": (rule(body="selfdestruct(payable(orders[0].trader)); //! builtin-forbidden"), rule()),
    "token": (
        rule(
            top=ERC20,
            body="IToken(orders[0].sellToken).transfer(orders[0].trader, 1);"
            " //! contract-value-forbidden external-call-forbidden",
        ),
        rule(),
    ),
    "another kernel": (
        rule(body="IKernel(orders[0].trader).venueCount(); //! contract-value-forbidden"),
        rule(body="IKernel(msg.sender).venueCount();"),
    ),
    "kernel by parentheses": (
        rule(body="IKernel((msg.sender)).venueCount(); //! contract-value-forbidden environment-forbidden"),
        rule(),
    ),
    "an own IKernel": (
        rule(
            top="interface K { //! inheritance-forbidden\n"
            "function load(uint256) external; } //! external-function-forbidden",
            body="K(msg.sender).load(1); //! contract-value-forbidden external-call-forbidden environment-forbidden",
        ),
        rule(),
    ),
    "the rule interface on the kernel": (
        rule(
            body="IClearingRule(msg.sender).clear(orders);"
            " //! contract-value-forbidden external-call-forbidden environment-forbidden"
        ),
        rule(),
    ),
    "this": (rule(body="this.clear(orders); //! self-forbidden external-call-forbidden"), rule()),
    "this as address": (rule(body="address(this); //! self-forbidden contract-value-forbidden"), rule()),
    "kernel as address": (rule(body="address(kernel); //! contract-value-forbidden"), rule()),
    "kernel encoded": (
        rule(body="abi.encode(kernel); //! contract-value-forbidden"),
        rule(body="abi.encode(orders[0].nonce);"),
    ),
    "kernel compared": (rule(body="kernel == kernel; //! contract-value-forbidden"), rule()),
    "kernel converted": (rule(body="IKernel(kernel); //! contract-value-forbidden"), rule()),
    "kernel kept": (
        rule(members="IKernel constant K = IKernel(address(1)); //! contract-value-forbidden"),
        rule(),
    ),
    "kernel in an array": (
        rule(body="IKernel[] memory many = new IKernel[](1);\n many[0] = kernel; //! contract-value-forbidden").replace(
            "(1);\n", "(1); //! contract-value-forbidden\n"
        ),
        rule(body="uint256[] memory many = new uint256[](1);\n many[0] = 1;"),
    ),
    "kernel in a struct": (
        rule(top="struct Box { IKernel kernel; } //! contract-value-forbidden"),
        rule(top="struct Box { uint256 size; }"),
    ),
    "kernel in an error": (
        rule(
            top="error Bad(IKernel); //! contract-value-forbidden",
            body="revert Bad(kernel); //! contract-value-forbidden",
        ),
        rule(top="error Bad(uint256);", body="revert Bad(1);"),
    ),
    "decode": (
        rule(body="abi.decode(abi.encode(1), (IKernel)); //! builtin-forbidden contract-value-forbidden"),
        rule(),
    ),
    "encode a call": (
        rule(body="abi.encodeCall(kernel.load, (1)); //! builtin-forbidden function-value-forbidden"),
        rule(),
    ),
    "function variable": (
        rule(
            members=HELPERS,
            body="function(uint256) pure returns (uint256) h = f; h(1); //! function-value-forbidden",
        ),
        rule(members=HELPERS, body="uint256 h = f(1); h;"),
    ),
    "function chosen": (
        rule(members=PAIR, body="(orders.length > 1 ? f : g)(1); //! function-value-forbidden"),
        rule(members=PAIR, body="orders.length > 1 ? f(1) : g(1);"),
    ),
    "function in parentheses": (rule(members=PAIR, body="(f)(1); //! function-value-forbidden"), rule()),
    "function selected": (rule(body="kernel.load.selector; //! function-value-forbidden"), rule()),
    "external function parameter": (
        rule(
            members="function f(function(uint256) external g) private { g(1); }"
            " //! function-value-forbidden external-call-forbidden"
        ),
        rule(),
    ),
    "call options": (
        rule(body="kernel.venueCount{gas: 9}(); //! call-options-forbidden"),
        rule(body="kernel.venueCount();"),
    ),
    "event": (
        rule(members="event Seen(uint256 n); //! event-forbidden", body="emit Seen(1); //! event-forbidden"),
        rule(top="error Seen(uint256 n);"),
    ),
    "receive": (rule(members="receive() external payable { } //! fallback-forbidden"), rule()),
    "fallback": (rule(members="fallback() external { } //! fallback-forbidden"), rule()),
    "payable": (
        rule(members="constructor() payable { } //! payable-forbidden"),
        rule(members="constructor() { }"),
    ),
    "constructor parameters": (
        rule(members="constructor(uint256 a, uint128 b) { } //! constructor-parameters"),
        rule(members="constructor(uint256 a, uint256 b) { }"),
    ),
    "constructor takes a kernel": (
        rule(members="constructor(IKernel kernel) { } //! constructor-parameters contract-value-forbidden"),
        rule(),
    ),
    "constructor calls": (
        rule(members="constructor() { IKernel(msg.sender).venueCount(); } //! environment-forbidden"),
        rule(),
    ),
    "constructor knows when": (
        rule(members="uint256 immutable born = block.number; //! environment-forbidden"),
        rule(members="uint256 immutable born = 3;", body="block.number;"),
    ),
    "inheritance": (
        rule(top="abstract contract Base { } //! inheritance-forbidden").replace(
            "contract Rule is IClearingRule {", "contract Rule is Base, IClearingRule { //! inheritance-forbidden"
        ),
        rule(top="library Base { }"),
    ),
    "an unfinished rule": (
        rule(top="abstract contract Half is IClearingRule { } //! inheritance-forbidden"),
        rule(),
    ),
    "another external function": (
        rule(members="function peek() public pure returns (uint256) { return 1; } //! external-function-forbidden"),
        rule(members="function peek() internal pure returns (uint256) { return 1; }"),
    ),
    "overloaded clear": (rule(members="function clear() external { } //! external-function-forbidden"), rule()),
    "external library": (
        rule(top="library L { function f() external pure { } } //! external-function-forbidden"),
        rule(top="library L { function f() internal pure { } }"),
    ),
    "msg.sender alone": (
        rule(body="orders[0].trader == msg.sender; //! environment-forbidden"),
        rule(body="orders[0].trader == orders[0].sellToken;"),
    ),
    "msg.value": (
        rule(members="function f() private view returns (uint256) { return msg.value; } //! environment-forbidden"),
        rule(),
    ),
    "an address in a nested place": (
        rule(members="function f(address a) private view returns (uint256) { return [1, a.balance][1]; }").replace(
            "[1]; }", "[1]; } //! environment-forbidden"
        ),
        rule(members="function f(address a) private pure returns (uint256) { return [1, uint160(a)][1]; }"),
    ),
    "interface id": (
        rule(body="type(IKernel).interfaceId; //! environment-forbidden contract-value-forbidden"),
        rule(body="type(uint8).max;"),
    ),
    "code": (
        rule(
            top=OTHER,
            body="type(Other).runtimeCode; //! environment-forbidden contract-value-forbidden\n"
            "type(Other).creationCode; //! environment-forbidden contract-value-forbidden",
        ),
        rule(),
    ),
    **{
        name: (rule(body=f"{name}; //! environment-forbidden"), rule(body="block.timestamp; block.number;"))
        for name in (
            *("tx.origin", "tx.gasprice", "block.coinbase", "block.basefee", "block.prevrandao", "block.difficulty"),
            *("block.gaslimit", "block.chainid", "block.blobbasefee", "msg.data", "msg.sig"),
            *("orders[0].trader.balance", "orders[0].trader.code", "orders[0].trader.codehash"),
        )
    },
    **{
        name: (rule(body=f"{name}; //! builtin-forbidden"), rule(body='keccak256("");'))
        for name in (
            *("blockhash(1)", "blobhash(0)", "gasleft()", 'sha256("")', 'ripemd160("")', "ecrecover(0, 0, 0, 0)"),
            *("abi.encodeWithSelector(0x12345678)", 'abi.encodeWithSignature("f()")'),
        )
    },
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_rule_may_not_say_is_met_at_its_place(name):
    bad, _ = CASES[name]
    assert expected(bad)
    assert met(bad) == expected(bad)
    assert {finding.stage for finding in findings(bad)} == {"admission"}


@pytest.mark.parametrize("good", sorted({good for _, good in CASES.values()}))
def test_what_stands_next_to_it_passes(good):
    artifact = admit(good, file="Good.sol")
    assert artifact.name == "Rule"


def test_a_rule_that_uses_all_it_may_passes():
    artifact = admit(RICH, file="Rich.sol")
    names = {instruction.name for instruction in reachable(artifact.runtime_code)}
    assert {"CALL", "STATICCALL", "GAS", "CALLER", "TIMESTAMP", "NUMBER", "KECCAK256"} <= names
    assert "EXTCODESIZE" not in names  # the kernel's functions all return something


@pytest.mark.parametrize("path", sorted(contracts_dir().glob("templates/*.sol")), ids=lambda path: path.name)
def test_the_reference_rules_pass(path):
    admit(path.read_text(), file=path.name)


# --- the text ---------------------------------------------------------------------------------------------------------

TEXTS = {
    "assembly": (rule(body="assembly { } //! assembly-forbidden"), None),
    "no pragma": (RULE.replace("pragma solidity 0.8.30;", ""), {(None, "pragma")}),
    "caret": (rule().replace("0.8.30;", "^0.8.30; //! pragma"), None),
    "range": (rule().replace("0.8.30;", ">=0.8.0 <0.9.0; //! pragma"), None),
    "other version": (rule().replace("0.8.30;", "0.8.29; //! pragma"), None),
    "two pragmas": (rule(top="pragma abicoder v1; //! pragma"), {(5, "pragma"), (None, "pragma")}),
    "absolute import": (rule(top='import "/etc/passwd"; //! import-forbidden'), None),
    "parent import": (rule(top='import "../x"; //! import-forbidden'), None),
    "named import": (rule(top='import {X} from "x.sol"; //! import-forbidden'), None),
    "all import": (rule(top='import * as X from "./x.sol"; //! import-forbidden'), None),
    "spelled import": (rule(top='import "pactsmith/./Math.sol"; //! import-forbidden'), None),
    "escaped import": (rule(top=r'import "\x2fetc/passwd"; //! import-forbidden'), None),
    "import over lines": (rule(top='import //! import-forbidden\n"x.sol";'), None),
    "letters in a string": (rule(body='unicode"é"; //! non-ascii'), None),
    "letters in a name": (rule(body="uint256 а = 1; //! non-ascii"), None),  # a Cyrillic letter
    "direction": (rule(body="/* \u202e //! invisible-character\n */"), None),
    "isolate": (rule(body="// \u2066 //! invisible-character"), None),
    "zero width": (rule(body="// a\u200bb //! invisible-character"), None),
    "byte order mark": (rule(body="\ufeff //! invisible-character"), None),
    "line separator": (rule(body="// x\u2028 selfdestruct //! invisible-character"), None),
    "carriage return": (rule(body="// x\r selfdestruct //! invisible-character"), None),
    "form feed": (rule(body="// x\f //! invisible-character"), None),
    "nul": (rule(body="// \0 //! invisible-character"), None),
    "hangul filler": (rule(body="// \u3164 //! invisible-character"), None),
    "half a pair": (rule(body="// \ud800 //! invisible-character"), None),
    "too large": (rule(body="//" + "x" * MAX_SOURCE_BYTES), {(None, "source-too-large")}),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_a_text_may_not_hold_is_met_before_the_compiler(name):
    bad, codes = TEXTS[name]
    found = check_source(bad, "Bad.sol")
    assert {(finding.line, finding.code) for finding in found} == (expected(bad) if codes is None else codes)
    assert {(finding.stage, finding.file) for finding in found} == {("admission", "Bad.sol")}
    assert findings(bad) == found


def test_letters_in_comments_tabs_and_windows_lines_pass():
    admit(rule(body="// Überschuss – 余剰\n\t/* é */").replace("\n", "\r\n"), file="Good.sol")


def test_lines_are_counted_alike_in_texts_with_windows_lines():
    bad = CASES["state"][0]
    assert met(bad.replace("\n", "\r\n")) == expected(bad)


def test_all_findings_of_the_first_stage_that_fails_are_told_and_no_later_ones():
    both = rule(members="uint256 a; //! x\nuint256 b;\nfunction f() private view { tx.origin; block.coinbase; }")
    assert [f.line for f in findings(both)] == [7, 8, 9, 9]
    worse = both.replace("0.8.30;", "^0.8.30;") + 'import "x";'
    assert [finding.code for finding in findings(worse)] == ["import-forbidden", "pragma"]
    assert {finding.stage for finding in findings(both.replace("uint256 a", "uint257 a"))} == {"compile"}


def test_a_flood_of_findings_is_bounded():
    assert len(findings(rule(body="é\n" * 20_000))) == MAX_FINDINGS


@pytest.mark.parametrize("piece", ['"\\', "/*", "'\"", "/", "\u200b", "é", "import ", "pragma "])
def test_no_text_takes_long_to_judge(piece):
    text = piece * (MAX_SOURCE_BYTES // len(piece.encode()))
    start = time.process_time()
    assert check_source(text, "Bad.sol")
    assert time.process_time() - start < 2.0


def test_a_file_that_is_not_utf8_is_a_finding():
    with pytest.raises(CandidateRejectedError) as caught:
        decode_source(b"// ok\n// \xff\n", file="Bad.sol")
    (finding,) = caught.value.findings
    assert (finding.code, finding.file, finding.line) == ("encoding", "Bad.sol", 2)
    assert decode_source("// é".encode(), file="Good.sol") == "// é"


# --- the syntax tree, where the text's rules do not come first ---------------------------------------------------


def judge(source):
    artifact, imported = compile_unit(source, file="Bad.sol")
    return {(f.line, f.code) for f in check_tree(artifact.ast, imported, source, "Bad.sol")}


@pytest.mark.parametrize(
    "source",
    [
        rule(body="assembly { } //! assembly-forbidden"),
        rule(top="pragma abicoder v2; //! pragma"),
        rule(top='import "./Rule.sol"; //! import-forbidden'),
        rule(body='{ uint256 x; assembly ("memory-safe") { x := gas() } } //! assembly-forbidden'),
    ],
)
def test_the_tree_is_judged_without_trust_in_the_text(source):
    assert judge(source) == expected(source)


def test_a_part_of_the_language_that_is_not_known_is_refused():
    artifact, imported = compile_unit(rule(), file="Good.sol")
    assert check_tree(artifact.ast, imported, rule(), "Good.sol") == ()
    tree = copy.deepcopy(artifact.ast)
    contract = next(node for node in tree["nodes"] if node["nodeType"] == "ContractDefinition")
    contract["nodes"][0]["body"]["statements"][0]["nodeType"] = "TeleportStatement"
    (finding,) = check_tree(tree, imported, rule(), "Bad.sol")
    assert (finding.code, finding.line) == ("syntax-unknown", 9)


def test_a_constructor_that_asks_through_a_function_is_met_in_the_bytecode():
    source = rule(
        members="uint256 immutable born;\nconstructor() { born = _now(); }\n"
        "function _now() private view returns (uint256) { return block.timestamp; }",
        body="born;",
    )
    (finding,) = findings(source)
    assert (finding.stage, finding.code) == ("bytecode", "opcode-forbidden")
    assert "TIMESTAMP" in finding.message
    assert "creation" in finding.message


# --- the bytecode ---------------------------------------------------------------------------------------------------

SMALL = bytes.fromhex("5f5ff3")  # PUSH0 PUSH0 RETURN


def codes(found):
    return [(finding.code, finding.message.split(" at ")[0]) for finding in found]


FORBIDDEN = {
    *((0xF4, "DELEGATECALL"), (0xF2, "CALLCODE"), (0xFF, "SELFDESTRUCT"), (0xF0, "CREATE"), (0xF5, "CREATE2")),
    *((0x32, "ORIGIN"), (0x41, "COINBASE"), (0x3A, "GASPRICE"), (0x40, "BLOCKHASH"), (0x44, "PREVRANDAO")),
    *((0x48, "BASEFEE"), (0x49, "BLOBHASH"), (0x4A, "BLOBBASEFEE"), (0x46, "CHAINID"), (0x45, "GASLIMIT")),
    *((0x3C, "EXTCODECOPY"), (0x3F, "EXTCODEHASH"), (0x3B, "EXTCODESIZE"), (0x31, "BALANCE"), (0x47, "SELFBALANCE")),
    *((0x54, "SLOAD"), (0x55, "SSTORE"), (0x5C, "TLOAD"), (0x5D, "TSTORE"), (0x30, "ADDRESS"), (0x58, "PC")),
    *((0x59, "MSIZE"), (0xA0, "LOG0"), (0xA1, "LOG1"), (0xA2, "LOG2"), (0xA3, "LOG3"), (0xA4, "LOG4")),
}


@pytest.mark.parametrize(("opcode", "name"), sorted(FORBIDDEN))
def test_a_forbidden_opcode_is_met_where_it_can_run_and_only_there(opcode, name):
    byte = bytes([opcode])
    assert codes(check_runtime(byte + b"\x00")) == [("opcode-forbidden", name)]
    assert codes(check_runtime(SMALL + b"\x5b" + byte)) == [
        ("opcode-forbidden", name)
    ]  # looks like data; can be jumped to
    assert codes(check_runtime(b"\x57" + byte)) == [("opcode-forbidden", name)]  # falls through a conditional jump
    assert check_runtime(b"\x60" + byte + b"\x00") == ()  # push data
    assert check_runtime(b"\x7f" + byte * 32 + b"\x00") == ()
    assert check_runtime(b"\x60\x5b" + b"\x00" + byte) == ()  # that 5b is push data: behind STOP nothing is alive
    assert codes(check_runtime(b"\x00\x60" + b"\x5b" + b"\x5b" + byte)) == [("opcode-forbidden", name)]
    assert check_runtime(b"\x00\x61\x5b\x5b" + byte) == ()  # both 5b are push data, though the push itself is dead
    assert codes(check_creation(byte + b"\xfe" + SMALL, SMALL)) == [("opcode-forbidden", name)]


@pytest.mark.parametrize("opcode", [0x0C, 0x21, 0x4B, 0xA5, 0xEF, 0xF6, 0xFC])
def test_a_byte_that_is_no_opcode_is_refused_within_reach(opcode):
    assert [finding.code for finding in check_runtime(bytes([opcode]))] == ["opcode-unknown"]
    assert check_runtime(b"\xfe" + bytes([opcode])) == ()
    assert check_runtime(b"\xfe") == ()


@pytest.mark.parametrize(
    ("code", "fine"), [("5af1", True), ("5afa", True), ("5a50f1", False), ("5a", False), ("5a5b", False)]
)
def test_gas_is_only_for_the_call_that_follows(code, fine):
    found = codes(check_runtime(bytes.fromhex(code)))
    assert found == ([] if fine else [("opcode-forbidden", "GAS other than for a call")])


@pytest.mark.parametrize(
    ("opcode", "name"), [(0xF1, "CALL"), (0xFA, "STATICCALL"), (0x33, "CALLER"), (0x42, "TIMESTAMP"), (0x43, "NUMBER")]
)
def test_a_constructor_may_less_than_the_rest(opcode, name):
    runtime = bytes([opcode]) + SMALL
    assert check_runtime(runtime) == ()
    assert check_creation(SMALL + b"\xfe" + runtime, runtime) == ()
    assert codes(check_creation(bytes([opcode]) + b"\xfe" + runtime, runtime)) == [("opcode-forbidden", name)]


def test_creation_code_must_hold_the_runtime_code_once_at_an_instruction():
    good = b"\x5f\xfe" + SMALL
    assert check_creation(good, SMALL) == ()
    assert check_creation(good + b"\x33" * 32, SMALL) == ()  # constants behind, dead
    for bad in (b"\x5f\xfe", good + SMALL, b"\x5f\xfe\x60" + SMALL):
        assert [finding.code for finding in check_creation(bad, SMALL)] == ["bytecode-layout"]
    assert codes(check_creation(good + b"\x5b\xf4", SMALL)) == [("opcode-forbidden", "DELEGATECALL")]


def test_each_reason_is_told_once_with_its_first_place():
    found = check_runtime(bytes.fromhex("32325432"))
    assert [finding.message.split(" of ")[0] for finding in found] == ["ORIGIN at byte 0", "SLOAD at byte 2"]


def test_sizes_have_limits():
    assert check_runtime(b"\x5b" * 24_576) == ()
    assert [finding.code for finding in check_runtime(b"\x5b" * 24_577)] == ["code-size"]
    assert [finding.code for finding in check_runtime(b"")] == ["code-size"]
    assert check_creation(b"\x5b" * (49_152 - 3) + SMALL, SMALL) == ()
    assert [finding.code for finding in check_creation(b"\x5b" * (49_153 - 3) + SMALL, SMALL)] == ["code-size"]


def test_a_rule_whose_code_is_too_large_is_turned_down():
    texts = [f"{n:04d}" * 30 for n in range(180)]  # pushed by the code word by word
    lines = "\n".join(f"if (orders.length == {n}) revert('{text}');" for n, text in enumerate(texts))
    (finding,) = findings(rule(body=lines))
    assert (finding.stage, finding.code) == ("bytecode", "code-size")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0x5B, 0x5B, 0x60, 0x61, 0x63, 0x7F, 0x00, 0x50, 0xF4]), min_size=1, max_size=60))
def test_instructions_start_where_the_evm_lets_a_jump_land(body):
    target = pyrevm.EVM(spec_id="CANCUN")
    address = "0x" + "11" * 20
    starts = {i.offset for i in instructions(b"\x61\x00\x00\x56" + bytes(body)) if i.opcode == 0x5B}
    for offset in (4 + n for n, byte in enumerate(body) if byte == 0x5B):
        code = b"\x61" + offset.to_bytes(2, "big") + b"\x56" + bytes(body)
        target.insert_account_info(address, pyrevm.AccountInfo(code=code))
        try:
            target.message_call(caller="0x" + "22" * 20, to=address, gas=100_000)
            landed = True
        except RuntimeError as error:
            landed = "InvalidJump" not in str(error)
        assert landed == (offset in starts)
