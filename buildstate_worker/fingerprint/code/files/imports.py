"""Files of modules, found by the import system's own search, without running any."""

import ast
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from buildstate_worker.fingerprint.code.files.project import Project, real


def files_imported(node: ast.Import | ast.ImportFrom, file: Path, project: Project) -> list[Path]:
    """Return the project's files that an import in a file runs: packages first, then the module.

    Args:
        node: The import.
        file: The file that it stands in, which relative imports begin from.
        project: What counts.
    """
    if isinstance(node, ast.Import):
        return [path for each in node.names for path in files_of(each.name, project)]
    if node.level:
        return list(_relative(node, file))
    found = files_of(node.module or "", project)
    inner = [files_of(f"{node.module}.{each.name}", project)[len(found) :] for each in node.names]
    return [*found, *(path for paths in inner for path in paths)]


def files_of(name: str, project: Project) -> list[Path]:
    """Return the project's files that importing a module by its full name runs."""
    names = name.split(".")
    if names[0] in sys.stdlib_module_names:
        return []
    found: list[Path] = []
    folders: list[str] | None = None
    for length in range(1, len(names) + 1):
        origin, folders = _find(".".join(names[:length]), folders)
        if origin is not None:
            if not project.has(origin):
                return found
            found.append(origin)
        if folders is None:
            break
    return found


def _find(name: str, folders: list[str] | None) -> tuple[Path | None, list[str] | None]:
    """Return a module's file, and the folders of its own modules if it is a package."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
        inner = getattr(loaded, "__path__", None)
        return None if file is None else real(file), None if inner is None else list(inner)
    spec = _spec_of(name, folders)
    if spec is None:
        return None, None
    inner = spec.submodule_search_locations
    origin = real(spec.origin) if spec.has_location and spec.origin else None
    return origin, None if inner is None else list(inner)


def _spec_of(name: str, folders: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, folders, None)
        except (AttributeError, ImportError, OSError, ValueError):
            continue
        if spec is not None:
            return spec
    return None


def _relative(node: ast.ImportFrom, file: Path) -> Iterator[Path]:
    folder = file.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    yield from _at(folder)
    for name in (node.module or "").split(".") if node.module else ():
        folder = folder / name
        yield from _at(folder)
    for each in node.names:
        yield from _at(folder / each.name)


def _at(place: Path) -> Iterator[Path]:
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            yield real(str(path))
            return
