import pytest

from buildstate_core.rules import reasons


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        pytest.param("code", "recipe_changed:code", id="code"),
        pytest.param("command", "recipe_changed:command", id="command"),
        pytest.param("param:release", "recipe_changed:param:release", id="param"),
        pytest.param("input:hosts", "input_changed:hosts", id="input"),
        pytest.param("input:a:b", "input_changed:a:b", id="input with a colon"),
        pytest.param("upstream:10", "upstream_changed:10", id="upstream"),
    ],
)
def test_a_changed_part_becomes_the_reason_that_names_it(part: str, reason: str) -> None:
    assert reasons.part_changed(part) == reason


@pytest.mark.parametrize(
    "code",
    [
        "never_completed",
        "failed_before",
        "lost_worker",
        "recipe_changed:command",
        "input_changed:hosts",
        "upstream_changed:10",
        "artifact_gone",
        "artifact_corrupt",
        "not_restorable",
        "rewound",
        "expired",
        "revoked",
        "forced",
        "unchanged",
        "covered_by:50",
        "waived",
        "derived_from:122",
        "held",
        "build_closed",
    ],
)
def test_every_code_of_the_design_has_a_text_that_names_what_it_is_about(code: str) -> None:
    text = reasons.describe(code)
    assert text != code
    assert "{" not in text
    assert code.partition(":")[2] in text


@pytest.mark.parametrize("code", ["blessed", "blessed:25", "blessed:{who}", "{}", ""])
def test_a_code_from_a_newer_release_is_given_as_it_is(code: str) -> None:
    assert reasons.describe(code) == code


def test_braces_in_what_a_reason_is_about_are_kept() -> None:
    assert "vars/{env}.yml" in reasons.describe("input_changed:vars/{env}.yml")
