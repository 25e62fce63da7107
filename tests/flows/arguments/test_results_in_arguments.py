"""Results of milestones in arguments of every kind: found, and put in place."""

import functools
import logging
from argparse import Namespace
from collections import ChainMap, OrderedDict, UserDict, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import BaseModel, PrivateAttr, field_validator

from buildstate_flows import Artifact, Handle
from buildstate_flows.artifact import Slot, Version
from buildstate_flows.engine.arguments import Form, replaced, results_in


class Pair(NamedTuple):
    image: Any
    note: str = ""


@dataclass
class Disk:
    image: Any
    scale: InitVar[int] = 1
    size: int = field(default=1, init=False)

    def __post_init__(self, scale: int) -> None:
        self.size *= scale


@dataclass(frozen=True, slots=True)
class Slim:
    image: Any
    note: str = ""


@dataclass
class Takes:
    path: Path
    text: str
    lazy: Artifact
    texts: list[str]


class Size(BaseModel, extra="allow", frozen=True):
    image: Any
    _note: str = PrivateAttr("")

    @field_validator("image")
    @classmethod
    def check(cls, image: Any) -> Any:
        if isinstance(image, str):
            raise TypeError(image)
        return image


class Machine:
    def __init__(self, image: Any) -> None:
        self.image = image

    def boot(self) -> Any:
        return self.image


AMI = Handle("ami", "ami-0abc")
RECORD: Any = SimpleNamespace(name="image", build=1, state=10, lane="")
IMAGE: Any = Artifact(Slot(Version(RECORD, None)), lambda _: Path("image"), UUID(int=1))


def keeps(image: Any) -> Callable[..., Any]:
    return lambda: image


def takes(image: Any) -> Callable[..., Any]:
    def function(by_name: Any = image) -> Any:
        return by_name

    return function


def wraps(image: Any) -> Callable[..., Any]:
    @functools.wraps(keeps(image))
    def wrapper() -> None: ...

    return wrapper


REPLACED: Mapping[str, Callable[[Any], Any]] = {
    "list": lambda image: ["a", [image]],
    "tuple": lambda image: ("a", image),
    "named tuple": lambda image: Pair(image, "a"),
    "set": lambda image: {image},
    "frozenset": lambda image: frozenset({image}),
    "deque": lambda image: deque([image], maxlen=3),
    "dict": lambda image: {"a": image},
    "key of a dict": lambda image: {image: 1},
    "ordered dict": lambda image: OrderedDict(a=image),
    "default dict": lambda image: defaultdict(list, a=image),
    "mapping proxy": lambda image: MappingProxyType({"a": image}),
    "namespace": lambda image: SimpleNamespace(image=image, note="a"),
    "chain of dicts": lambda image: ChainMap({"a": 1}, {"b": image}),
    "dict of one's own": lambda image: UserDict(a=image),
    "parsed arguments": lambda image: Namespace(image=image),
    "dataclass": Disk,
    "slim dataclass": Slim,
    "model": lambda image: Size(image=image),
    "more of a model": lambda image: Size(image=None, more=[image]),
    "all of them": lambda image: {"a": [Slim(Pair(deque([Size(image=image)])))]},
}
FOUND_ONLY: Mapping[str, Callable[[Any], Any]] = {
    "object": Machine,
    "closure": keeps,
    "default": takes,
    "wrapped": wraps,
    "method of an object": lambda image: Machine(image).boot,
}


def put(value: Any, _: Form) -> Any:
    return "here" if value is IMAGE else value


@pytest.mark.parametrize("make", [*REPLACED.values(), *FOUND_ONLY.values()])
def test_a_result_is_found_wherever_it_is(make: Callable[[Any], Any]) -> None:
    assert list(results_in(make(IMAGE))) == [IMAGE]
    assert list(results_in(make(None))) == []


@pytest.mark.parametrize("make", REPLACED.values(), ids=REPLACED)
def test_a_result_is_replaced_and_all_else_stays(make: Callable[[Any], Any]) -> None:
    before = make(IMAGE)
    after = replaced(before, put)
    assert list(results_in(after)) == []
    assert list(results_in(before)) == [IMAGE]
    assert type(after) is type(before)
    assert repr(after) == repr(before).replace(repr(IMAGE), "'here'")


@pytest.mark.parametrize("make", [*REPLACED.values(), *FOUND_ONLY.values()])
def test_what_holds_no_result_stays_the_same_object(make: Callable[[Any], Any]) -> None:
    value = make(("a", Handle("ami", "b").id))
    assert replaced(value, put) is value


@pytest.mark.parametrize("make", FOUND_ONLY.values(), ids=FOUND_ONLY)
def test_objects_and_functions_stay_what_the_flow_has(make: Callable[[Any], Any]) -> None:
    value = make(IMAGE)
    assert replaced(value, put) is value


def test_a_partial_and_a_method_of_a_dataclass_get_it_too() -> None:
    assert replaced(functools.partial(str.upper, IMAGE), put)() == "HERE"
    assert replaced(functools.partial(Machine, image=IMAGE), put)().image == "here"

    @dataclass
    class Boots:
        image: Any

        def boot(self) -> Any:
            return self.image

    assert replaced(Boots(IMAGE).boot, put)() == "here"


def test_a_dataclass_is_made_anew_without_its_init() -> None:
    disk = Disk(IMAGE, scale=4)
    made = replaced(disk, put)
    assert (made.image, made.size) == ("here", 4)
    assert disk.image is IMAGE


def test_a_model_keeps_what_is_private_and_is_not_validated_again() -> None:
    size = Size(image=IMAGE)
    size._note = "kept"
    made = replaced(size, put)
    assert (made.image, made._note) == ("here", "kept")


def test_a_field_says_in_which_form_it_takes_an_artifact() -> None:
    seen: list[Form] = []

    def look(value: Any, form: Form) -> Any:
        if value is IMAGE:
            seen.append(form)
        return value

    replaced([Takes(IMAGE, IMAGE, IMAGE, [IMAGE])], look, Form.LAZY)
    assert seen == [Form.PATH, Form.TEXT, Form.LAZY, Form.TEXT]


def test_one_object_in_two_places_is_one_object_afterwards() -> None:
    disk = Disk(IMAGE)
    first, second = replaced([disk, disk], put)
    assert first is second


def test_what_contains_itself_is_gone_through_once() -> None:
    value: list[Any] = [IMAGE]
    value.append(value)
    assert list(results_in(value)) == [IMAGE]
    assert replaced(value, put)[0] == "here"


def test_a_handle_is_a_result_like_an_artifact() -> None:
    assert list(results_in(Slim({"a": AMI}))) == [AMI]


def test_nothing_is_looked_for_in_what_packages_keep() -> None:
    log = logging.getLogger("of a test")
    log.__dict__["image"] = IMAGE
    assert list(results_in(log)) == []
