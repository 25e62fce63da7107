"""One row per way to depend on something: what changed, and which parts that is seen in."""

from collections.abc import Callable, Mapping

import pytest

from buildstate_worker.fingerprint.code import Code

CodeOf = Callable[[Mapping[str, str]], Code]

HARDEN = "\ndef harden(image):\n    return {}\n"


def row(
    id_: str, text: str, old: str, new: str, *parts: str, use: str = "", **others: str
) -> object:
    """Return a row: in `text`, and in the other files, `old` becomes `new`."""
    pipeline = text + (HARDEN.format(use) if use else "")
    before = {"pipeline.py": pipeline} | {f"{name}.py": each for name, each in others.items()}
    assert any(old in each for each in before.values())
    after = {name: each.replace(old, new) for name, each in before.items()}
    return pytest.param(before, after, set(parts), id=id_)


CHANGES = [
    row("body", "", "[image]", "[1]", "pipeline.harden", use="[image]"),
    row("helper", "def fix(x): return x + 1", "x + 1", "x + 2", "pipeline.fix", use="fix(image)"),
    row(
        "helper's helper",
        "def inner(x): return x + 1\ndef fix(x): return inner(x)",
        "x + 1", "x + 2", "pipeline.inner", use="fix(image)",
    ),
    row(
        "helper in another module",
        "from helpers import fix",
        "x + 1", "x + 2", "helpers.fix", use="fix(image)", helpers="def fix(x): return x + 1",
    ),
    row(
        "helper as a module's attribute",
        "import helpers",
        "x + 1", "x + 2", "helpers.fix", use="helpers.fix(image)",
        helpers="def fix(x): return x + 1",
    ),
    row("constant", "LEVEL = 1", "= 1", "= 2", "pipeline.LEVEL", use="LEVEL"),
    row("constant's type", "LEVEL = 1", "= 1", "= True", "pipeline.LEVEL", use="LEVEL"),
    row(
        "constant of another module", "import settings", "eu", "us", "settings.MIRROR",
        use="settings.MIRROR", settings="MIRROR = 'eu'",
    ),
    row(
        "imported constant", "from settings import MIRROR", "eu", "us", "settings.MIRROR",
        use="MIRROR", settings="MIRROR = 'eu'",
    ),
    row("mutable constant", "M = {'a': [1]}", "[1]", "[2]", "pipeline.M", use="M"),
    row("order of a dict", "M = {'a': 1, 'b': 2}", "'a': 1, 'b': 2", "'b': 2, 'a': 1",
        "pipeline.M", use="M"),
    row("set", "M = {'a', 'b'}", "'b'", "'c'", "pipeline.M", use="M"),
    row("bytes", "M = b'a'", "b'a'", "b'b'", "pipeline.M", use="M"),
    row("pattern", "import re\nM = re.compile('a')", "'a'", "'b'", "pipeline.M", use="M"),
    row("functions in a dict", "def fix(x): return 1\nM = {'a': fix}", "return 1", "return 2",
        "pipeline.fix", use="M['a'](1)"),
    row("an installed object", "import logging\nlog = logging.getLogger('a')", "'a'", "'b'",
        "pipeline.log", use="log"),
    row("constant in how an installed object is made",
        "import logging\nNAME = 'a'\nlog = logging.getLogger(NAME)", "'a'", "'b'",
        "pipeline.NAME", use="log"),
    row("where an installed function is from", "from posixpath import join", "posixpath", "ntpath",
        "pipeline.harden", use="join(image)"),
    row("keyword of an installed decorator",
        "from functools import lru_cache\n@lru_cache(maxsize=1)\ndef fix(x): return x",
        "maxsize=1", "maxsize=2", "pipeline.fix", use="fix(1)"),
    row("below an installed decorator",
        "from functools import lru_cache\n@lru_cache(maxsize=1)\ndef fix(x): return x",
        "return x", "return 2", "pipeline.fix", use="fix(1)"),
    row("default", "def fix(x=1): return x", "x=1", "x=2", "pipeline.fix", use="fix()"),
    row("default by name", "ONE = 1\ndef fix(x=ONE): return x", "ONE = 1", "ONE = 2",
        "pipeline.fix", "pipeline.ONE", use="fix()"),
    row("keyword default", "def fix(*, x=1): return x", "x=1", "x=2", "pipeline.fix", use="fix()"),
    row("closure",
        "def make(n):\n    def fix(x): return x + n\n    return fix\nfix = make(1)",
        "make(1)", "make(2)", "pipeline.make.<locals>.fix", "pipeline.harden", use="fix(image)"),
    row("partial", "from functools import partial\ndef fix(x, y): return y\nfix2 = partial(fix, 1)",
        "(fix, 1)", "(fix, 2)", "pipeline.harden", use="fix2(image)"),
    row("function of a partial",
        "from functools import partial\ndef fix(x, y): return y\nfix2 = partial(fix, 1)",
        "return y", "return x", "pipeline.fix", use="fix2(image)"),
    row("lambda", "fix = lambda x: x + 1", "x + 1", "x + 2", "pipeline.<lambda>", use="fix(image)"),
    row("second lambda of a line", "M = [lambda x: 1, lambda x: 2]", "x: 2", "x: 3",
        "pipeline.<lambda> (2)", use="M[1](1)"),
    row("f-string", "", "a{", "b{", "pipeline.harden", use="f'a{image}'"),
    row("format of an f-string", "", ":>3", ":<3", "pipeline.harden", use="f'{image:>3}'"),
    row("async helper", "def fix(x): return x", "def fix", "async def fix", "pipeline.fix",
        use="fix(image)"),
    row("generator", "def fix(x): yield x", "yield x", "yield 1", "pipeline.fix",
        use="list(fix(image))"),
    row("function in a function", "def fix(x):\n    def inner(): return 1\n    return inner()",
        "return 1", "return 2", "pipeline.fix", use="fix(image)"),
    row("module imported in the body", "", "x + 1", "x + 2", "helpers (module)",
        use="__import__('helpers').fix(image)", helpers="def fix(x): return x + 1"),
    row("name in a comprehension", "LEVEL = 1", "= 1", "= 2", "pipeline.LEVEL",
        use="[LEVEL for each in image]"),
    row("getattr by a name", "import helpers", "x + 1", "x + 2", "helpers.fix",
        use="getattr(helpers, 'fix')(image)", helpers="def fix(x): return x + 1"),
    row("which of two modules a name is from",
        "from one import fix as a\nfrom two import fix as b",
        "from one import fix as a\nfrom two import fix as b",
        "from two import fix as a\nfrom one import fix as b",
        "pipeline.harden", use="a(b(image))",
        one="def fix(x): return 1", two="def fix(x): return 2"),
    row("what a module does with what it imports", "import random\nrandom.seed(1)", "seed(1)",
        "seed(2)", "pipeline.harden", use="random.random()"),
    row("constant in what a module does", "import decimal\nN = 1\ndecimal.getcontext().prec = N",
        "N = 1", "N = 2", "pipeline.N", use="decimal.Decimal(1)"),
    row("what a module does with an installed object",
        "import logging\nlog = logging.getLogger('a')\nlog.setLevel(1)", "setLevel(1)",
        "setLevel(2)", "pipeline.log", use="log"),
    row("singledispatch",
        "from functools import singledispatch\n@singledispatch\ndef fix(x): return 1\n"
        "@fix.register\ndef of_int(x: int): return 2\n",
        "return 2", "return 3", "pipeline.of_int", use="fix(image)"),
    row("attribute of a function", "def fix(): return fix.level\nfix.level = 1", "= 1", "= 2",
        "pipeline.fix", use="fix()"),
]  # fmt: skip

DECORATED = """
import functools
def log(n):
    def wrap(f):
        @functools.wraps(f)
        def wrapper(*args):
            return f(*args)
        return wrapper
    return wrap
@log(1)
def fix(x):
    return x
"""
WRAPPER = "pipeline.log.<locals>.wrap.<locals>.wrapper"

CLASSES = """
from functools import cached_property
class Base:
    level = 1
    def low(self): return 10
    def high(self): return self.low()
class Tool(Base):
    name = "a"
    def run(self): return self.high() + 20
    @property
    def size(self): return 30
    @staticmethod
    def plain(): return 40
    @classmethod
    def make(cls): return 50
    @cached_property
    def slow(self): return 60
tool = Tool()
tool.speed = 70
"""

DATA = """
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from collections import namedtuple
class Color(Enum):
    RED = 1
@dataclass
class Options:
    level: int = 2
    names: list[str] = field(default_factory=list)
class Point(NamedTuple):
    x: int
Old = namedtuple("Old", "a b")
options = Options()
"""

IN_CLASSES = [
    row("wrapper of a decorator", DECORATED, "return f(*args)", "return f(*args) + 1",
        WRAPPER, "pipeline.log", use="fix(image)"),
    row("argument of a decorator", DECORATED.replace("return f(*args)", "return f(n)"), "log(1)",
        "log(2)", WRAPPER, "pipeline.fix", use="fix(image)"),
    row("decorator that is a class",
        "class Log:\n    def __init__(self, f): self.f = f\n"
        "    def __call__(self, x): return self.f(x)\n@Log\ndef fix(x): return 1\n",
        "return 1", "return 2", "pipeline.fix", use="fix(image)"),
    row("decorator that hides what it wraps",
        "def log(f): return lambda x: f(x)\n@log\ndef fix(x): return 1\n",
        "return 1", "return 2", "pipeline.fix", use="fix(image)"),
    row("context manager",
        "from contextlib import contextmanager\n@contextmanager\ndef held(): yield 1\n",
        "yield 1", "yield 2", "pipeline.held", use="held()"),
    row("registry of a base class",
        "class Base:\n    known = {}\n"
        "    def __init_subclass__(cls): cls.known[cls.__name__] = cls\n"
        "class A(Base):\n    def run(self): return 1\n",
        "return 1", "return 2", "pipeline.A", use="Base.known[image]().run()"),
    row("descriptor",
        "class Field:\n    def __get__(self, *_): return 1\nclass A:\n    x = Field()\n",
        "return 1", "return 2", "pipeline.Field", use="A().x"),
    row("decorator of a class",
        "def mark(cls):\n    cls.level = 1\n    return cls\n@mark\nclass A: pass\n",
        "level = 1", "level = 2", "pipeline.mark", use="A().level"),
    row("metaclass",
        "class Meta(type):\n    def make(cls): return 1\nclass A(metaclass=Meta): pass\n",
        "return 1", "return 2", "pipeline.Meta.make", use="A.make()"),
    row("exception", "class Bad(Exception):\n    def __str__(self): return 'a'\n",
        "'a'", "'b'", "pipeline.Bad", use="Bad()"),
    row("default factory of a field",
        "from dataclasses import dataclass, field\ndef make(): return 1\n@dataclass\nclass A:\n"
        "    x: int = field(default_factory=lambda: make())\n",
        "return 1", "return 2", "pipeline.make", use="A()"),
    row("attribute of an instance's instance",
        "class A: pass\na = A()\na.b = A()\na.b.c = [1]\n", "[1]", "[2]", "pipeline.a",
        use="a.b.c"),
    row("installed instance in one's own",
        "import logging\nclass A:\n    def __init__(self): self.log = logging.getLogger('a')\n"
        "a = A()\n", "'a'", "'b'", "pipeline.A", use="a.log"),
    row("argument of an instance with an installed one",
        "import logging\nclass A:\n    def __init__(self, n): self.log = logging.getLogger(n)\n"
        "a = A('a')\n", "'a'", "'b'", "pipeline.a", use="a.log"),
    row("namespace", "from types import SimpleNamespace\nN = SimpleNamespace(a=1)", "a=1", "a=2",
        "pipeline.N", use="N.a"),
    row("what an instance says of itself",
        "class A:\n    def __init__(self, *n): self.n = n\n"
        "    def __bldst_fingerprint__(self): return self.n[0]\na = A(1, 5)\n",
        "A(1", "A(2", "pipeline.a", use="a"),
    row("pattern of a match", "class P: __match_args__ = ('x',)\n", "'x'", "'y'", "pipeline.P",
        use="P()"),
    row("what a decorator wraps", DECORATED, "return x", "return x + 1", "pipeline.fix",
        use="fix(image)"),
    row("another decorator", "def tell(n): return lambda f: f\n" + DECORATED,
        "@log(1)", "@tell(1)", WRAPPER, "pipeline.log", "pipeline.tell", "pipeline.fix",
        use="fix(image)"),
    row("method", CLASSES, "20", "21", "pipeline.Tool", use="Tool().run()"),
    row("inherited method", CLASSES, "10", "11", "pipeline.Base", use="Tool().run()"),
    row("property", CLASSES, "30", "31", "pipeline.Tool", use="Tool().size"),
    row("static method", CLASSES, "40", "41", "pipeline.Tool.plain", use="Tool.plain()"),
    row("class method", CLASSES, "50", "51", "pipeline.Tool.make", use="Tool.make()"),
    row("cached property", CLASSES, "60", "61", "pipeline.Tool", use="Tool().slow"),
    row("attribute of a class", CLASSES, '"a"', '"b"', "pipeline.Tool.name", use="Tool.name"),
    row("inherited attribute", CLASSES, "level = 1", "level = 2", "pipeline.Base.level",
        use="Tool.level"),
    row("attribute of an instance", CLASSES, "70", "71", "pipeline.tool", use="tool.speed"),
    row("class of an instance", CLASSES, "20", "21", "pipeline.Tool", use="tool.run()"),
    row("bound method", CLASSES + "run = tool.run", "20", "21", "pipeline.Tool", use="run()"),
    row("base class", "class Other: pass\n" + CLASSES, "class Tool(Base)",
        "class Tool(Base, Other)", "pipeline.Tool", use="Tool().run()"),
    row("member of an enum", DATA, "RED = 1", "RED = 2", "pipeline.Color", use="Color.RED"),
    row("member added to an enum", DATA, "RED = 1", "RED = 1; BLUE = 2", "pipeline.Color",
        use="list(Color)"),
    row("default of a field", DATA, "= 2", "= 3", "pipeline.Options", use="Options()"),
    row("type of a field", DATA, "level: int", "level: str", "pipeline.Options", use="Options()"),
    row("field added", DATA, "    level: int = 2", "    level: int = 2\n    more: int = 3",
        "pipeline.Options", "pipeline.options", use="options"),
    row("type of a named tuple's field", DATA, "x: int", "x: str", "pipeline.Point",
        use="Point(1)"),
    row("fields of a named tuple", DATA, '"a b"', '"b a"', "pipeline.Old", "pipeline.harden",
        use="Old(1, 2)"),
    row("base's method by super",
        "class A:\n    def f(self): return 1\n"
        "class B(A):\n    def f(self): return super().f()\n",
        "return 1", "return 2", "pipeline.A", use="B().f()"),
    row("class in a field's annotation, in quotes",
        "from dataclasses import dataclass\nclass B:\n    def run(self): return 1\n"
        "@dataclass\nclass A:\n    b: 'list[B]'\n",
        "return 1", "return 2", "pipeline.B", use="A([])"),
    row("pydantic model", "from pydantic import BaseModel\nclass M(BaseModel):\n    x: int = 1\n",
        "x: int = 1", "x: float = 1", "pipeline.M", use="M()"),
    row("validator of a pydantic model",
        "from pydantic import BaseModel, field_validator\nclass M(BaseModel):\n    x: int = 1\n"
        "    @field_validator('x')\n    @classmethod\n    def check(cls, v): return limit(v)\n"
        "def limit(v): return 5\n",
        "return 5", "return 6", "pipeline.limit", use="M()"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "parts"), [*CHANGES, *IN_CLASSES])
def test_what_a_function_reaches_counts(
    before: Mapping[str, str], after: Mapping[str, str], parts: set[str], code_in: CodeOf
) -> None:
    old, new = code_in(before), code_in(after)
    assert old.digest != new.digest
    differing = {
        name
        for name in old.parts.keys() | new.parts.keys()
        if old.parts.get(name) != new.parts.get(name)
    }
    assert parts <= differing
    assert len(differing - parts) <= 1, differing


@pytest.mark.parametrize(("before", "after", "parts"), [*CHANGES, *IN_CLASSES])
def test_the_same_in_another_folder_is_the_same(
    before: Mapping[str, str], after: Mapping[str, str], parts: set[str], code_in: CodeOf
) -> None:
    assert code_in(before) == code_in(before)
    assert code_in(after) == code_in(after)
    assert parts <= code_in(before).parts.keys() | code_in(after).parts.keys()
