"""The page of errors: the codes are the code's, what they mean is in `errors.toml`."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from pathlib import Path

from docs.generator import sources
from docs.generator.markdown import code, table, text
from docs.generator.markdown import page as page_of

TABLE = Path(__file__).with_name("errors.toml")
ANSWERS = "What the service answers"
"""The group of `errors.toml` whose errors come with an HTTP status."""

_CODE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OF_THE_FRAMEWORK = HTTPStatus.METHOD_NOT_ALLOWED
_ANY_ERROR = "BuildStateError"

_INTRODUCTION = (
    "An error has a class, which says what kind of thing went wrong, and a code, which says what."
    " `bldst` ends with the exit code of the class. The service answers with a problem document"
    " ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) whose `type` ends with the code; its"
    " `detail` has the values, and its `hint` the next step. In Python the class is an exception"
    " of that name, with the attributes `code`, `message`, `field` and `hint`."
)


def known() -> Mapping[str, Mapping[str, str]]:
    """Return what `errors.toml` says of each code, by where one meets it."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def codes() -> Mapping[str, AbstractSet[str]]:
    """Return every code that the code can raise, with the names of its classes.

    A code that is put together has `*` for what is not known before.
    """
    found: dict[str, set[str]] = {}
    constants = _constants()
    for name, each in sources.error_classes().items():
        found.setdefault(each.default_code, set()).add(name)
    for module in sources.modules().values():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                for given in _given(node, module, constants):
                    found.setdefault(given, set()).add(_called(node))
    found[_kebab(_OF_THE_FRAMEWORK)] = {"InvalidInput"}
    return found


def page() -> str:
    """Return the page."""
    classes = sources.error_classes()
    parts = ["# Errors", _INTRODUCTION, "## Classes", _classes()]
    found = codes()
    for where, group in known().items():
        rows = []
        for name, said in group.items():
            raised = sorted(_classes_of(name, found), key=list(classes).index)
            row = [code(name), ", ".join(map(code, raised)), text(said)]
            if where == ANSWERS:
                row.insert(2, ", ".join(dict.fromkeys(_status(each, name) for each in raised)))
            rows.append(row)
        head = [
            "code",
            "class",
            *(["HTTP"] if where == ANSWERS else []),
            "what it means, and what to do",
        ]
        parts += [f"## {where}", table(head, rows)]
    return page_of(*parts)


def matches(name: str, pattern: str) -> bool:
    """Whether a code is one that the code can raise.

    >>> matches("build-completed", "build-*"), matches("build-*", "build-completed")
    (True, False)
    """
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".+"), name) is not None


def _classes() -> str:
    rows = []
    for name, each in sources.error_classes().items():
        above = "" if name == _ANY_ERROR else code(each.__mro__[1].__name__)
        first, _, _ = (each.__doc__ or "").partition("\n\n")
        exit_code = str(sources.exit_code(name, each.default_code))
        rows.append((code(name), above, text(first), _status(name, each.default_code), exit_code))
    return table(["class", "is a", "means", "HTTP", "exit code"], rows)


def _classes_of(name: str, found: Mapping[str, AbstractSet[str]]) -> AbstractSet[str]:
    """Return the names of the classes; a class in a variable counts as any."""
    raised = found.get(name) or {
        each for pattern, names in found.items() if matches(name, pattern) for each in names
    }
    known = raised & set(sources.error_classes())
    return known or {_ANY_ERROR}


def _status(name: str, error_code: str) -> str:
    if error_code == _kebab(_OF_THE_FRAMEWORK):
        return str(_OF_THE_FRAMEWORK.value)
    return str(sources.http_status(name, error_code))


def _given(call: ast.Call, module: ast.Module, constants: Mapping[str, str]) -> Iterator[str]:
    """Return the codes that a call may be given, if it makes an error."""
    value = next((each.value for each in call.keywords if each.arg == "code"), None)
    if value is None or (not _called(call)[:1].isupper() and not isinstance(value, ast.Constant)):
        return
    if isinstance(value, ast.JoinedStr):
        yield "".join(
            str(each.value) if isinstance(each, ast.Constant) else "*" for each in value.values
        )
        return
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in constants:
            yield constants[node.id]
        elif isinstance(node, ast.Name):
            yield from _assigned(node.id, module)


def _assigned(variable: str, module: ast.Module) -> Iterator[str]:
    """Return the codes that a variable is given in a module: `code, message = "late", "…"`."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            names, values = _parts(target), _parts(node.value)
            for name, value in zip(names, values, strict=False):
                if isinstance(name, ast.Name) and name.id == variable:
                    yield from _text(value)


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _text(node: ast.expr) -> Iterator[str]:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _CODE.fullmatch(node.value)
    ):
        yield node.value


def _constants() -> Mapping[str, str]:
    """Return the constants that are text: `FOREIGN: Final = "storage-shared"`."""
    return {
        node.target.id: node.value.value
        for module in sources.modules().values()
        for node in module.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _kebab(status: HTTPStatus) -> str:
    return status.phrase.lower().replace(" ", "-")
