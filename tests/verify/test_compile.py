"""Solidity in, bytecode or typed findings out; with no file access, a bound on everything, and an honest cache."""

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import eth_abi
import pytest

from ingest.errors import InputError
from verify import cache, solc, standard_json
from verify.cache import Cache
from verify.compile import (
    TrustedCompileError,
    artifact_id,
    candidate_id,
    compile_rule,
    compile_trusted,
    constructor_data,
    constructor_parameters,
)
from verify.findings import CandidateRejectedError
from verify.npm import node_modules
from verify.solc_process import CompilerFailedError, CompilerUnavailableError

HEAD = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;
import {IClearingRule, IKernel, Order, Fill} from "pactsmith/IKernel.sol";
"""
RULE = (
    HEAD
    + """contract Idle is IClearingRule {
    uint256 public immutable feePips;
    uint256 public immutable width;
    constructor(uint256 feePips_, uint256 width_) { feePips = feePips_; width = width_; }
    function clear(Order[] calldata orders) external pure returns (Fill[] memory fills) {
        fills = new Fill[](orders.length);
    }
}
"""
)
# A stand-in for a native solc that this machine may not have: the genuine compiler behind a native one's options.
NATIVE = """#!{node}
const solc = require("{package}");
const options = process.argv.slice(2);
if (options[0] === "--version") console.log("solc, the solidity compiler\\nVersion: {version}.Linux.g++");
else if (options.join(" ") === "--standard-json --no-import-callback") {{
  const input = require("fs").readFileSync(0, "utf8");
  {before}
  process.stdout.write(solc.compile(input));
}} else process.exit(1);
"""


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    """Nothing is answered from an earlier test's cache."""
    monkeypatch.setenv("PACTSMITH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiler"


@pytest.fixture
def other_compiler(monkeypatch):
    """The compiler is looked for anew during the test, and again after it."""
    for name in ("PACTSMITH_SOLC", "SOLCX_BINARY_PATH"):
        monkeypatch.delenv(name, raising=False)
    made = []
    find = solc._compiler_of.__wrapped__
    monkeypatch.setattr(solc, "_compiler_of", lambda process: made.append(find(process)) or made[-1])
    # The stand-in for a native compiler is a node program, and node reserves far more address space than it uses.
    monkeypatch.setattr(solc, "_NATIVE_MEMORY_BYTES", 2**44)
    yield
    for compiler in made:
        if isinstance(compiler, solc.SolcJsService):
            compiler.close()


@pytest.fixture
def service():
    service = solc.SolcJsService(shutil.which("node"), node_modules() / "solc")
    yield service
    service.close()


def native(path, version=solc.FULL_VERSION, before=""):
    text = NATIVE.format(node=shutil.which("node"), package=node_modules() / "solc", version=version, before=before)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def rejection(source, **options):
    with pytest.raises(CandidateRejectedError) as caught:
        compile_rule(source, **options)
    return caught.value.findings


def request(source):
    return json.dumps(
        {
            "language": "Solidity",
            "sources": {"A.sol": source if isinstance(source, dict) else {"content": source}},
            "settings": {"outputSelection": {"*": {"*": ["abi"]}}},
        }
    )


def test_a_rule_is_compiled():
    artifact = compile_rule(RULE)
    assert artifact.name == "Idle"
    assert artifact.compiler == "0.8.30+commit.73712a01"
    assert constructor_parameters(artifact.abi) == (("feePips_", "uint256"), ("width_", "uint256"))
    assert artifact.creation_code.endswith(artifact.runtime_code)
    assert len(artifact.runtime_code) > 100
    assert artifact.ast["nodeType"] == "SourceUnit"
    assert artifact.warnings == ()


def test_the_file_name_has_no_influence_on_the_code():
    first, second = compile_rule(RULE, file="a.sol"), compile_rule(RULE, file="/z/pactsmith/IKernel.sol")
    assert first == second


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "./README.md", "file:///etc/passwd", "https://x.test/y.sol", "pactsmith/../x"]
)
def test_no_import_is_read_from_a_file(path):
    (finding,) = rejection(HEAD + f'import "{path}";\n' + RULE.removeprefix(HEAD), file="dir/Bad.sol")
    assert (finding.stage, finding.code) == ("compile", "import-forbidden")
    assert (finding.file, finding.line, finding.column) == ("dir/Bad.sol", 4, 1)


def test_the_service_itself_opens_no_file(service, tmp_path):
    secret = tmp_path / "Secret.sol"
    secret.write_text("pragma solidity 0.8.30; contract Hush { uint256 constant KEY = 77123; }")
    attempts = [
        request(f'import "{secret}"; contract A is Hush {{}}'),
        request('import "./solc_service.cjs";'),  # it runs in that file's folder
        request({"urls": [str(secret)]}),
        request({"urls": [f"file://{secret}"]}),
        request(f'/// @solidity memory-safe-assembly\nimport "{os.path.relpath(secret, Path(solc.__file__).parent)}";'),
    ]
    for attempt in attempts:
        text = service.standard_json(attempt, seconds=30)
        reply = json.loads(text)
        assert any(error["severity"] == "error" for error in reply["errors"]), text
        assert "77123" not in text
        assert "parentPort" not in text
        assert not reply.get("contracts")


def test_an_error_has_its_line_and_its_column_in_characters():
    source = HEAD + "contract R is IClearingRule {\n    /* ü→🙂 */ uint256 constant X = y;\n}\n"
    findings = rejection(source, file="R.sol")
    assert [(f.code, f.line, f.column) for f in findings] == [("declaration-error", 5, 36)]
    assert findings[0].message == "Undeclared identifier."
    assert str(findings[0]) == "R.sol:5:36: Undeclared identifier. [declaration-error]"


def test_all_errors_are_told():
    findings = rejection(HEAD + "contract R {\n uint256 a = x;\n uint256 b = y;\n}\n")
    assert [finding.line for finding in findings] == [5, 6]


def test_warnings_are_kept_with_their_place():
    source = RULE.replace("external pure", "external").replace("// SPDX-License-Identifier: MIT\n", "\n")
    warnings = compile_rule(source, file="W.sol").warnings
    assert [(w.code, w.file, w.line) for w in warnings] == [("warning", "W.sol", None), ("warning", "W.sol", 8)]


@pytest.mark.parametrize(
    ("body", "code", "lines"),
    [
        ("contract R { }", "rule-missing", [None]),
        ("interface IClearingRule2 is IClearingRule { }", "rule-missing", [None]),
        ("abstract contract R is IClearingRule { }", "rule-missing", [None]),
        (RULE.removeprefix(HEAD) + "contract Other is Idle(1, 2) { }", "rule-ambiguous", [4, 12]),
        (
            "library L { function f(uint256 x) external pure returns (uint256) { return x; } }\n"
            + RULE.removeprefix(HEAD).replace("orders.length", "L.f(orders.length)"),
            "library-forbidden",
            [None],
        ),
    ],
)
def test_exactly_one_deployable_rule_must_be_there(body, code, lines):
    findings = rejection(HEAD + body)
    assert [finding.code for finding in findings] == [code] * len(lines)
    assert [finding.line for finding in findings] == lines


def test_a_rule_of_an_interface_with_the_same_name_is_none():
    source = "pragma solidity 0.8.30;\ninterface IClearingRule { }\ncontract R is IClearingRule { }\n"
    assert [finding.code for finding in rejection(source)] == ["rule-missing"]


def test_identity_is_by_content():
    canonical = '{"parameters":{"a":"1","b":"20"},"source":"x"}'
    assert candidate_id("x", {"b": 20, "a": 1}) == hashlib.sha256(canonical.encode()).hexdigest()
    assert candidate_id("x", {"a": 1}) != candidate_id("x", {"a": 2}) != candidate_id("y", {"a": 2})
    one = candidate_id("x", {})
    assert len({artifact_id(one), artifact_id(one, "0.8.31"), artifact_id(one, settings={}), one}) == 4
    assert compile_rule(RULE).artifact_id == artifact_id(candidate_id(RULE, {}))


def test_constructor_arguments_are_encoded_by_name():
    artifact = compile_rule(RULE)
    most = 2**256 - 1
    expected = artifact.creation_code + eth_abi.encode(["uint256", "uint256"], [500, most])
    assert constructor_data(artifact, {"width_": most, "feePips_": 500}) == expected


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"feePips_": 1}, "width_"),
        ({"feePips_": 1, "width_": 2, "more": 3}, "more"),
        ({"feePips_": -1, "width_": 2}, "feePips_"),
        ({"feePips_": 1, "width_": 2**256}, "width_"),
    ],
)
def test_constructor_arguments_that_do_not_fit_are_named(parameters, field):
    with pytest.raises(InputError) as caught:
        constructor_data(compile_rule(RULE), parameters)
    assert caught.value.field == field


def test_the_same_request_is_answered_from_disk_without_a_compiler(other_compiler, monkeypatch):
    first = compile_rule(RULE)
    refused = rejection(RULE.replace("fills =", "fills_ ="))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CompilerUnavailableError, match="make setup"):
        compile_rule(RULE + "\n")
    assert compile_rule(RULE) == first
    assert rejection(RULE.replace("fills =", "fills_ =")) == refused


def test_a_corrupt_entry_is_compiled_again_and_mended(fresh_cache):
    first = compile_rule(RULE)
    (entry,) = fresh_cache.iterdir()
    whole = entry.read_bytes()
    damaged = [
        b"",
        whole[: len(whole) // 2],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        b"{}",
        whole.replace(b"cache 1", b"cache 2", 1),
    ]
    for content in damaged:
        entry.write_bytes(content)
        assert compile_rule(RULE) == first
        assert entry.read_bytes() == whole


def test_an_entry_in_another_ones_place_is_not_taken(fresh_cache):
    compile_rule(RULE)
    (mine,) = fresh_cache.iterdir()
    other = compile_rule(RULE.replace("Idle", "Lazy"))
    (theirs,) = set(fresh_cache.iterdir()) - {mine}
    theirs.write_bytes(mine.read_bytes())
    assert compile_rule(RULE.replace("Idle", "Lazy")) == other


def test_the_cache_is_bounded_and_may_be_missing(fresh_cache, monkeypatch):
    monkeypatch.setattr(cache, "MAX_ENTRIES", 4)
    entries = Cache("compiler", 1000)
    for n in range(9):
        entries.save(f"{n:064x}", {"n": n})
        os.utime(fresh_cache / f"{n:064x}", (n, n))
    left = sorted(int(entry.name, 16) for entry in fresh_cache.iterdir())
    assert len(left) <= 4
    assert left[-1] == 8
    assert entries.load(f"{8:064x}") == {"n": 8}
    monkeypatch.setenv("PACTSMITH_CACHE", "/dev/null/nowhere")
    assert compile_rule(RULE).name == "Idle"


def test_what_is_used_stays_longest_in_a_full_cache(fresh_cache, monkeypatch):
    monkeypatch.setattr(cache, "MAX_ENTRIES", 4)
    entries = Cache("compiler", 1000)
    for n in range(4):
        entries.save(f"{n:064x}", {"n": n})
        os.utime(fresh_cache / f"{n:064x}", (n, n))
    assert entries.load(f"{0:064x}") == {"n": 0}
    entries.save(f"{4:064x}", {"n": 4})
    assert entries.load(f"{0:064x}") == {"n": 0}
    assert entries.load(f"{1:064x}") is None


def test_the_settings_and_the_imported_files_are_part_of_the_key(monkeypatch, fresh_cache):
    compile_rule(RULE)
    monkeypatch.setitem(standard_json.SETTINGS, "optimizer", {"enabled": True, "runs": 201})
    compile_rule(RULE)
    assert len(list(fresh_cache.iterdir())) == 2


def test_a_timeout_is_a_finding_and_is_not_remembered(monkeypatch, fresh_cache):
    with monkeypatch.context() as patch:
        patch.setattr(standard_json, "COMPILE_SECONDS", 0.001)
        (finding,) = rejection(RULE, file="Slow.sol")
    assert (finding.stage, finding.code, finding.file) == ("compile", "compiler-timeout", "Slow.sol")
    assert not fresh_cache.exists()
    assert compile_rule(RULE).name == "Idle"


def test_a_source_that_is_too_large_is_turned_down():
    (finding,) = rejection(RULE + "//" + "x" * solc.MAX_REQUEST_BYTES)
    assert finding.code == "source-too-large"


@pytest.mark.parametrize(
    "body",
    [
        "uint256 constant X = " + "(" * 20_000 + "1" + ")" * 20_000 + ";",
        "uint256 constant X = 1" + "+1" * 30_000 + ";",
        "uint256 constant X = " + "-" * 60_000 + "1;",
    ],
    ids=["parentheses", "sum", "minus"],
)
def test_a_source_that_breaks_the_compiler_is_a_finding_and_the_next_one_is_served(body, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(standard_json, "COMPILE_SECONDS", 3.0)
        findings = rejection(HEAD + body)
    assert {finding.stage for finding in findings} == {"compile"}
    assert compile_rule(RULE).name == "Idle"


def test_the_service_stays_warm_and_is_replaced_when_it_must_be_killed(service):
    ask = request("contract A { }")
    first = service.standard_json(ask, seconds=30)
    process = service._process
    assert service.standard_json(ask, seconds=30) == first
    assert service._process is process
    with pytest.raises(CompilerFailedError) as caught:
        service.standard_json(ask, seconds=0)
    assert caught.value.kind == "timeout"
    assert process.poll() == -signal.SIGKILL
    assert service.standard_json(ask, seconds=30) == first
    service._process.kill()
    service._process.wait()
    assert service.standard_json(ask, seconds=30) == first


def test_the_service_may_die_in_the_middle(service):
    service.standard_json(request("contract A { }"), seconds=30)
    killer = threading.Timer(0.2, service._process.kill)
    killer.start()
    long = "".join(f"contract A{n} {{ uint256 public x = {n}; }}" for n in range(3000))
    with pytest.raises(CompilerFailedError) as caught:
        service.standard_json(request(long), seconds=60)
    killer.join()
    assert caught.value.kind == "crashed"
    assert "A" in service.standard_json(request("contract A { }"), seconds=30)


def test_an_answer_has_a_limit(service, monkeypatch):
    monkeypatch.setattr(solc, "MAX_REPLY_BYTES", 1000)
    with pytest.raises(CompilerFailedError, match="size limit"):
        service.standard_json(request("contract A { " + "uint256 public x;" * 40 + " }"), seconds=30)


def test_threads_take_turns(service):
    answers = {}

    def ask(name):
        answers[name] = json.loads(service.standard_json(request(f"contract {name} {{ }}"), seconds=60))

    threads = [threading.Thread(target=ask, args=(f"C{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: list(reply["contracts"]["A.sol"]) for name, reply in answers.items()} == {n: [n] for n in answers}


def test_the_service_ends_with_its_parent_even_in_the_middle_of_a_compile(tmp_path):
    program = f"""
import shutil
from verify import solc
from verify.npm import node_modules
service = solc.SolcJsService(shutil.which("node"), node_modules() / "solc")
service.standard_json({request("contract A { }")!r}, seconds=30)
print(service._process.pid, flush=True)
long = "contract A {{ uint256 constant X = 1" + "+1" * 30_000 + "; }}"  # takes the compiler minutes
service.standard_json({request("XX")!r}.replace("XX", long), seconds=100)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    node = int(parent.stdout.readline())
    time.sleep(0.5)
    assert Path(f"/proc/{node}").exists()
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 5
    while Path(f"/proc/{node}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_service_that_cannot_start_says_why(tmp_path):
    service = solc.SolcJsService(shutil.which("node"), tmp_path / "nothing")
    with pytest.raises(CompilerUnavailableError, match=r"does not start: .*nothing.*make setup"):
        service.standard_json("{}", seconds=5)


def test_a_native_compiler_of_the_pinned_version_comes_first(other_compiler, tmp_path, monkeypatch, fresh_cache):
    by_service = compile_rule(RULE)
    shutil.rmtree(fresh_cache)
    monkeypatch.setenv("PACTSMITH_SOLC", str(native(tmp_path / "my-solc")))
    chosen = solc.choose()
    assert (chosen.kind, chosen.path, chosen.notes) == ("native", str(tmp_path / "my-solc"), ())
    assert compile_rule(RULE) == by_service
    assert [finding.code for finding in rejection(HEAD + 'import "/etc/passwd";')] == ["import-forbidden"]


def test_a_native_compiler_is_found_on_the_path_and_in_py_solc_x(other_compiler, tmp_path, monkeypatch):
    native(tmp_path / "solc-v0.8.30")
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path))
    assert solc.choose().path == str(tmp_path / "solc-v0.8.30")
    (tmp_path / "bin").mkdir()
    native(tmp_path / "bin" / "solc")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert solc.choose().path == str(tmp_path / "bin" / "solc")


def test_another_version_is_not_used_and_that_is_told(other_compiler, tmp_path, monkeypatch):
    monkeypatch.setenv("PACTSMITH_SOLC", str(native(tmp_path / "old", version="0.8.29+commit.ab55807c")))
    chosen = solc.choose()
    assert chosen.kind == "solc-js"
    assert "0.8.29+commit.ab55807c" in chosen.notes[0]
    monkeypatch.setenv("PACTSMITH_SOLC", str(tmp_path / "none"))
    assert "no working solc" in solc.choose().notes[0]


def test_a_native_compiler_that_hangs_or_dies_is_told(other_compiler, tmp_path):
    mark = tmp_path / "pid"
    path = native(tmp_path / "solc", before=f"require('fs').writeFileSync('{mark}', String(process.pid)); for (;;);")
    with pytest.raises(CompilerFailedError) as caught:
        solc.NativeCompiler(str(path)).standard_json(request("contract A { }"), seconds=2)
    assert caught.value.kind == "timeout"
    assert not Path(f"/proc/{mark.read_text()}").exists()
    path = native(tmp_path / "solc", before="process.kill(process.pid, 9);")
    with pytest.raises(CompilerFailedError, match="crashed"):
        solc.NativeCompiler(str(path)).standard_json(request("contract A { }"), seconds=20)


def test_trusted_contracts_are_compiled_with_what_they_import():
    contracts = compile_trusted(["kernel/SignedSettlement.sol", "kernel/HarnessSettlement.sol"])
    assert set(contracts) == {"SignedSettlement", "HarnessSettlement"}
    contract = contracts["SignedSettlement"]
    assert contract.name == "SignedSettlement"
    assert contract.creation_code.endswith(contract.runtime_code)
    assert "settle" in {entry.get("name") for entry in contract.abi}
    assert compile_trusted(["kernel/IKernel.sol"]) == {}


@pytest.mark.parametrize(
    ("files", "paths", "message"),
    [
        ({"a.sol": 'import "./b.sol";'}, ["a.sol"], r"contracts/b\.sol"),
        (
            {"x/a.sol": 'import "../b.sol";', "b.sol": "contract B { int x = y; }"},
            ["x/a.sol"],
            r"b\.sol:2:22: Undeclared",
        ),
        ({"a.sol": "contract A { }", "b.sol": "contract A { }"}, ["a.sol", "b.sol"], "too"),
        ({"a.sol": 'import "../../../etc/passwd";'}, ["a.sol"], "passwd"),
    ],
)
def test_a_trusted_contract_that_does_not_compile_says_why(files, paths, message, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"pragma solidity 0.8.30;\n{text}")
    monkeypatch.setattr("verify.compile.contracts_dir", lambda: tmp_path)
    with pytest.raises(TrustedCompileError, match=message):
        compile_trusted(paths)
