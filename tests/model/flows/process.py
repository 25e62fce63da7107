"""A program that makes passes over a flow, each in a process of its own that is forked from it.

An order is a line of JSON on standard input; when a
pass has ended, how its process has ended is written to standard output, and what came of it into
the file that the order names.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from buildstate_flows import build
from buildstate_worker.settings import Settings

from .broken import BROKEN


def passed(order: dict[str, Any]) -> int:
    """Make a pass; give the exit code."""
    if order["broken"] is not None:
        BROKEN[order["broken"]]()
    os.environ.update(order["environ"])
    os.chdir(order["folder"])
    sys.path.insert(0, order["folder"])
    try:
        flow = import_module("flow")
        with build(order["project"], key=order["key"], settings=Settings.load(os.environ)):
            said = Path(flow.main()).read_text(encoding="utf-8")
    except Exception:  # noqa: BLE001 - whoever ordered it is told
        said = traceback.format_exc()
        return 1
    finally:
        Path(order["result"]).write_text(said, encoding="utf-8")
    return 0


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(passed(json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
