"""The scripts of docs/how-to/handles.md, with stand-ins for clouds' tools that nobody here has."""

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_worker.handles import HandleRef, Probes, probes

PAGE = Path(__file__).parents[2] / "docs/how-to/handles.md"


class Case(NamedTuple):
    """A script of the page, what it looks at, and what its tool says of that."""

    tool: str
    handle: HandleRef
    there: str
    identity: str
    asks: str
    gone: tuple[tuple[int, str], ...]
    undecided: tuple[tuple[int, str], ...]


AZURE_ID = "/subscriptions/1/resourceGroups/images/providers/Microsoft.Compute/images/rhel-9"
AZURE = Case(
    "az",
    HandleRef("managed-image", AZURE_ID),
    "westeurope\nV2\nNone\n/subscriptions/1/disks/pkros7",
    "westeurope V2 None /subscriptions/1/disks/pkros7",
    f"image show --ids {AZURE_ID} ",
    (
        (3, "ERROR: (ResourceNotFound) The Resource 'images/rhel-9' was not found."),
        (3, "ERROR: (ResourceGroupNotFound) Resource group 'images' could not be found."),
    ),
    (
        (1, "ERROR: Please run 'az login' to setup account."),
        (1, "ERROR: (AuthorizationFailed) The client has no authorization (ResourceNotFound)"),
        (3, "ERROR: (SubscriptionNotFound) The subscription '1' could not be found."),
    ),
)
GOOGLE = Case(
    "gcloud",
    HandleRef("gce-image", "projects/builders/global/images/rhel-9"),
    "7012345678901234567\t2026-11-24T14:32:10.000-08:00",
    "7012345678901234567 2026-11-24T14:32:10.000-08:00",
    "compute images describe rhel-9 --project builders ",
    (
        (
            1,
            (
                "Could not fetch resource:\n"
                " - The resource 'projects/builders/global/images/rhel-9' was not found"
            ),
        ),
    ),
    (
        (1, " - Required 'compute.images.get' permission for 'projects/builders'"),
        (1, " - The resource 'projects/builders' was not found"),
        (1, "ERROR: You do not currently have an active account selected."),
    ),
)
CEPH = Case(
    "rbd",
    HandleRef("rbd", "images/rhel-9@gold"),
    '{"name": "rhel-9", "size": 8589934592, "block_name_prefix": "rbd_data.5e1f", "format": 2}',
    "rbd_data.5e1f 8589934592",
    "info --format json images/rhel-9@gold ",
    (
        (2, "rbd: error opening image rhel-9: (2) No such file or directory"),
        (2, "error setting snapshot context: (2) No such file or directory"),
    ),
    (
        (
            2,
            "auth: unable to find a keyring: (2) None\nrbd: couldn't connect to the cluster!",
        ),
        (2, "rbd: error opening pool 'images': (2) No such file or directory"),
        (1, "rbd: error opening image rhel-9: (1) Operation not permitted"),
    ),
)
CASES = pytest.mark.parametrize(
    "case", [pytest.param(each, id=each.tool) for each in (AZURE, GOOGLE, CEPH)]
)


class Tool:
    """A stand-in for a tool, on the worker's path, and the script of the page that uses it."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.folder = folder
        self.case = case
        blocks = [str(each.parsed) for each in Sybil(parsers=PARSERS).parse(PAGE).examples()]
        (script,) = [each for each in blocks if f"look-{case.handle.kind}" in each]
        self.script = folder / "look"
        self.script.write_text(script)
        self.script.chmod(0o755)

    def says(self, code: int, complaint: str, output: str = "") -> Probes:
        (self.folder / "output").write_text(output)
        (self.folder / "complaint").write_text(complaint)
        tool = self.folder / self.case.tool
        tool.write_text(
            f"#!/bin/sh\ncd {self.folder}\nprintf '%s ' \"$@\" > asked\ncat output\n"
            f"cat complaint >&2\nexit {code}\n"
        )
        tool.chmod(0o755)
        suffix = probes.variable_for(self.case.handle.kind).removeprefix("BLDST_PROBE_")
        return Probes({suffix: (str(self.script),)})


PARSERS = [CodeBlockParser(each, lambda _: None) for each in ("sh", "python")]


@pytest.fixture
def tool(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    python = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{tmp_path}:{python}:/usr/bin:/bin")
    return Tool(tmp_path, case)


@CASES
def test_a_script_tells_what_is_there(case: Case, tool: Tool) -> None:
    assert tool.says(0, "WARNING: a new version is out\n", case.there).check(case.handle) == (
        case.identity
    )
    assert (tool.folder / "asked").read_text().startswith(case.asks)


@CASES
def test_a_script_tells_what_is_gone(case: Case, tool: Tool) -> None:
    for code, complaint in case.gone:
        with pytest.raises(ArtifactLost) as lost:
            tool.says(code, complaint).check(case.handle)
        assert lost.value.reason == "artifact_gone"


@CASES
def test_a_script_does_not_take_a_failure_for_what_is_gone(case: Case, tool: Tool) -> None:
    for code, complaint in case.undecided:
        with pytest.raises(ArtifactUnreachable) as unreachable:
            tool.says(code, complaint).check(case.handle)
        assert complaint.splitlines()[-1].strip().rstrip(".") in unreachable.value.message


@CASES
def test_a_script_does_not_take_a_tool_that_is_missing_for_what_is_gone(
    case: Case, tool: Tool
) -> None:
    looking = tool.says(0, "")
    (tool.folder / case.tool).unlink()
    with pytest.raises(ArtifactUnreachable):
        looking.check(case.handle)


def test_the_page_names_the_group_and_the_exit_code() -> None:
    page = PAGE.read_text()
    assert f"`{probes.ENTRY_POINTS}`" in page
    assert "| 1 | it is gone |" in page
