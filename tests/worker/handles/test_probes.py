"""Which probe looks at what, and what becomes of a record."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_core.models import ArtifactCreate, ArtifactRecord
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.handles import HandleRef, Probes, probes, variable_for

PLUGIN = """
class Shelf:
    def identity_of(self, handle):
        return f"shelf {handle.attributes['shelf']}"

class Broken:
    def identity_of(self, handle):
        raise KeyError(handle.id)

class Unmade:
    def __init__(self):
        raise OSError("no shelf here")
"""
NAMES = "box = things:Shelf\nbroken = things:Broken\nunmade = things:Unmade\nami = things:Shelf\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another package, with probes of its own."""
    installed = tmp_path / "site" / "things-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed.parent / "things.py").write_text(PLUGIN)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: things\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{probes.ENTRY_POINTS}]\n{NAMES}")
    monkeypatch.syspath_prepend(installed.parent)
    probes._added.cache_clear()
    yield
    sys.modules.pop("things", None)
    probes._added.cache_clear()


def record(**fields: Any) -> ArtifactRecord:
    values = {"kind": ArtifactKind.HANDLE, "storage_type": "rbd", "uri": "images/rhel-9", **fields}
    return ArtifactRecord(**values)


def test_a_kind_that_nothing_looks_at_is_taken_as_it_is() -> None:
    image = HandleRef("rbd", "images/rhel-9", identity="made yesterday")
    assert not Probes().knows(image)
    assert Probes().check(image) is None


@pytest.mark.usefixtures("plugin")
def test_another_package_looks_at_its_own_kinds() -> None:
    box = HandleRef("box", "7", {"shelf": 3})
    assert Probes().knows(box)
    assert Probes().check(box) == "shelf 3"
    assert Probes().check(HandleRef("ami", "ami-0abc", {"shelf": 4})) == "shelf 4"


@pytest.mark.usefixtures("plugin")
def test_the_workers_own_command_comes_first() -> None:
    own = Probes({"BOX": ("echo", "own")})
    assert own.check(HandleRef("box", "7", {"shelf": 3})) == "own 7"
    ami = HandleRef("ami", "ami-0abc", {"shelf": 3}, identity="made yesterday")
    assert Probes({"AMI": ("true",)}).check(ami) is None


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("kind", "says"),
    [
        pytest.param("broken", "KeyError: '7'", id="when it looks"),
        pytest.param("unmade", "OSError: no shelf here", id="when it is made"),
    ],
)
def test_a_probe_that_breaks_means_that_nobody_can_tell(kind: str, says: str) -> None:
    with pytest.raises(ArtifactUnreachable, match=says):
        Probes().check(HandleRef(kind, "7"))


def test_a_cloud_whose_library_is_missing_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "buildstate_worker.handles.aws", raising=False)
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    with pytest.raises(ArtifactUnreachable) as caught:
        Probes().check(HandleRef("ami", "ami-0abc"))
    assert "buildstate[s3]" in str(caught.value.hint)


def test_no_clouds_library_is_loaded_before_it_is_needed() -> None:
    program = (
        "import sys; from buildstate_worker.handles import *;"
        "Probes().check(HandleRef('rbd', 'x')); print('botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"


@pytest.mark.parametrize("kind", ["ceph.rbd", "ceph-rbd", "ceph+rbd", "ceph_rbd"])
def test_a_kind_has_a_variable_that_a_shell_can_set(kind: str) -> None:
    assert variable_for(kind) == "BLDST_PROBE_CEPH_RBD"
    assert Probes({"CEPH_RBD": ("true",)}).knows(HandleRef(kind, "x"))


# ---- what is recorded ----


def test_a_record_says_what_its_handle_is_now() -> None:
    seen = Probes({"RBD": ("echo", "made", "today")}).identified(record())
    assert seen == record(identity="made today images/rhel-9")
    wanted = ArtifactCreate.model_validate({**dict(record()), "state": 25})
    created = Probes({"RBD": ("echo", "made", "today")}).identified(wanted)
    assert (created.state, created.identity) == (25, seen.identity)


@pytest.mark.parametrize(
    "commands",
    [
        pytest.param({}, id="nothing looks at it"),
        pytest.param({"RBD": ("true",)}, id="nothing is known"),
        pytest.param({"RBD": ("false",)}, id="nobody can tell"),
        pytest.param({"RBD": ("sh", "-c", "exit 3")}, id="it is not visible yet"),
        pytest.param({"RBD": ("no-such-command",)}, id="no command"),
    ],
)
def test_work_is_recorded_also_if_nobody_can_tell(commands: dict[str, tuple[str, ...]]) -> None:
    assert Probes(commands).identified(record()) == record()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: record(identity="made yesterday"), id="what is known"),
        pytest.param(lambda: record(kind=ArtifactKind.BLOB), id="a blob"),
        pytest.param(
            lambda: record(kind=ArtifactKind.VALUE, uri=None, metadata={"value": 1}), id="a value"
        ),
    ],
)
def test_nothing_else_is_looked_at(make: Callable[[], ArtifactRecord], tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    watched = Probes({"RBD": ("sh", "-c", f"touch {ran}")})
    assert watched.identified(make()) == make()
    assert not ran.exists()


def test_what_a_record_is_compared_with_is_what_was_recorded() -> None:
    image = HandleRef("rbd", "x", identity="made yesterday x")
    assert Probes({"RBD": ("echo", "made", "yesterday")}).check(image) == image.identity
    with pytest.raises(ArtifactLost):
        Probes({"RBD": ("echo", "made", "today")}).check(image)
