"""What a walk has found: parts by name, and the module data that it came by."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, eq=False)
class Place:
    """Data of a module or a class that a function reaches.

    Attributes:
        label: For a person: `CONFIG in pipeline.py`.
        holder: The module's names, or the class.
        name: Its name there.
    """

    label: str
    holder: Any
    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other.holder is self.holder and other.name == self.name

    def __hash__(self) -> int:
        return hash((id(self.holder), self.name))


class Ledger:
    """The parts that were found so far, each under a name of its own.

    Attributes:
        parts: The digest of each part by its name in texts.
        places: The data that was reached, by where it is kept.
    """

    def __init__(self, module: str) -> None:
        """Begin with nothing.

        Args:
            module: The module that the walk begins in. Texts call it `~`, so that its digests stay
                when its file is renamed.
        """
        self._module = module
        self.parts: dict[str, str] = {}
        self.places: dict[tuple[int, str], Place] = {}
        self._names: dict[Hashable, str] = {}
        self._taken: dict[str, int] = {}
        self._kept: list[object] = []
        self._todo: deque[tuple[str, Callable[[], Iterable[str]]]] = deque()

    def name_of(self, key: Hashable) -> str | None:
        """Return the name of a part that was found already."""
        return self._names.get(key)

    def in_texts(self, name: str) -> str:
        """Return what texts call a name that begins with a module's."""
        rest = name.removeprefix(self._module)
        return f"~{rest}" if rest != name and rest[:1] in {".", " "} else name

    def for_people(self, name: str) -> str:
        """Return a name as a reader knows it."""
        return f"{self._module}{name[1:]}" if name.startswith("~") else name

    def names_of(self, kind: str) -> set[str]:
        """Return the names of what was found of one kind, which is the first of its key."""
        return {
            name for key, name in self._names.items() if isinstance(key, tuple) and key[0] == kind
        }

    def add(
        self, key: Hashable, name: str, text: Callable[[], Iterable[str]], *, keep: object = None
    ) -> str:
        """Return the name of a new part: the wanted one, or with a number if that is taken.

        Args:
            key: What tells it from others.
            name: What it is to be called.
            text: Makes its text, later.
            keep: What has to stay, so that nothing else gets its address.
        """
        name = self.in_texts(name)
        count = self._taken[name] = self._taken.get(name, 0) + 1
        unique = name if count == 1 else f"{name} ({count})"
        self._names[key] = unique
        self._kept.append(keep)
        self._todo.append((unique, text))
        return unique

    def note(self, key: Hashable, text: str, *, keep: object = None) -> None:
        """Keep the text for what is no part of its own."""
        self._names[key] = text
        self._kept.append(keep)

    def place(self, label: str, holder: object, name: str) -> None:
        """Keep where data is that was reached."""
        self.places.setdefault((id(holder), name), Place(label, holder, name))

    def finish(self) -> None:
        """Make every part; that may find more."""
        while self._todo:
            name, text = self._todo.popleft()
            self.parts[name] = sha256("\n".join(text()).encode()).hexdigest()
