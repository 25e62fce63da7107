"""Which values are the same, which are not, and what is refused."""

import functools
import hashlib
import os
import random
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.params import ParamDigests, param_parts

from . import values
from .values import NOON, VALUES, Client, Disk, Image, Size, Slim


def digest(value: object, **options: Any) -> str:
    return param_parts({"x": value}, **options)["param:x"]


class TestEveryKindOfValue:
    @pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
    def test_the_same_value_made_twice_has_one_digest(self, make: Callable[[], Any]) -> None:
        assert digest(make()) == digest(make())
        assert digest([make(), {"a": make()}]) == digest([make(), {"a": make()}])

    def test_no_two_values_have_one_digest(self) -> None:
        seen = {name: digest(make()) for name, make in VALUES.items()}
        same = {name: each for name, each in seen.items() if list(seen.values()).count(each) > 1}
        assert same == {}

    def test_digests_say_which_recorder_made_them_and_nothing_of_the_value(self) -> None:
        made = digest("s3cret")
        assert made.startswith("2:")
        assert len(made) == 66
        assert "s3cret" not in made

    def test_every_release_and_every_python_find_the_same_digests(self) -> None:
        parts = param_parts({name: make() for name, make in VALUES.items()})
        lines = "\n".join(f"{name} {each}" for name, each in sorted(parts.items()))
        assert hashlib.sha256(lines.encode()).hexdigest() == (
            "416bc88dadc3f0f33e5a192fbdad64732959f1b0782621dffbc022b61e759692"
        )

    @pytest.mark.parametrize(("seed", "locale"), [("0", "C"), ("1", "C.UTF-8"), ("77", "POSIX")])
    def test_another_process_finds_the_same_digests(self, seed: str, locale: str) -> None:
        code = (
            f"import sys; sys.path[:0] = {sys.path!r}\n"
            f"from {values.__name__} import VALUES\n"
            "from buildstate_worker.fingerprint.params import param_parts\n"
            "parts = param_parts({name: make() for name, make in VALUES.items()})\n"
            "print(*parts.values())"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": "Asia/Tokyo"},
            capture_output=True,
            text=True,
            check=True,
        )
        here = param_parts({name: make() for name, make in VALUES.items()})
        assert run.stdout.split() == list(here.values())


class TestWhatOnlyLooksChanged:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="the order of a dict"),
            pytest.param("u\u0308", "\u00fc", id="NFC and NFD"),
            pytest.param({"u\u0308": 1}, {"\u00fc": 1}, id="NFC and NFD as keys"),
            pytest.param(
                NOON, NOON.astimezone(ZoneInfo("Asia/Tokyo")), id="an instant in two time zones"
            ),
            pytest.param(float("nan"), -float("nan"), id="nan"),
            pytest.param(Path("a/./b"), Path("a//b"), id="one path written in two ways"),
        ],
    )
    def test_is_the_same(self, one: object, other: object) -> None:
        assert digest(one) == digest(other)

    def test_an_object_that_is_met_twice_is_the_same_as_two_that_are_equal(self) -> None:
        part = [1]
        assert digest([part, part]) == digest([[1], [1]])

    def test_a_property_that_was_asked_for_and_kept_does_not_count(self) -> None:
        asked = Image("9.6")
        assert asked.name == "rhel-9.6-x86"
        assert digest(asked) == digest(Image("9.6"))

    def test_one_file_may_be_loaded_by_any_name(self) -> None:
        made = type("Disk", (), {"__module__": "__main__"})()
        again = type("Disk", (), {"__module__": "pipelines.flow"})()
        assert digest(made) == digest(again)


def test_a_module_of_the_project_may_be_called_as_one_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Config: ...

    def function() -> None: ...

    module = ModuleType("calendar")
    module.__file__ = str(tmp_path / "calendar.py")
    for each in (Config, function):
        each.__module__, each.__qualname__ = "calendar", each.__name__
        setattr(module, each.__name__, each)
    monkeypatch.setitem(sys.modules, "calendar", module)
    assert digest(Config()).startswith("2:")
    with pytest.raises(InvalidInput):
        digest(function)


PLAIN = (
    some.none() | some.booleans() | some.integers() | some.floats() | some.text() | some.binary()
)
NESTED = some.recursive(
    PLAIN,
    lambda inner: (
        some.lists(inner)
        | some.lists(inner).map(tuple)
        | some.dictionaries(some.text() | some.integers() | some.booleans(), inner)
        | some.builds(Slim, some.text(), inner)
        | some.builds(Disk, some.text(), inner)
        | some.frozensets(some.text() | some.tuples(some.integers(), some.text()))
    ),
    max_leaves=10,
)


def typed(value: Any) -> Any:
    """Say what a value is, so that two are equal only if they are of the same types throughout."""
    if isinstance(value, dict):
        return "dict", sorted(((repr(typed(k)), typed(v)) for k, v in value.items()), key=str)
    if isinstance(value, frozenset):
        return "set", sorted(repr(typed(each)) for each in value)
    if isinstance(value, list | tuple):
        return type(value).__name__, [typed(each) for each in value]
    if isinstance(value, Slim | Disk):
        return type(value).__name__, value.name, typed(value.size)
    if isinstance(value, str):
        return "str", normalize("NFC", value)
    return type(value).__name__, repr(value)


class TestAnyValue:
    @given(NESTED, NESTED)
    def test_digests_are_equal_exactly_where_values_are(self, one: Any, other: Any) -> None:
        assert (digest(one) == digest(other)) == (typed(one) == typed(other))

    @given(some.dictionaries(some.text(), NESTED), some.randoms())
    def test_the_order_of_keys_never_counts(self, one: Any, chance: random.Random) -> None:
        items = list(one.items())
        chance.shuffle(items)
        assert digest(dict(items)) == digest(one)
        if items != list(one.items()):
            assert digest(OrderedDict(items)) != digest(OrderedDict(one))


class Odd(Enum):
    ODD = object()


class Base(BaseModel, arbitrary_types_allowed=True):
    size: Any


class Cpu:
    def __init__(self, **kept: object) -> None:
        self.__dict__.update(kept)


def circular() -> list[object]:
    made: list[object] = []
    made.append({"me": made})
    return made


def deep() -> list[object]:
    made: list[object] = []
    for _ in range(100_000):
        made = [made]
    return made


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "said"),
        [
            pytest.param(object, "x is of type object,", id="object"),
            pytest.param(lambda: {"client": object()}, 'x["client"] is', id="in a dict"),
            pytest.param(lambda: {1: [0, object()]}, "x[1][1] is", id="in a list in a dict"),
            pytest.param(lambda: {(1, 2): object()}, "x[…] is", id="by an odd key"),
            pytest.param(lambda: {"a": {object()}}, 'an item of x["a"] is', id="in a set"),
            pytest.param(lambda: {object(): 1}, "a key of x is", id="as a key"),
            pytest.param(lambda: Disk("a", [object()]), "x.size[0] is", id="in a dataclass"),
            pytest.param(lambda: Base(size=object()), "x.size is", id="in a model"),
            pytest.param(lambda: Cpu(lock=threading.Lock()), "x.lock is", id="in an object"),
            pytest.param(lambda: Odd.ODD, "x.value is of type object", id="in an enum"),
            pytest.param(
                lambda: Client(object()), "x.__bldst_fingerprint__() is", id="what stands for it"
            ),
            pytest.param(
                lambda: functools.partial(print, object()), "x.args[0] is", id="in a partial"
            ),
            pytest.param(lambda: iter([1]), "x is of type list_iterator,", id="iterator"),
            pytest.param(Path().stat, "x is of type os.stat_result,", id="hidden fields"),
            pytest.param(lambda: ValueError("a"), "x is of type ValueError,", id="exception"),
            pytest.param(random.Random, "x is of type random.Random,", id="state in C"),
            pytest.param(lambda: Cpu, "x is of type type,", id="class"),
            pytest.param(lambda: circular, "x is of type function,", id="function"),
            pytest.param(lambda: [].append, "x is of type builtin_function_or_method,", id="bound"),
            pytest.param(circular, 'x[0]["me"] contains itself', id="circular"),
            pytest.param(deep, "x is nested too deeply", id="deep"),
        ],
    )
    def test_what_has_no_digest_is_refused_with_its_place(
        self, make: Callable[[], object], said: str
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            param_parts({"os": "rhel", "x": make()})
        assert (refused.value.code, refused.value.field) == ("no-digest", "x")
        assert said in refused.value.message
        assert '`ignore=["x"]`' in str(refused.value.hint)
        assert "`__bldst_fingerprint__(self)`" in str(refused.value.hint)

    def test_the_hint_names_a_class_of_the_project_and_no_other(self) -> None:
        class Handmade(threading.local):
            pass

        with pytest.raises(InvalidInput) as own:
            param_parts({"x": Handmade()})
        assert "give TestRefusals" in str(own.value.hint)
        with pytest.raises(InvalidInput) as other:
            param_parts({"x": object()})
        assert "give a class of your own that holds it" in str(other.value.hint)


class TestCode:
    """Functions and classes: what they do is somebody else's to tell."""

    def test_functions_classes_and_methods_have_the_digest_that_is_told(self) -> None:
        def function() -> None: ...

        def other() -> None: ...

        def code(item: object) -> str:
            return "a" if item is function else "b"

        assert digest(function, code=code) != digest(other, code=code)
        assert digest(Disk, code=code) != digest(Slim, code=code)
        assert digest(Image("1").method, code=code) != digest(Image("2").method, code=code)

    @pytest.mark.parametrize(
        "make",
        [
            lambda: Image("1"),
            lambda: Disk("a"),
            lambda: Size(gigabytes=1),
            lambda: values.Level.LOW,
        ],
        ids=["object", "dataclass", "model", "enum"],
    )
    def test_what_the_class_of_a_value_does_counts(self, make: Callable[[], object]) -> None:
        assert digest(make(), code=lambda _: "then") != digest(make(), code=lambda _: "now")

    @pytest.mark.parametrize(
        "make",
        [lambda: Client("1"), lambda: Decimal(1), lambda: {"a": [1]}, lambda: Decimal],
        ids=["stood for", "decimal", "dict", "class of Python"],
    )
    def test_nothing_else_is_asked_about(self, make: Callable[[], object]) -> None:
        def code(item: object) -> str:
            raise AssertionError(item)

        digest(make(), code=code)


class Login(BaseModel):
    user: str
    password: SecretStr


class TestSecrets:
    @pytest.mark.parametrize(
        "secret", [SecretStr("a"), SecretBytes(b"a"), Secret[int](1)], ids=["str", "bytes", "int"]
    )
    def test_a_secret_has_no_part(self, secret: object) -> None:
        assert param_parts({"x": secret}) == {}

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda word: {"user": "a", "password": word}, id="in a dict"),
            pytest.param(lambda word: ("a", {word}), id="in a set"),
            pytest.param(lambda word: Login(user="a", password=word), id="in a model"),
            pytest.param(lambda word: Slim("a", word), id="in a dataclass"),
            pytest.param(Client, id="in what stands for it"),
        ],
    )
    def test_a_secret_inside_does_not_count_and_what_is_around_it_does(
        self, make: Callable[[SecretStr], Any]
    ) -> None:
        assert digest(make(SecretStr("one"))) == digest(make(SecretStr("another")))
        assert digest(make(SecretStr("one"))) != digest([make(SecretStr("one"))])


class Result:
    """Stands for what a milestone has left."""

    def __init__(self, content: str) -> None:
        self.content = content


class TestResults:
    def test_what_stands_for_a_result_is_asked_for_when_the_parts_are(self) -> None:
        image = Result("then")
        looked = ParamDigests(
            {"x": [{image: Slim("a", {image})}], "y": "no result"},
            is_result=lambda each: isinstance(each, Result),
        )

        def parts() -> dict[str, str]:
            return looked.parts(lambda result: {"content": result.content})

        before = parts()
        assert parts() == before
        image.content = "now"
        assert parts()["param:x"] != before["param:x"]
        assert parts()["param:y"] == before["param:y"]

    def test_a_result_is_not_the_data_that_stands_for_it(self) -> None:
        looked = ParamDigests({"x": Result("a")}, is_result=lambda each: isinstance(each, Result))
        assert looked.parts(lambda _: {"a": 1})["param:x"] != digest({"a": 1})

    def test_what_changes_afterwards_does_not_count(self) -> None:
        config = {"a": [Result("a"), 1]}
        looked = ParamDigests({"x": config}, is_result=lambda each: isinstance(each, Result))
        before = looked.parts(lambda _: "a")
        config["a"].append(2)
        config["b"] = []
        assert looked.parts(lambda _: "a") == before
