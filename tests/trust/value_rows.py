"""What a function is called with."""

from typing import Final

from .rows import UNSEEN, Row, Seen


def _given(what: str, value: str, before: str = "", says: str = "recipe_changed:param:size") -> Row:
    return Row(
        what,
        f"""{before}

@milestone(state=25)
def make(size) -> Path:
    return image(size)


def main():
    make({value})
""",
        says=says,
    )


VALUES: Final = (
    _given("a number or a text", '"@@"'),
    _given("a set", '{"vim", "curl", "git", "@@"}'),
    _given("bytes", 'b"@@"'),
    _given("a tuple, a list, a dict, nested", '[("a", {"b": [@@]})]'),
    _given("a dict with keys that are no texts", '{1: "a", (2, 3): "@@"}'),
    _given("a decimal", 'Decimal("1.@@")', "from decimal import Decimal"),
    _given("a time", "datetime(2026, 1, @@, tzinfo=UTC)", "from datetime import UTC, datetime"),
    _given("a range, a complex number", "[range(@@), complex(1, @@)]"),
    _given("a pattern", 're.compile("a{@@}")', "import re"),
    _given("a UUID", "UUID(int=@@)", "from uuid import UUID"),
    _given(
        "an object of a class of the project",
        "Disk(@@)",
        "class Disk:\n    def __init__(self, size):\n        self.size = size\n",
    ),
    _given(
        "a dataclass with values of any kind",
        'Disk(names={"a", "b@@"})',
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Disk:\n    names: set\n",
    ),
    _given(
        "a named tuple",
        "Disk(@@)",
        "from typing import NamedTuple\n\n\nclass Disk(NamedTuple):\n    size: int\n",
    ),
    _given(
        "a pydantic model",
        "Disk(size=@@)",
        "from pydantic import BaseModel\n\n\nclass Disk(BaseModel):\n    size: int\n",
    ),
    _given(
        "a member of an enum, as an argument",
        "Size.SIZE_@@",
        "from enum import Enum\n\n\nclass Size(Enum):\n    SIZE_1 = 1\n    SIZE_2 = 2\n",
    ),
    _given(
        "a function, as an argument",
        "content",
        "def content():\n    return @@\n",
    ),
    Row(
        "the type of a value: a text for a number, a list for a tuple",
        """
        VALUES = {1: [("1.0", "a"), ("a",)], 2: [(1.0, "a"), ("a",)]}

        @milestone(state=25)
        def make(size) -> Path:
            return image("os")

        def main():
            make(VALUES[@@])
        """,
        says="recipe_changed:param:size",
    ),
    Row(
        "a value that has no digest",
        """
        import threading

        class Client:
            def __init__(self, url):
                self.url, self.lock = url, threading.Lock()

        @milestone(state=25)
        def make(client) -> Path:
            return image(client.url)

        def main():
            make(Client("@@"))
        """,
        says="no-digest",
        seen=Seen.REFUSED,
    ),
    Row(
        "a value that has no digest, with `ignore`",
        """
        import threading

        class Client:
            def __init__(self, url):
                self.url, self.lock = url, threading.Lock()

        @milestone(state=25, ignore=["client"])
        def make(client) -> Path:
            return image("os")

        def main():
            make(Client("@@"))
        """,
        says=UNSEEN,
        seen=Seen.NEVER,
    ),
    Row(
        "a value with a `__bldst_fingerprint__`",
        """
        import threading

        class Client:
            def __init__(self, url):
                self.url, self.lock = url, threading.Lock()

            def __bldst_fingerprint__(self):
                return self.url

        @milestone(state=25)
        def make(client) -> Path:
            return image(client.url)

        def main():
            make(Client("@@"))
        """,
        says="recipe_changed:param:client",
        seen=Seen.DECLARED,
    ),
    Row(
        "what another milestone returned, in a dataclass",
        """
        from dataclasses import dataclass

        @dataclass
        class Disk:
            base: Path

        @milestone(state=10)
        def base(size) -> Path:
            return image(size)

        @milestone(state=25)
        def make(disk: Disk) -> Path:
            return image(Path(disk.base).read_text())

        def main():
            make(Disk(base(@@)))
        """,
        says="upstream_changed:10",
    ),
    Row(
        "the checkpoint before, where a milestone takes no result",
        """
        @milestone(state=10)
        def base(size) -> Path:
            return image(size)

        @milestone(state=25)
        def make() -> Path:
            return image("os")

        def main():
            base(@@)
            make()
        """,
        says="upstream_changed:10",
    ),
    Row(
        "a kind, a parameter or an input that is declared then and not now",
        """
        @milestone(state=25)
        def make(**sizes) -> Path:
            return image(sizes)

        def main():
            make(**{"size_@@": 1})
        """,
        says="recipe_changed:param:sizes",
    ),
)
