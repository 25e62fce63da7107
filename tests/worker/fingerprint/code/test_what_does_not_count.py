"""What changes a file and not what a function does, and what it does not reach."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from buildstate_worker.fingerprint.code import Code, code_of

CodeOf = Callable[[Mapping[str, str]], Code]
Load = Callable[[Mapping[str, str]], ModuleType]

BASE = """
from dataclasses import dataclass
LEVEL = 3
MIRRORS = {"eu": [1, 2]}
def unused():
    return 1
@dataclass
class Options:
    level: int = 1
    def high(self):
        return self.level + LEVEL
def fix(x, y=1):
    total = x + y
    return f"{total} of {MIRRORS}"
def harden(image):
    return fix(image), Options().high(), (lambda x: x)(1)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("    return 1\n", "    return 2\n", id="function that is not reached"),
        pytest.param("LEVEL = 3\n", "LEVEL = 3\nOTHER = 4\n", id="constant that is not reached"),
        pytest.param("\nLEVEL", "\nimport json, logging\nLEVEL", id="import that is not used"),
        pytest.param("LEVEL = 3\n", "# a level\nLEVEL = 3  # the highest\n", id="comment"),
        pytest.param("def fix", "\n\n\n\ndef fix", id="moved lines"),
        pytest.param(", y=1):", ', y=1):\n    """Add."""', id="docstring"),
        pytest.param("def high(self):", 'def high(self):\n        "High."', id="docstring inside"),
        pytest.param(
            "class Options:", 'class Options:\n    """What."""', id="docstring of a class"
        ),
        pytest.param("x + y", "(\n        x\n        +   y\n    )", id="formatting"),
        pytest.param("LEVEL = 3", "LEVEL: int = 3", id="annotation of a name"),
        pytest.param("total =", "total: int =", id="annotation of a variable"),
        pytest.param("(x, y=1):", "(x: int, y: int = 1) -> str:", id="annotation of a function"),
        pytest.param("LEVEL = 3", "LEVEL = 0x3", id="another way to write a number"),
        pytest.param("LEVEL = 3", "LEVEL = 1 + 2", id="another way to come to a constant"),
        pytest.param('f"{total} of ', 'f"{total}" " " f"of ', id="a string in pieces"),
        pytest.param('"{total} of {MIRRORS}"', "'{total} of {MIRRORS}'", id="other quotes"),
        pytest.param("    total =", "    pass\n    total =", id="pass"),
        pytest.param("    total =", "    ...\n    total =", id="constant that stands alone"),
        pytest.param("[1, 2]", "[1, 2,]", id="comma at the end"),
        pytest.param(
            "def unused():\n    return 1\n", "", id="function taken away that is not reached"
        ),
    ],
)
def test_what_only_looks_changed_does_not_count(old: str, new: str, code_in: CodeOf) -> None:
    assert BASE.count(old) == 1
    before, after = code_in({"pipeline.py": BASE}), code_in({"pipeline.py": BASE.replace(old, new)})
    assert before == after


def test_functions_in_another_order_are_the_same(code_in: CodeOf) -> None:
    text = "def a(): return 1\n", "def b(): return a()\n", "def harden(x): return b()\n"
    assert code_in({"pipeline.py": "".join(text)}) == code_in({"pipeline.py": "".join(text[::-1])})


def test_a_name_that_is_a_functions_own_is_no_global_of_that_name(code_in: CodeOf) -> None:
    text = dedent(
        """
        import helpers
        level = 1
        def harden(level):
            return [helpers for helpers in level if (lambda level: level)(helpers)]
        """
    )
    found = code_in({"pipeline.py": text, "helpers.py": "x = 1"})
    assert found.functions == ("pipeline.harden",)
    assert found.parts.keys() == {"pipeline.harden"}


def test_functions_that_call_each_other_are_found_once(code_in: CodeOf) -> None:
    text = dedent(
        """
        def a(n): return n and b(n - 1)
        def b(n): return n and a(n - 1)
        def harden(n): return n and a(n) and harden(n - 1)
        """
    )
    found = code_in({"pipeline.py": text})
    assert list(found.parts) == ["pipeline.a", "pipeline.b", "pipeline.harden"]
    assert found.functions == tuple(found.parts)


def test_values_that_hold_themselves_have_a_digest(code_in: CodeOf) -> None:
    text = "M = {}\nM['self'] = [M]\ndef harden(image): return M\n"
    assert code_in({"pipeline.py": text}) == code_in({"pipeline.py": text})


def test_paths_below_the_project_are_the_same_in_every_folder(code_in: CodeOf) -> None:
    text = dedent(
        """
        import os
        from pathlib import Path
        HERE = Path(__file__).parent
        BOOK = os.path.join(os.path.dirname(__file__), "book.yml")
        def harden(image): return HERE / "a", BOOK, __file__, __name__
        """
    )
    assert code_in({"pipeline.py": text}) == code_in({"pipeline.py": text})
    moved = text.replace("book", "look")
    assert code_in({"pipeline.py": text}) != code_in({"pipeline.py": moved})


def test_a_file_that_is_renamed_has_the_same_digest(load: Load, tmp_path: Path) -> None:
    module = load({"pipeline.py": BASE})
    (tmp_path / "project" / "renamed.py").write_text(BASE)
    renamed = importlib.import_module("renamed")
    one, other = code_of(module.harden), code_of(renamed.harden)
    assert one.digest == other.digest
    assert list(one.parts.values()) == list(other.parts.values())
    assert "renamed.fix" in other.parts


def test_parts_of_one_name_are_told_apart(code_in: CodeOf) -> None:
    text = dedent(
        """
        def make(n):
            def fix(x): return x + n
            return fix
        one, two = make(1), make(2)
        def harden(image): return one(image), two(image)
        """
    )
    found = code_in({"pipeline.py": text})
    fix = "pipeline.make.<locals>.fix"
    assert {fix, f"{fix} (2)"} <= found.parts.keys()
    assert found.parts[fix] != found.parts[f"{fix} (2)"]


def test_functions_of_one_name_in_two_packages_are_told_apart(code_in: CodeOf) -> None:
    files = {
        "pipeline.py": "from a import util\nimport b.util\n"
        "def harden(x): return util.fix(x), b.util.fix(x)\n",
        "a/__init__.py": "",
        "b/__init__.py": "",
        "a/util.py": "def fix(x): return 1\n",
        "b/util.py": "def fix(x): return 2\n",
    }
    assert code_in(files).parts.keys() == {"a.util.fix", "b.util.fix", "pipeline.harden"}
    swapped = files | {"a/util.py": files["b/util.py"], "b/util.py": files["a/util.py"]}
    assert code_in(files).digest != code_in(swapped).digest


def test_a_method_reaches_what_it_takes_from_its_instance_alone(code_in: CodeOf) -> None:
    text = dedent(
        """
        class Pipeline:
            level = 1
            def used(self): return self.level
            def unused(self): return 2
            def harden(self): return self.used()
        harden = Pipeline.harden
        """
    )
    found = code_in({"pipeline.py": text})
    assert found.parts.keys() == {
        "pipeline.Pipeline.harden", "pipeline.Pipeline.level", "pipeline.Pipeline.used",
    }  # fmt: skip
    assert found == code_in({"pipeline.py": text.replace("return 2", "return 3")})
    assert found != code_in({"pipeline.py": text.replace("level = 1", "level = 2")})


def test_a_method_that_hands_its_instance_on_reaches_all_of_the_class(code_in: CodeOf) -> None:
    text = dedent(
        """
        class Pipeline:
            def used(self): return 1
            def harden(self): return getattr(self, "us" + "ed")()
        harden = Pipeline.harden
        """
    )
    changed = text.replace("return 1", "return 2")
    assert code_in({"pipeline.py": text}) != code_in({"pipeline.py": changed})


def test_a_module_that_is_imported_in_the_body_counts_with_its_own_imports(
    code_in: CodeOf,
) -> None:
    files = {
        "pipeline.py": "def harden(x):\n    from lib.tools import fix\n    return fix(x)\n",
        "lib/__init__.py": "VERSION = 1\n",
        "lib/tools.py": "from . import deep\nfrom .. import nothing\nimport json\nfix = deep.fix\n",
        "lib/deep.py": "def fix(x): return 1\n",
        "unused.py": "",
    }
    found = code_in(files)
    assert found.parts.keys() == {
        "lib (module)", "lib.deep (module)", "lib.tools (module)", "pipeline.harden",
    }  # fmt: skip
    changed = files | {"lib/deep.py": "def fix(x): return 2\n"}
    assert code_in(changed).parts["lib.deep (module)"] != found.parts["lib.deep (module)"]
    noted = files | {"lib/deep.py": "# A comment.\ndef fix(x: int): return 1\n"}
    assert code_in(noted) == found


def test_what_a_module_only_does_as_a_script_or_for_types_does_not_count(code_in: CodeOf) -> None:
    helpers = dedent(
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import other
        def fix(x): return x
        if __name__ == "__main__":
            print(fix(1))
        """
    )
    body = "def harden(x):\n    import helpers\n    return helpers.fix(x)\n"
    files = {"pipeline.py": body, "helpers.py": helpers, "other.py": "x = 1\n"}
    changed = files | {"helpers.py": helpers.replace("fix(1)", "fix(2)"), "other.py": "x = 2\n"}
    assert code_in(files) == code_in(changed)


def test_what_a_function_is_called_with_counts_by_its_code_alone(load: Load) -> None:
    text = dedent(
        """
        class Tool:
            def __init__(self, level): self.level = level
            def run(self): return helper()
        def helper(): return 1
        def other(): return 2
        def harden(tool): return tool.run()
        """
    )
    module = load({"pipeline.py": text})
    plain = code_of(module.harden, called_with=[1, "a", None])
    assert plain.parts.keys() == {"pipeline.harden"}
    one, two = (code_of(module.harden, called_with=[module.Tool(level)]) for level in (1, 2))
    assert one == two
    assert one.parts.keys() == {"pipeline.Tool", "pipeline.harden", "pipeline.helper"}
    assert "pipeline.other" in code_of(module.harden, called_with=[module.other]).parts


def test_what_a_script_does_at_its_end_does_not_reach_the_whole_flow(code_in: CodeOf) -> None:
    text = dedent(
        """
        import sys
        def harden(x): return sys.argv
        def other(): return 1
        def flow(): return harden(1), other()
        if __name__ == "__main__":
            sys.exit(flow())
        else:
            sys.intern(str(flow()))
        """
    )
    assert code_in({"pipeline.py": text}).parts.keys() == {"pipeline.harden"}
    assert code_in({"pipeline.py": text}) == code_in(
        {"pipeline.py": text.replace("return 1", "return 2").replace("exit(flow())", "exit(1)")}
    )


def test_what_an_instance_does_not_say_of_itself_does_not_count(code_in: CodeOf) -> None:
    text = dedent(
        """
        class Client:
            def __init__(self, name, secret): self.name, self.secret = name, secret
            def __bldst_fingerprint__(self): return self.name
        client = Client("a", 1)
        def harden(x): return client
        """
    )
    assert code_in({"pipeline.py": text}) == code_in({"pipeline.py": text.replace(", 1)", ", 2)")})
