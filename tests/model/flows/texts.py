"""The files of a project, with what may change in them as it is now."""

from collections.abc import Mapping
from typing import Final

from .pipelines import Flow, Milestone

TROUBLE: Final = "TROUBLE_AT_{state}"
"""The environment variable that has a milestone meet with trouble, which nobody compares."""

DIES: Final = 9
"""How a process ends that dies in a milestone."""

_HEAD: Final = """
import functools
import os
import subprocess
from pathlib import Path

import helpers
import settings
import tools.disk
from helpers import helped, label
from plan import Plan

from buildstate_flows import milestone, workdir


def image(*parts):
    path = workdir() / "image.raw"
    path.write_text("\\n".join(parts))
    return path


def meet_trouble(how):
    if how == "dies":
        os._exit({dies})
    if how:
        raise RuntimeError(how)


@label
def labelled():
    return "label "


def late():
    from tools import sealing

    return sealing.seal()


suffix = functools.partial("suffix {{}}".format, {suffix})
"""

_HELPERS: Final = """
from pathlib import Path

import parts


def helped():
    return "helper {helper}"


def outer():
    return f"inner {{parts.inner()}}"


def read(name):
    return Path("conf", name).read_text()


def read_one_of(name, other):
    try:
        return read(name)
    except FileNotFoundError:
        return read(other)


def label(function):
    def wrapper():
        return function() + "{label}"

    return wrapper
"""

_PARTS: Final = """
def inner():
    return {inner}
"""

_SETTINGS: Final = """
MIRROR = "constant {constant}"
TABLE = {{"one": ["table {table}"]}}
UNUSED = {looks}
"""

_PLAN: Final = """
class Base:
    UNIT = {unit}


class Plan(Base):
    def described(self):
        return f"unit {{self.UNIT}}"
"""

_DISK: Final = """
SIZE = {size}


def sized():
    return f"size {{SIZE}}"
"""

_SEALING: Final = """
def seal():
    return "late {late}"
"""

_MILESTONE: Final = '''

@milestone(state={state})
def make_{state}({parameter}):
    """Make it. {looks}"""
    made = image({parts})
    meet_trouble(os.environ.get("{trouble}"))
    return made
'''


def files_of(flow: Flow) -> Mapping[str, str]:
    """Return all files of a project."""
    numbers = {name: flow.number(name) for name in flow.names}
    texts = {
        "helpers.py": _HELPERS,
        "parts.py": _PARTS,
        "settings.py": _SETTINGS,
        "plan.py": _PLAN,
        "tools/__init__.py": "",
        "tools/disk.py": _DISK,
        "tools/sealing.py": _SEALING,
    }
    modules = {name: text.format(**numbers, looks=flow.looks) for name, text in texts.items()}
    modules["flow.py"] = _flow(flow)
    files = ("base", "motd", "told", *(["override"] if flow.number("override") else []))
    return {
        **{name: _that_looks(text, flow.looks) for name, text in modules.items()},
        **{f"conf/{name}": f"{name} {numbers[name]}" for name in files},
        **{f"conf/rules/{each}": "" for each in range(flow.number("rules") + 1)},
        "conf/unread": f"{flow.looks}",
        "pyproject.toml": "",
    }


def _flow(flow: Flow) -> str:
    head = _HEAD.format(dies=DIES, suffix=flow.number("suffix"))
    milestones = "".join(
        _milestone(each, flow.looks, is_first=not at) for at, each in enumerate(flow.milestones)
    )
    calls = "".join(
        f"    made = make_{each.state}({'made' if at else ''})\n"
        for at, each in enumerate(flow.milestones)
    )
    return f"{head}{milestones}\n\ndef main():\n{calls}    return made\n"


def _milestone(milestone: Milestone, looks: int, *, is_first: bool) -> str:
    below = [] if is_first else ["disk.read_text()"]
    named = f'"{milestone.state} code {milestone.code}"'
    return _MILESTONE.format(
        state=milestone.state,
        parameter="" if is_first else "disk",
        looks=looks,
        parts=", ".join([*below, named, *(each.expression for each in milestone.ways)]),
        trouble=TROUBLE.format(state=milestone.state),
    )


def _that_looks(text: str, looks: int) -> str:
    """Return the text of a module as it looks otherwise, and does the same."""
    return f'"""A module. {looks}"""\n' + "\n# A comment.\n" * looks + text
