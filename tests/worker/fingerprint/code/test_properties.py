"""What holds for any code and any value."""

import ast
import copy
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from buildstate_worker.fingerprint.code.tree.canonical import canonical
from buildstate_worker.fingerprint.code.walk.values import Values

NAMES = st.sampled_from(["a", "b", "total"])
ATOMS = st.one_of(
    NAMES,
    st.integers(0, 10**30).map(repr),
    st.floats(0, allow_nan=False, allow_infinity=False).map(repr),
    st.text(max_size=5).map(repr),
    st.binary(max_size=5).map(repr),
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "and", "<", "@"]), inner).map(
            "({0[0]} {0[1]} {0[2]})".format
        ),
        st.tuples(NAMES, inner).map("{0[0]}({0[1]}, *[{0[1]}], key={0[1]})".format),
        st.tuples(NAMES, inner).map("(lambda {0[0]}=1: {0[1]})".format),
        st.tuples(NAMES, inner).map("[{0[1]} for {0[0]} in {0[1]} if {0[0]}]".format),
        NAMES.map("f'x{{{0}:>3}}y' '' 'z'".format),
    ),
    max_leaves=8,
)  # fmt: skip
NOISE = st.sampled_from(["", "# A comment.", "pass", "...", '"""Said."""', "x: int"])


@given(st.lists(st.tuples(NAMES, EXPRESSIONS, NOISE, NOISE), min_size=1, max_size=4))
def test_what_is_written_another_way_has_the_same_text(
    lines: list[tuple[str, str, str, str]],
) -> None:
    plain = "".join(f"    {name} = {value}\n" for name, value, _, _ in lines)
    noisy = "".join(
        f"    {before}\n\n    {name}: str = (\n  {value}\n)\n    {after}\n"
        for name, value, before, after in lines
    )
    one = ast.parse(f"def harden(a, b=1):\n{plain}")
    other = ast.parse(f"def harden(a: int, b: 'int' = 1) -> None:\n    '''Do.'''\n{noisy}")
    assert canonical(one) == canonical(other)
    assert canonical(one) == canonical(ast.parse(ast.unparse(one)))


@given(EXPRESSIONS, EXPRESSIONS)
def test_expressions_with_the_same_text_are_the_same(one: str, other: str) -> None:
    trees = [ast.parse(each, mode="eval") for each in (one, other)]
    is_same = ast.unparse(trees[0]) == ast.unparse(trees[1])
    assert (canonical(trees[0]) == canonical(trees[1])) == is_same


PLAIN = st.sampled_from(
    [
        None, True, 1, 1.0, -0.0, 0.0, "", "1", "True", b"1", 1j, ...,
        Decimal(1), Decimal("1.0"), Path("a"), "a", date(2026, 1, 1), datetime(2026, 1, 1),  # noqa: DTZ001
    ]
)  # fmt: skip
HASHABLE = st.one_of(PLAIN, st.tuples(PLAIN, PLAIN), st.frozensets(PLAIN, max_size=2))
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(HASHABLE, inner, max_size=3),
        st.sets(HASHABLE, max_size=3),
    ),
)


def text_of(value: object) -> str:
    return Values((Path("/project"),), lambda _: None, lambda _: False).text(value)


def typed(value: Any) -> Any:
    """Return what is equal only for values that are equal in all that they hold."""
    if isinstance(value, list | tuple):
        return type(value), tuple(map(typed, value))
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(typed, value))
    if isinstance(value, dict):
        return dict, tuple((typed(key), typed(each)) for key, each in value.items())
    return type(value), repr(value)


@given(VALUES)
def test_a_copy_of_a_value_has_the_same_text(value: object) -> None:
    assert text_of(value) == text_of(copy.deepcopy(value))


@given(VALUES, VALUES)
def test_values_with_the_same_text_are_the_same(one: object, other: object) -> None:
    assert (text_of(one) == text_of(other)) == (typed(one) == typed(other))
