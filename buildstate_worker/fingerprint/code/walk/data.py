"""Data that a function reaches: the names of modules and classes, and variables around it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from buildstate_worker.fingerprint.code.files.project import Project
from buildstate_worker.fingerprint.code.tree.canonical import canonical
from buildstate_worker.fingerprint.code.tree.references import Chain, References, references_of
from buildstate_worker.fingerprint.code.walk.bindings import Frame, frame_of_module, home_of
from buildstate_worker.fingerprint.code.walk.classes import Classes
from buildstate_worker.fingerprint.code.walk.ledger import Ledger
from buildstate_worker.fingerprint.code.walk.objects import file_of_module
from buildstate_worker.fingerprint.code.walk.resolve import Found, member
from buildstate_worker.fingerprint.code.walk.values import Values, is_constant


@dataclass(frozen=True)
class _Seen:
    """The text of data, with the code that was met in it. The data is kept, so that it stays."""

    text: str
    is_unknown: bool
    met: tuple[object, ...]
    value: object


_first_seen: Final[dict[int, _Seen]] = {}
"""What was made of data when it was first asked for in this process, by its address."""


class Data:
    """Adds data as parts: by its value, or by how it is made where the value does not show."""

    def __init__(
        self,
        project: Project,
        ledger: Ledger,
        values: Values,
        classes: Classes,
        references: Callable[[References, Frame], Iterator[str]],
    ) -> None:
        """Keep what the walk shares.

        Args:
            project: Which files are the user's own.
            ledger: Where parts are added.
            values: Makes the texts of values.
            classes: Finds the user's own classes.
            references: Makes the texts of what a statement refers to.
        """
        self._project = project
        self._ledger = ledger
        self._values = values
        self._classes = classes
        self._references = references

    def text(self, found: Found, first: str, frame: Frame) -> str:
        """Return the text for data that a chain of names led to.

        Args:
            found: Where it led.
            first: The first name.
            frame: Where the names were used.
        """
        holder = found.holder
        if isinstance(holder, type):
            kept_by = member(holder, found.name)
            return self.of_class(kept_by[0] if kept_by else holder, found.name, found.value)
        if holder is None and first in frame.cells:
            return self.cell(found.value, frame)
        at = frame if holder is None else frame_of_module(holder, self._project)
        if at is None:
            return f"installed;{self.binding(first, frame)}"
        at, name = home_of(found.name, found.value, at, self._project)
        key = "data", id(at.namespace), name
        self._ledger.place(f"{name} in {at.file.path.name}", at.namespace, name)
        known = self._ledger.name_of(key)
        if known is not None:
            return known
        label = f"{at.file.name}.{name}{' (object)' if at.file.defines(name) else ''}"
        return self._ledger.add(key, label, lambda: self._texts(found.value, name, at))

    def _texts(self, value: object, name: str, at: Frame) -> Iterator[str]:
        text, is_unknown = self.first(value)
        yield text
        if is_unknown:
            yield self.binding(name, at)

    def of_class(self, holder: type, name: str, value: object) -> str:
        """Return the text for data that is an attribute of a class."""
        if not self._classes.is_own(holder):
            return "installed"
        file = self._classes.source_of(holder)
        self._ledger.place(f"{holder.__qualname__}.{name} in {file.path.name}", holder, name)
        key = "data", id(holder), name
        known = self._ledger.name_of(key)
        if known is not None:
            return known
        label = f"{file.name}.{holder.__qualname__}.{name}"
        return self._ledger.add(key, label, lambda: [self.first(value)[0]])

    def plain(self, value: object) -> str | None:
        """Return the text of data, or `None` if it shows nothing but its type."""
        text, is_unknown = self.first(value)
        return None if is_unknown else text

    def cell(self, value: object, frame: Frame) -> str:
        """Return the text of a variable that a function has from around it."""
        text, is_unknown = self.first(value)
        if not is_unknown or frame.definition is None:
            return text
        # Nothing is seen of it but the function around, in which it was made.
        around = next(frame.definition.around(), None)
        return text if around is None else f"{text}{around.text}"

    def first(self, value: object) -> tuple[str, bool]:
        """Return the text of data as it was when first asked for, and whether it is not known.

        What a milestone or a flow changes later would otherwise make the next one run again for
        ever: a resumed process has not changed it.
        """
        known = _first_seen.get(id(value))
        if known is not None:
            for each in known.met:
                self._values.text(each)
            return known.text, known.is_unknown
        values = self._values
        outer = values.is_unknown, values.met
        values.is_unknown, values.met = False, []
        made = _Seen(values.text(value), values.is_unknown, tuple(values.met), value)
        values.is_unknown, values.met = outer[0] or made.is_unknown, [*outer[1], *made.met]
        is_code = any(each is value for each in made.met)
        if not is_code and not is_constant(value):
            _first_seen[id(value)] = made
        return made.text, made.is_unknown

    def store(self, target: Found | None, chain: Chain, frame: Frame) -> None:
        """Keep the place of what a function assigns to; it may not be there yet.

        Args:
            target: What the chain leads to but for its last name; `None` if that is nothing.
            chain: The names.
            frame: Where they are used.
        """
        name = chain[-1]
        is_around = chain[0] in frame.cells
        if len(chain) == 1:
            if not is_around:
                self._ledger.place(f"{name} in {frame.file.path.name}", frame.namespace, name)
        elif target is None or target.rest:
            return
        elif isinstance(target.value, type) and self._classes.is_own(target.value):
            file = self._classes.source_of(target.value)
            label = f"{target.value.__qualname__}.{name} in {file.path.name}"
            self._ledger.place(label, target.value, name)
        elif isinstance(target.value, ModuleType):
            at = frame_of_module(target.value, self._project)
            if at is not None:
                self._ledger.place(f"{name} in {at.file.path.name}", at.namespace, name)
        elif target.holder is None and not is_around:
            self._ledger.place(f"{chain[0]} in {frame.file.path.name}", frame.namespace, chain[0])

    def binding(self, name: str, frame: Frame) -> str:
        """Return the text of what a module binds a name by, where the object does not say it."""
        key = "binding", frame.file.path, name
        known = self._ledger.name_of(key)
        if known is not None:
            return known
        self._ledger.note(key, name)
        texts = [
            text
            for origin, text in frame.file.imports_of(name)
            if not self.is_own_holder(sys.modules.get(origin))
        ]
        for statement in frame.file.assignments_of(name):
            texts.append(canonical(statement))
            texts += self._references(references_of(statement), frame.of_module())
        for statement in frame.file.effects_on(name):
            texts.append(canonical(statement))
            # Not the code in it: a module's last statement may call all of the flow.
            chains = {
                each: None
                for each in references_of(statement).chains
                if is_constant(frame.value_of(each[0]))
            }
            texts += self._references(References(chains=chains), frame.of_module())
        text = ";".join(texts)
        self._ledger.note(key, text)
        return text

    def is_own_holder(self, value: object) -> bool:
        """Return whether an object is a module or a class of the project."""
        if isinstance(value, ModuleType):
            path = file_of_module(value)
            return path is not None and self._project.has(path)
        return isinstance(value, type) and self._classes.is_own(value)
