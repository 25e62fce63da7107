"""Handles on the command line: seen when they are recorded, and looked at before they are used."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Service
from support.ec2 import Ec2, ec2_server

from buildstate_core.models import Build

Bldst = Callable[..., Any]
IMAGE = "images/rhel-9"


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def ceph(environment: dict[str, str], tmp_path: Path) -> Path:
    """What the cluster says of an RBD image: a file that is there and not empty."""
    image = tmp_path / "ceph"
    image.write_text("made today")
    look = tmp_path / "look"
    look.write_text(
        f"#!/bin/sh\ntest -e {image} || exit 1\ntest -s {image} || exit 2\ncat {image}\n"
    )
    look.chmod(0o755)
    environment["BLDST_PROBE_RBD"] = str(look)
    return image


@pytest.fixture
def ec2(environment: dict[str, str], tmp_path: Path) -> Iterator[Ec2]:
    with ec2_server(tmp_path / "ec2") as cloud:
        environment.update(cloud.server.environ())
        yield cloud


def create(bldst: Bldst, build: Build, id_: str, kind: str, *more: str) -> Any:
    made = bldst(
        *("artifact", "create", str(build.number), "25", "--uri", id_, "--storage-type", kind),
        *("--kind", "handle", "--name", "image", "--output", "json", *more),
    )
    assert made.code == 0, made.err
    return made.data


def verified(bldst: Bldst, reference: str) -> tuple[int, list[str], str]:
    answer = bldst("artifact", "verify", reference, "--output", "json")
    return answer.code, [each["result"] for each in answer.data], answer.err


@pytest.mark.usefixtures("ceph")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(
            ("artifact", "create", "{}", "25", "--uri", IMAGE, "--storage-type", "rbd"), id="create"
        ),
        pytest.param(
            ("adopt", "{}", "25", IMAGE, "--handle", "rbd", "--reason", "ours"), id="adopt"
        ),
        pytest.param(
            (
                *("build", "add-state", "{}", "--state", "25", "--status", "completed"),
                *("--storage-type", "rbd", "--storage-path", IMAGE),
            ),
            id="add-state",
        ),
    ],
)
def test_what_a_handle_is_when_it_is_recorded_is_kept(
    bldst: Bldst, service: Service, build: Build, words: tuple[str, ...]
) -> None:
    answer = bldst(*(each.format(build.number) for each in words))
    assert answer.code == 0, answer.err
    [recorded] = service.client.list_artifacts(build.number)
    assert (recorded.kind, recorded.uri, recorded.identity) == ("handle", IMAGE, "made today")
    assert "made today" in bldst("artifact", "show", str(recorded.id)).out


def test_verify_tells_the_same_another_and_none_apart(
    bldst: Bldst, service: Service, build: Build, ceph: Path
) -> None:
    handle = create(bldst, build, IMAGE, "rbd")["id"]
    assert verified(bldst, handle) == (0, ["ok"], "")
    assert "it is there, and the same: made today" in bldst("artifact", "verify", handle).out
    ceph.write_text("")
    assert verified(bldst, handle) == (6, ["unreachable"], "")
    assert service.client.get_artifact(handle).status == "available"
    ceph.unlink()
    assert verified(bldst, str(build.number)) == (1, ["gone"], "")
    assert service.client.get_artifact(handle).status == "quarantined"
    ceph.write_text("made by somebody else")
    answer = bldst("artifact", "verify", handle)
    assert answer.code == 1
    assert "recorded as 'made today', and is 'made by somebody else'" in answer.out


@pytest.mark.usefixtures("ceph")
def test_verify_says_of_a_kind_that_nothing_looks_at_how_to_add_what_does(
    bldst: Bldst, build: Build
) -> None:
    create(bldst, build, IMAGE, "rbd")
    for name in ("a", "b"):
        create(bldst, build, f"/subscriptions/1/images/{name}", "managed-image", "--name", name)
    code, results, told = verified(bldst, str(build.number))
    assert (code, results) == (0, ["ok"])
    assert "2 handles of kind managed-image left out" in told
    assert "BLDST_PROBE_MANAGED_IMAGE" in told


def test_a_state_whose_handle_is_gone_runs_again(
    bldst: Bldst, build: Build, ceph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    create(bldst, build, IMAGE, "rbd")
    run = ("run", str(build.number), "--state", "25", "--", "touch", "ran")
    assert bldst(*run).code == 0
    assert not (tmp_path / "ran").exists()
    ceph.write_text("")
    refused = bldst(*run)
    assert refused.code == 4
    assert "Nothing is run" in refused.err
    ceph.unlink()
    assert bldst(*run).code == 0
    assert (tmp_path / "ran").exists()


def test_an_ami_is_looked_at_in_ec2(bldst: Bldst, build: Build, ec2: Ec2) -> None:
    ami = ec2.make_ami()
    made = create(bldst, build, ami, "ami", "--metadata", "region=us-east-1")
    assert made["identity"].startswith("in us-east-1 of ")
    assert verified(bldst, made["id"]) == (0, ["ok"], "")
    ec2.deregister(ami)
    assert verified(bldst, made["id"]) == (1, ["gone"], "")


def test_a_command_that_cannot_be_read_is_told_before_anything_is_done(bldst: Bldst) -> None:
    answer = bldst("build", "list", BLDST_PROBE_RBD="look 'images")
    assert answer.code == 2
    assert "BLDST_PROBE_RBD" in answer.err
