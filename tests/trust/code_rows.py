"""What a function reaches in the code of its project."""

from typing import Final

from .rows import UNSEEN, Row, Seen

CODE: Final = (
    Row(
        "the function's own text",
        """
        @milestone(state=25)
        def make() -> Path:
            return image(@@)
        """,
    ),
    Row(
        "a function that it calls",
        """
        def harden(text):
            return text + "@@"

        @milestone(state=25)
        def make() -> Path:
            return image(harden("os"))
        """,
    ),
    Row(
        "a function that such a function calls",
        """
        def inner():
            return @@

        def outer():
            return inner()

        @milestone(state=25)
        def make() -> Path:
            return image(outer())
        """,
    ),
    Row(
        "a function of another module",
        """
        from helpers import harden

        @milestone(state=25)
        def make() -> Path:
            return image(harden())
        """,
        files={"helpers.py": "def harden():\n    return @@\n"},
    ),
    Row(
        "a function that is reached through a module's name",
        """
        import helpers

        @milestone(state=25)
        def make() -> Path:
            return image(helpers.harden())
        """,
        files={"helpers.py": "def harden():\n    return @@\n"},
    ),
    Row(
        "a function of a module in a package",
        """
        import tools.disk

        @milestone(state=25)
        def make() -> Path:
            return image(tools.disk.harden())
        """,
        files={"tools/__init__.py": "", "tools/disk.py": "def harden():\n    return @@\n"},
    ),
    Row(
        "a module that the function imports in its body",
        """
        @milestone(state=25)
        def make() -> Path:
            from helpers import harden

            return image(harden())
        """,
        files={"helpers.py": "def harden():\n    return @@\n"},
    ),
    Row(
        "a constant",
        """
        MIRROR = "mirror-@@"

        @milestone(state=25)
        def make() -> Path:
            return image(MIRROR)
        """,
    ),
    Row(
        "a constant of another module",
        """
        import settings

        @milestone(state=25)
        def make() -> Path:
            return image(settings.MIRROR)
        """,
        files={"settings.py": 'MIRROR = "mirror-@@"\n'},
    ),
    Row(
        "a list or dict of the module",
        """
        PACKAGES = ["curl", {"vim": "@@"}]

        @milestone(state=25)
        def make() -> Path:
            return image(PACKAGES)
        """,
    ),
    Row(
        "a variable of the function around it",
        """
        def made(size):
            @milestone(state=25)
            def make() -> Path:
                return image(size)

            return make

        def main():
            made(@@)()
        """,
    ),
    Row(
        "a function of the function around it",
        """
        def made():
            def content():
                return @@

            @milestone(state=25)
            def make() -> Path:
                return image(content())

            return make

        def main():
            made()()
        """,
    ),
    Row(
        "a default of a parameter",
        """
        @milestone(state=25)
        def make(size=@@) -> Path:
            return image(size)
        """,
    ),
    Row(
        "a default of a function that it calls",
        """
        def content(*, size=@@):
            return size

        @milestone(state=25)
        def make() -> Path:
            return image(content())
        """,
    ),
    Row(
        "what a decorator does around it",
        """
        import functools

        def logged(function):
            @functools.wraps(function)
            def wrapper(*args):
                return image(str(function(*args)) + "@@")

            return wrapper

        @milestone(state=25)
        @logged
        def make():
            return "os"
        """,
    ),
    Row(
        "what a decorator was given",
        """
        import functools

        def suffixed(suffix):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(*args):
                    return image(f"{function(*args)}{suffix}")

                return wrapper

            return decorate

        @milestone(state=25)
        @suffixed("@@")
        def make():
            return "os"
        """,
    ),
    Row(
        "a decorator of a function that it calls",
        """
        import functools

        def twice(function):
            @functools.wraps(function)
            def wrapper():
                return [function()] * @@

            return wrapper

        @twice
        def content():
            return "os"

        @milestone(state=25)
        def make() -> Path:
            return image(content())
        """,
    ),
    Row(
        "a method of a class",
        """
        class Disk:
            def size(self):
                return @@

        @milestone(state=25)
        def make() -> Path:
            return image(Disk().size())
        """,
    ),
    Row(
        "a method of a class that it inherits from",
        """
        class Base:
            def size(self):
                return @@

        class Disk(Base):
            pass

        @milestone(state=25)
        def make() -> Path:
            return image(Disk().size())
        """,
    ),
    Row(
        "a property, a static method and a class method",
        """
        class Disk:
            @property
            def size(self):
                return self.one() + self.other()

            @staticmethod
            def one():
                return @@

            @classmethod
            def other(cls):
                return 1

        @milestone(state=25)
        def make() -> Path:
            return image(Disk().size)
        """,
    ),
    Row(
        "an attribute of a class",
        """
        class Disk:
            SIZE = @@

        @milestone(state=25)
        def make() -> Path:
            return image(Disk.SIZE)
        """,
    ),
    Row(
        "an object of the module",
        """
        class Disk:
            def __init__(self, size):
                self.size = size

        DISK = Disk(@@)

        @milestone(state=25)
        def make() -> Path:
            return image(DISK.size)
        """,
    ),
    Row(
        "a method that is bound to an object",
        """
        class Disk:
            def __init__(self, size):
                self.size = size

            def content(self):
                return self.size

        content = Disk(@@).content

        @milestone(state=25)
        def make() -> Path:
            return image(content())
        """,
    ),
    Row(
        "a member of an enum",
        """
        from enum import Enum

        class Size(Enum):
            SMALL = @@

        @milestone(state=25)
        def make() -> Path:
            return image(Size.SMALL.value)
        """,
    ),
    Row(
        "a default of a dataclass's field",
        """
        from dataclasses import dataclass

        @dataclass
        class Disk:
            size: int = @@

        @milestone(state=25)
        def make() -> Path:
            return image(Disk())
        """,
    ),
    Row(
        "a partial function",
        """
        from functools import partial

        def content(size):
            return size

        sized = partial(content, @@)

        @milestone(state=25)
        def make() -> Path:
            return image(sized())
        """,
    ),
    Row(
        "a lambda",
        """
        content = lambda: @@

        @milestone(state=25)
        def make() -> Path:
            return image(content())
        """,
    ),
    Row(
        "one of two lambdas in a line",
        """
        one, other = (lambda: 0), (lambda: @@)

        @milestone(state=25)
        def make() -> Path:
            return image(one() + other())
        """,
    ),
    Row(
        "a function in a table of functions",
        """
        def small():
            return @@

        SIZES = {"small": small}

        @milestone(state=25)
        def make() -> Path:
            return image(SIZES["small"]())
        """,
    ),
    Row(
        "a comprehension, a nested function and an f-string in it",
        """
        @milestone(state=25)
        def make() -> Path:
            def each(n):
                return f"{n:0@@d}"

            return image([each(n) for n in range(3)])
        """,
    ),
    Row(
        "code that cannot be read (`exec`)",
        """
        @milestone(state=25)
        def make() -> Path:
            names = {}
            exec("size = @@", names)
            return image(names["size"])
        """,
        says="opaque-code",
        seen=Seen.REFUSED,
    ),
    Row(
        "a function by a computed name",
        """
        import helpers

        @milestone(state=25)
        def make() -> Path:
            return image(getattr(helpers, "har" + "den")())
        """,
        files={"helpers.py": "def harden():\n    return @@\n"},
        says="opaque-code",
        seen=Seen.REFUSED,
    ),
    Row(
        "a module by a computed name",
        """
        import importlib

        @milestone(state=25)
        def make() -> Path:
            return image(importlib.import_module("help" + "ers").harden())
        """,
        files={"helpers.py": "def harden():\n    return @@\n"},
        says="opaque-code",
        seen=Seen.REFUSED,
    ),
    Row(
        "code that is opaque, with a `version`",
        """
        @milestone(state=25, version="@@")
        def make() -> Path:
            names = {}
            exec("size = 1", names)
            return image(names["size"])
        """,
        seen=Seen.DECLARED,
    ),
    Row(
        "state that an earlier milestone leaves in the process",
        """
        import os

        CONFIG = {}

        @milestone(state=10)
        def prepare() -> Path:
            CONFIG["mirror"] = "@@"
            return image("base")

        @milestone(state=25)
        def make(base: Path) -> Path:
            return image(CONFIG.get("mirror"))

        def main():
            make(prepare())
        """,
        says="left-in-process",
        seen=Seen.REFUSED,
        state=10,
    ),
    Row(
        "the environment of the process",
        """
        import os

        @milestone(state=25)
        def make() -> Path:
            return image(os.environ["TRUST_REGION"])

        def main():
            os.environ["TRUST_REGION"] = "@@"
            make()
        """,
        says=UNSEEN,
        seen=Seen.NEVER,
    ),
    Row(
        "the environment of the process, as a parameter",
        """
        import os

        @milestone(state=25)
        def make(region) -> Path:
            return image(region)

        def main():
            os.environ["TRUST_REGION"] = "@@"
            make(os.environ["TRUST_REGION"])
        """,
        says="recipe_changed:param:region",
        seen=Seen.DECLARED,
    ),
    Row(
        "code of a function that nothing reaches",
        """
        def unused():
            return @@

        @milestone(state=25)
        def make() -> Path:
            return image("os")
        """,
        says=UNSEEN,
        seen=Seen.NEVER,
    ),
)
