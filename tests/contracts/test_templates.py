"""The descriptions of rules: what the bundled ones say, and that a wrong one is turned down with its place."""

from __future__ import annotations

import pytest

from ingest.errors import InputError
from verify.admission import admit
from verify.compile import constructor_data
from verify.findings import CandidateRejectedError
from verify.templates import MAX_UINT256, Parameter, Promises, load_template, templates

RULES = [
    "CallAuction",
    "FunctionMaximizing",
    "GreedySequencing",
    "MidpointCrossing",
    "Sequential",
    "VolatilityDonation",
]
GOOD = """
name = "Mine"
family = "settlement"
summary = "Something."

[promises]
order_independent = true
uniform_price = false
keeps_state = false
time_dependent = false

[[parameter]]
name = "feePips"
default = 5
min = 1
max = "340282366920938463463374607431768211456"
unit = "1e-6"
description = "A fee."

[[parameter]]
name = "window"
default = 0
min = 0
max = 0
unit = "blocks"
description = "A window."
"""


def described(folder, text):
    (folder / "Mine.toml").write_text(text, encoding="utf-8")
    path = folder / "Mine.sol"
    path.write_text("// a rule", encoding="utf-8")
    return path


def test_the_bundled_rules_are_there():
    assert [path.stem for path in templates()] == RULES


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_a_bundled_rule_is_admitted_and_its_constructor_is_as_described(path):
    template = load_template(path)
    artifact = admit(template.source, file=path.name)
    assert artifact.name == template.name == path.stem
    assert artifact.warnings == ()
    template.match(artifact)
    assert constructor_data(artifact, template.defaults()).startswith(artifact.creation_code)
    assert template.promises is not None
    assert template.promises.keeps_state == (".store(" in template.source)


def test_reads_every_field(tmp_path):
    template = load_template(described(tmp_path, GOOD))
    assert (template.name, template.family, template.summary) == ("Mine", "settlement", "Something.")
    assert template.source == "// a rule"
    assert template.promises == Promises(True, False, False, False)
    assert template.parameters == (
        Parameter("feePips", 5, 1, 1 << 128, "1e-6", "A fee."),
        Parameter("window", 0, 0, 0, "blocks", "A window."),
    )
    assert template.defaults() == {"feePips": 5, "window": 0}


def test_a_rule_without_a_description_has_no_parameters(tmp_path):
    path = tmp_path / "Mine.sol"
    path.write_text("// a rule", encoding="utf-8")
    template = load_template(path)
    assert (template.name, template.promises, template.parameters) == ("Mine", None, ())


def test_parameters_that_are_not_described_are_found_by_the_constructor(tmp_path):
    (volatility,) = [path for path in templates() if path.stem == "VolatilityDonation"]
    path = tmp_path / "VolatilityDonation.sol"
    path.write_text(volatility.read_text(encoding="utf-8"), encoding="utf-8")
    template = load_template(path)
    with pytest.raises(InputError, match=r"takes \(baseFeePips, gainPercent, halfLifeBatches\), described are \(\)"):
        template.match(admit(template.source, file=path.name))


def test_parameters_in_another_order_are_refused(tmp_path):
    (volatility,) = [path for path in templates() if path.stem == "VolatilityDonation"]
    path = tmp_path / "VolatilityDonation.sol"
    path.write_text(volatility.read_text(encoding="utf-8"), encoding="utf-8")
    text = volatility.with_suffix(".toml").read_text(encoding="utf-8")
    head, first, second, third = text.split("[[parameter]]")
    path.with_suffix(".toml").write_text("[[parameter]]".join([head, second + "\n", first, third]), encoding="utf-8")
    template = load_template(path)
    with pytest.raises(InputError, match="described are"):
        template.match(admit(template.source, file=path.name))


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('name = "Mine"\n', "", "name"),
        ('name = "Mine"', 'name = "Other"', "name"),
        ('family = "settlement"', 'family = "hooks"', "family"),
        ('summary = "Something."', "summary = 3", "summary"),
        ('summary = "Something."', 'summary = " "', "summary"),
        ('summary = "Something."', 'summary = "Something."\ncolour = "red"', "colour"),
        ("uniform_price = false\n", "", "promises.uniform_price"),
        ("uniform_price = false", "uniform_price = 1", "promises.uniform_price"),
        ("uniform_price = false", "uniform_price = false\nfair = true", "promises.fair"),
        ("default = 5", "default = 0", "parameter[0].default"),
        ("default = 5", "default = 5.0", "parameter[0].default"),
        ("default = 5", "default = true", "parameter[0].default"),
        ("default = 5", "default = -1", "parameter[0].default"),
        ("default = 5", "", "parameter[0].default"),
        ("min = 1", "min = 6", "parameter[0].default"),
        ("max = 0", "max = 0\nstep = 1", "parameter[1].step"),
        ("max = 0", "max = -1", "parameter[1].max"),
        ("min = 0\nmax = 0", "min = 1\nmax = 0", "parameter[1].min"),
        (f'"{1 << 128}"', f'"{MAX_UINT256 + 1}"', "parameter[0].max"),
        ('name = "window"', 'name = "feePips"', "parameter[1].name"),
        ('unit = "blocks"\n', "", "parameter[1].unit"),
    ],
)
def test_a_wrong_description_is_refused_with_its_place(tmp_path, old, new, field):
    assert GOOD.count(old) == 1
    with pytest.raises(InputError) as caught:
        load_template(described(tmp_path, GOOD.replace(old, new)))
    assert caught.value.field == field
    assert caught.value.file == str(tmp_path / "Mine.toml")


HEAD = GOOD[: GOOD.index("[promises]")]


@pytest.mark.parametrize(("text", "field"), [("name = ", None), ("promises = 3\n" + HEAD, "promises")])
def test_a_description_of_another_shape_is_refused(tmp_path, text, field):
    with pytest.raises(InputError) as caught:
        load_template(described(tmp_path, text))
    assert caught.value.field == field
    assert caught.value.file == str(tmp_path / "Mine.toml")


def test_a_missing_rule_and_one_that_is_no_text(tmp_path):
    with pytest.raises(InputError) as caught:
        load_template(tmp_path / "Nowhere.sol")
    assert caught.value.file == str(tmp_path / "Nowhere.sol")
    (tmp_path / "Bytes.sol").write_bytes(b"\xff\xfe")
    with pytest.raises(CandidateRejectedError):
        load_template(tmp_path / "Bytes.sol")


def test_values_are_held_to_their_ranges(tmp_path):
    template = load_template(described(tmp_path, GOOD))
    assert template.check({"feePips": 9}) == {"feePips": 9, "window": 0}
    for values, field in (({"feePips": 0}, "feePips"), ({"window": 1}, "window"), ({"fee": 1}, "fee")):
        with pytest.raises(InputError) as caught:
            template.check(values)
        assert caught.value.field == field
