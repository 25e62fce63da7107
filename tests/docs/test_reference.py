"""The reference is what the code says, and leaves nothing out. `make reference` writes it."""

import doctest
import importlib
from pathlib import Path

import pytest
import typer

from docs.generator import commands, errors, pages, reasons, settings, sources

from .snippets import ROOT

LEAVES = [pytest.param(each, id=" ".join(each.path)) for each in commands.root().leaves()]
REFERENCE = ROOT / "docs/reference"


def test_no_page_is_stale() -> None:
    assert [each.path for each in pages.stale(ROOT / "docs")] == []


def test_a_page_that_is_generated_no_more_is_stale(tmp_path: Path) -> None:
    for path, text in pages.generated().items():
        pages.Stale(path, text).write(tmp_path)
    old = tmp_path / "reference/commands/teleport.md"
    old.write_text(pages.MARK + "# bldst teleport\n")
    (tmp_path / "reference/by-hand.md").write_text("# By hand\n")
    (tmp_path / "reference/reasons.md").write_text(pages.MARK)
    assert [each.path for each in pages.stale(tmp_path)] == [
        "reference/reasons.md",
        "reference/commands/teleport.md",
    ]
    for each in pages.stale(tmp_path):
        each.write(tmp_path)
    assert not list(pages.stale(tmp_path))
    assert not old.exists()


@pytest.mark.parametrize("shown", LEAVES)
def test_a_command_is_documented_with_its_options_and_an_example(shown: commands.Shown) -> None:
    title = " ".join(("bldst", *shown.path))
    page = (REFERENCE / f"commands/{shown.path[0]}.md").read_text()
    _, found, section = page.partition(f"# {title}\n")
    assert found, f"{title} is not in the reference"
    section = section.partition("\n## ")[0]
    for param in shown.command.get_params(shown.context):
        record = param.get_help_record(shown.context)
        assert record is not None
        assert record[1].split("  [")[0].strip(), f"{param.name} of {title} says nothing"
        if "--help" not in param.opts:
            assert record[0].replace("|", "\\|") in section
    assert shown.examples, f"{title} has no example: add one to buildstate_cli/examples.py"
    for example in shown.examples:
        assert title in example
        assert example in section


@pytest.mark.parametrize("shown", LEAVES)
def test_the_help_of_a_command_ends_with_its_examples(shown: commands.Shown) -> None:
    said = shown.command.get_help(shown.context).splitlines()
    assert [line.strip() for line in said[-len(shown.examples) :]] == list(shown.examples)


def test_every_group_is_in_a_section_of_the_index() -> None:
    index = (REFERENCE / "commands/index.md").read_text()
    for each in commands.root().below():
        assert f"({each.path[0]}.md)" in index


def test_every_setting_that_the_code_knows_is_listed_and_no_other() -> None:
    names = {name for each in settings.variables() for name in each.names}
    listed = {name for each in names for name in settings.VARIABLE.findall(each)}
    assert listed == settings.in_the_code()
    page = (REFERENCE / "settings.md").read_text()
    assert all(f"`{name}`" in page for name in names)


def test_every_setting_says_something_and_is_listed_once() -> None:
    found = list(settings.variables())
    assert [each.names for each in found if not each.says] == []
    names = [name for each in found for name in each.names]
    assert len(names) == len(set(names))


def test_every_reason_has_its_words_and_what_to_do() -> None:
    known = [code for group in reasons.known().values() for code in group]
    assert sorted(known) == sorted(sources.reason_texts())
    for group in reasons.known().values():
        for code, said in group.items():
            assert ("{}" in sources.reason_texts()[code]) == ("carries" in said)
            assert said["do"].endswith(".")


def test_every_error_code_that_the_code_raises_is_explained_and_no_other() -> None:
    raised = errors.codes()
    known = [code for group in errors.known().values() for code in group]
    assert len(known) == len(set(known))
    unexplained = [each for each in raised if not any(errors.matches(one, each) for one in known)]
    assert unexplained == []
    assert [one for one in known if not any(errors.matches(one, each) for each in raised)] == []


def test_an_explanation_of_an_error_is_made_of_sentences() -> None:
    for group in errors.known().values():
        for said in group.values():
            assert said.endswith((".", "`."))
            assert said[0].isupper() or said.startswith("`")


@pytest.mark.parametrize("name", ["errors", "markdown"])
def test_the_examples_of_the_generator_hold(name: str) -> None:
    module = importlib.import_module(f"docs.generator.{name}")
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed


def test_a_command_without_an_example_is_noticed() -> None:
    app = typer.Typer()

    @app.command()
    def orphan() -> None:
        """Do something."""

    command = typer.main.get_command(app)
    assert commands.Shown(("orphan",), command, typer.Context(command)).examples == []
