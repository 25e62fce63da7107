"""Ways in which a milestone depends on something that it does not declare.

Each is an expression in the milestone's text, and what that expression gives, said a second time:
by what the author of the project wrote down, not by calling anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Numbers = Mapping[str, int]
"""What is in a project: each thing that may change is a number. Those not named are 0."""


@dataclass(frozen=True)
class Way:
    """One way to depend on something.

    Attributes:
        things: What changes it.
        expression: As a milestone has it.
        gives: What comes of that.
    """

    things: tuple[str, ...]
    expression: str
    gives: Callable[[Numbers], str]

    def shown(self, numbers: Numbers) -> str:
        return self.gives({each: numbers.get(each, 0) for each in self.things})


def _one(thing: str, expression: str) -> Way:
    return Way((thing,), expression, lambda numbers: f"{thing} {numbers[thing]}")


def _override(numbers: Numbers) -> str:
    override = numbers["override"]
    return f"override {override}" if override else f"base {numbers['base']}"


CODE: Final = (
    _one("helper", "helped()"),
    _one("inner", "helpers.outer()"),
    _one("constant", "settings.MIRROR"),
    _one("size", "tools.disk.sized()"),
    _one("unit", "Plan().described()"),
    _one("label", "labelled()"),
    _one("suffix", "suffix()"),
    _one("late", "late()"),
    _one("table", 'settings.TABLE["one"][0]'),
)

FILES: Final = (
    _one("base", 'Path("conf/base").read_text()'),
    _one("motd", 'helpers.read("motd")'),
    _one("told", 'subprocess.check_output(["cat", "conf/told"], text=True)'),
    Way(("override", "base"), 'helpers.read_one_of("override", "base")', _override),
    Way(
        ("rules",),
        '",".join(sorted(os.listdir("conf/rules")))',
        lambda numbers: ",".join(f"{each}" for each in range(numbers["rules"] + 1)),
    ),
)

WAYS: Final = (*CODE, *FILES)
