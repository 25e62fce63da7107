"""All of the project's code that a function reaches: a worklist over loaded objects.

Each function, class, module and datum that counts is a part with a name. Its text says what it does
and, for each name that it uses, which part that stands for; so a part's digest changes with itself
alone, and `explain` can name it.
"""

import builtins
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final

from buildstate_worker.fingerprint.code.files.project import Project, module_name
from buildstate_worker.fingerprint.code.files.source import Definition, SourceFile, find_definition
from buildstate_worker.fingerprint.code.opaque import opaque
from buildstate_worker.fingerprint.code.tree import calls
from buildstate_worker.fingerprint.code.tree.references import (
    Call,
    Chain,
    References,
)
from buildstate_worker.fingerprint.code.walk.bindings import Frame
from buildstate_worker.fingerprint.code.walk.classes import Classes
from buildstate_worker.fingerprint.code.walk.data import Data
from buildstate_worker.fingerprint.code.walk.ledger import Ledger
from buildstate_worker.fingerprint.code.walk.members import members_of
from buildstate_worker.fingerprint.code.walk.objects import (
    BUILT_IN,
    attributes,
    cells_of,
    file_of_function,
    file_of_module,
    function_of_tool,
    held_by_installed,
    is_code,
    is_extension,
    is_own_function,
    parts_of,
)
from buildstate_worker.fingerprint.code.walk.resolve import (
    MISSING,
    Found,
    class_named,
    follow,
    member,
)
from buildstate_worker.fingerprint.code.walk.values import (
    Values,
    is_constant,
    shows_its_fields,
)
from buildstate_worker.fingerprint.code.walk.whole import WholeModules

_OF_MODULES: Final = frozenset(
    {
        "__builtins__", "__cached__", "__doc__", "__file__", "__loader__", "__name__",
        "__package__", "__path__", "__spec__",
    }
)  # fmt: skip
_INSTALLED: Final = "installed"


class Reach:
    """Walks over what is reached, and adds it to a ledger.

    Attributes:
        ledger: What was found.
        classes: Finds the user's own classes.
        values: Makes the texts of values, and adds the code in them.
    """

    def __init__(self, project: Project, is_result: Callable[[object], bool]) -> None:
        """Keep what counts.

        Args:
            project: Which files are the user's own.
            is_result: Whether an object is counted elsewhere, as what another milestone returned.
        """
        self.ledger = Ledger(module_name(project.file))
        self.classes = Classes(project)
        self.values = Values(project.roots, self.code, self.classes.is_own)
        self._project = project
        self._is_result = is_result
        self._modules = WholeModules(project, self.ledger)
        self._data = Data(project, self.ledger, self.values, self.classes, self._references)
        self._whole_classes: set[int] = set()

    def code(self, value: Any, owner: type | None = None) -> str | None:
        """Return the text for code, after adding the parts that it is made of; `None` for data.

        Args:
            value: Any object.
            owner: The class that it was taken from, if that is known.

        Raises:
            InvalidInput: It cannot be seen, or it has changed on the disk since it was loaded.
        """
        if is_constant(value):
            return None
        if self._is_result(value):
            return "result"
        say: tuple[tuple[Any, Callable[[], str]], ...] = (
            (ModuleType, lambda: self._module(value, value.__name__)),
            (type, lambda: self._class(value)),
            (FunctionType, lambda: self._function(value, owner)),
            (MethodType, lambda: self._bound(value)),
            (BUILT_IN, lambda: self._built_in(value)),
        )
        for types, text in say:
            if isinstance(value, types):
                return text()
        made_of, tool = parts_of(value), function_of_tool(value)
        if made_of is not None:
            return self._made_of(value, made_of, owner)
        if tool is not None:
            return self.code(tool, owner)
        is_data = self.classes.is_own(type(value)) or shows_its_fields(value)
        return None if is_data else self._installed(value)

    def code_of_argument(self, value: object) -> str:
        """Return the text for the code of a value, whatever it holds."""
        text = self.code(value)
        if text is not None:
            return text
        return self._class(type(value)) if self.classes.is_own(type(value)) else ""

    def _made_of(self, value: Any, parts: tuple[object, ...], owner: type | None) -> str:
        inner = [self.code(each, owner) or self.values.text(each) for each in parts]
        if len(inner) == 1 and inner[0].startswith(_INSTALLED):
            return inner[0]
        return f"{type(value).__name__}({','.join(inner)})"

    def _bound(self, value: MethodType) -> str:
        holder = value.__self__
        if isinstance(holder, type):
            return f"{self.code(value.__func__, holder)} of {holder.__qualname__}"
        return f"{self.code(value.__func__, type(holder))} of {self.values.text(holder)}"

    def _built_in(self, value: Any) -> str:
        holder = getattr(value, "__self__", None)
        if holder is None or isinstance(holder, ModuleType):
            path = file_of_module(sys.modules.get(str(getattr(value, "__module__", None))))
            if path is not None and is_extension(path) and self._project.has(path):
                raise opaque(value.__name__, f"is in {path.name}, which is no Python source")
            return f"{_INSTALLED} {value.__name__}"
        return f"{value.__name__} of {self.values.text(holder)}"

    def _installed(self, value: Any) -> str | None:
        """Return the text of an installed function or object that holds code of the project."""
        known = self.ledger.name_of(("installed", id(value)))
        if known is None:
            self.ledger.note(("installed", id(value)), "", keep=value)
            inner = (self.code(each) for each in held_by_installed(value) if is_code(each))
            own = [each for each in inner if each and not each.startswith(_INSTALLED)]
            known = f"around({','.join(own)})" if own else ""
            self.ledger.note(("installed", id(value)), known, keep=value)
        return known or None

    def _module(self, module: ModuleType, wanted_by: str) -> str:
        path = file_of_module(module)
        if path is None or not self._project.has(path):
            return f"{_INSTALLED} module"
        return self._modules.add(path, wanted_by, module)

    # Functions

    def _function(self, function: FunctionType, owner: type | None) -> str:
        if not is_own_function(function, self._project):
            return self._installed(function) or f"{_INSTALLED} {function.__name__}"
        key = "function", id(function), id(owner)
        known = self.ledger.name_of(key)
        if known is not None:
            return known
        path = file_of_function(function)
        found = None if path is None else find_definition(function, path)
        if found is None:
            raise opaque(function.__qualname__, "has no source")
        file, definition = found
        self.classes.note(function.__globals__, file.path)
        name = f"{file.name}.{definition.qualname}"
        frame = Frame(
            name=name,
            file=file,
            namespace=function.__globals__,
            cells=dict(cells_of(function)),
            definition=definition,
        )
        if any(id(each) in self._whole_classes for each in definition.around()):
            # Its text is in that of its class.
            name = self.ledger.in_texts(name)
            self.ledger.note(key, name, keep=function)
            texts = [*self._around(function), *self._references(References(), frame)]
            return f"{name}({';'.join(texts)})" if texts else name
        owner = owner or self._owner_of(definition, frame)
        return self.ledger.add(
            key, name, lambda: self._function_text(function, frame, owner), keep=(function, owner)
        )

    def _function_text(
        self, function: FunctionType, frame: Frame, owner: type | None
    ) -> Iterator[str]:
        definition = frame.definition
        assert definition is not None  # noqa: S101 - a function's frame has one
        yield definition.text
        yield from self._references(definition.references, frame)
        yield from self._around(function)
        if owner is not None:
            yield from self._of_instance(definition.references, frame, owner)

    def _around(self, function: FunctionType) -> Iterator[str]:
        """Yield the texts of what a function was made with."""
        if function.__defaults__:
            texts = [self._data.first(each)[0] for each in function.__defaults__]
            yield f"defaults {','.join(texts)}"
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            yield f"default {name}={self._data.first(value)[0]}"
        inner = vars(function).get("__wrapped__")
        taken_over = attributes(inner)
        for name, value in sorted(vars(function).items()):
            if name in taken_over and taken_over[name] is value and value is not inner:
                continue
            if not name.startswith("__") or name == "__wrapped__":
                yield f"attribute {name}={self.values.text(value)}"

    def _owner_of(self, definition: Definition, frame: Frame) -> type | None:
        """Return the class that a method is defined in, if it can be found."""
        around = next(definition.around(), None)
        if around is None or not definition.is_method:
            return None
        cell = frame.cells.get("__class__")
        found = cell if isinstance(cell, type) else class_named(around.qualname, frame.namespace)
        return found if found is None or self.classes.is_own(found) else None

    def _of_instance(self, found: References, frame: Frame, owner: type) -> Iterator[str]:
        """Yield the texts of what a method takes from its instance's class."""
        names = dict.fromkeys(found.own)
        if found.hands_on_instance:
            # What else is done with it cannot be seen, but for other milestones of the class.
            names |= {
                name: None
                for cls in owner.__mro__
                if self.classes.is_own(cls)
                for name, value in members_of(cls)
                if function_of_tool(value) is None
            }
        for name in names:
            yield from self._member(name, member(owner, name), owner)
        after = frame.cells.get("__class__")
        for name in found.of_super:
            behind = member(owner, name, after=after if isinstance(after, type) else owner)
            yield from self._member(name, behind, owner)

    def _member(self, name: str, found: tuple[type, Any] | None, owner: type) -> Iterator[str]:
        if found is None or not self.classes.is_own(found[0]):
            return
        holder, value = found
        text = self.code(value, owner)
        if text is None:
            text = self._data.of_class(holder, name, value)
        yield f"own {name}={text}"

    # Classes

    def _class(self, cls: type) -> str:
        if not self.classes.is_own(cls):
            path = file_of_module(sys.modules.get(cls.__module__))
            if path is not None and is_extension(path) and self._project.has(path):
                raise opaque(cls.__qualname__, f"is in {path.name}, which is no Python source")
            return f"{_INSTALLED} {cls.__qualname__}"
        key = "class", id(cls)
        known = self.ledger.name_of(key)
        if known is not None:
            return known
        file = self.classes.source_of(cls)
        found = file.classes.get(cls.__qualname__, [])
        self._whole_classes.update(map(id, found))
        name = f"{file.name}.{cls.__qualname__}"
        return self.ledger.add(key, name, lambda: self._class_text(cls, file, found), keep=cls)

    def _class_text(self, cls: type, file: SourceFile, found: list[Definition]) -> Iterator[str]:
        name = f"{file.name}.{cls.__qualname__}"
        frame = Frame(name=name, file=file, namespace=self.classes.namespace_of(cls))
        for each in found:
            yield each.text
            yield from self._references(each.references, frame)
        for base in (*cls.__bases__, type(cls)):
            # The class's text says which installed ones there are, if it has a text.
            if not found or self.classes.is_own(base):
                yield f"base {self.code(base)}"
        bound = set[str]().union(*(each.names for each in found))
        for attribute, value in members_of(cls):
            plain = attribute.removeprefix(f"_{cls.__name__.lstrip('_')}")
            if found and attribute[0] == "_" and bound.isdisjoint({attribute, plain}):
                continue  # Of a metaclass, and not the same on every version.
            text = self.code(value)
            if text is None:
                text = self._data.plain(value)
                self.ledger.place(
                    f"{cls.__qualname__}.{attribute} in {file.path.name}", cls, attribute
                )
            if text is not None and not text.startswith(_INSTALLED):
                yield f"{attribute}={text}"

    # Names

    def _references(self, found: References, frame: Frame) -> Iterator[str]:
        """Yield the texts of what is referred to."""
        used = {chain[0] for chain in found.chains}
        for chain in found.chains:
            yield from self._chain(chain, frame, found.calls.get(chain, ()))
        for name, value in frame.cells.items():
            if name not in used and name != "__class__":
                yield f"{name}={self._data.cell(value, frame)}"
        for chain in found.stores:
            target = self._found(chain[:-1], frame) if len(chain) > 1 else None
            self._data.store(target, chain, frame)
        for node in found.imports:
            yield from self._modules.imported(node, frame.file.path, frame.name)
        for name, call in found.local_calls:
            yield from self._call(name, Call(call, None), frame)

    def _found(self, chain: Chain, frame: Frame) -> Found | None:
        value = frame.value_of(chain[0])
        if value is MISSING:
            value = getattr(builtins, chain[0], MISSING)
        return None if value is MISSING else follow(chain, value, self.classes.is_own)

    def _call(self, name: str | None, call: Call, frame: Frame) -> Iterator[str]:
        why = calls.why_opaque(name, call.node)
        if why is not None:
            raise opaque(frame.name, why)
        module = calls.module_imported(name, call.node)
        if module is not None:
            yield from self._modules.named(module, frame.file.path, frame.name)
        if not calls.takes_attribute(name) or call.subject is None:
            return
        attribute = calls.attribute_taken(call.node)
        if attribute is not None:
            yield from self._chain((*call.subject, attribute), frame, ())
            return
        target = self._found(call.subject, frame)
        if target is not None and not target.rest and self._data.is_own_holder(target.value):
            raise opaque(frame.name, f"takes a computed name from {'.'.join(call.subject)}")

    def _chain(self, chain: Chain, frame: Frame, made: Iterable[Call]) -> Iterator[str]:
        """Yield the text for a name with its attributes, and for the calls that are made of it."""
        target = self._found(chain, frame)
        if target is None or chain[0] in _OF_MODULES or target.name in _OF_MODULES:
            return
        known = None if target.rest else calls.known_name(target.value)
        if calls.runs_text(known):
            raise opaque(frame.name, f"calls {'.'.join(chain)}")
        for each in made if known is not None else ():
            yield from self._call(known, each, frame)
        if frame.value_of(chain[0]) is MISSING:
            return  # It is built in.
        text = self._target(target, chain[0], frame)
        if text:
            yield f"{'.'.join(chain)}={text}"

    def _target(self, target: Found, first: str, frame: Frame) -> str:
        value, holder = target.value, target.holder
        if isinstance(value, ModuleType):
            text = self._module(value, frame.name)
            hook = vars(value).get("__getattr__") if target.rest else None
            if hook is not None:
                text = f"{text},{self.code(hook)}"
        else:
            owner = holder if isinstance(holder, type) else None
            code = self.code(value, owner)
            if code is None:
                return self._data.text(target, first, frame)
            text = code
        if first in frame.cells:
            return text
        if text.startswith(_INSTALLED):
            # Its own name is another one in some versions; the names that led to it are not.
            text = _INSTALLED
        return f"{text};{self._data.binding(first, frame)}"
