"""Where artifacts may lie, what their URIs may hold, and how they are named; with the service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Service

from buildstate_cli.run.call.flags import blobs
from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build

from .uploads import push

Bldst = Callable[..., Any]


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


def test_a_copy_goes_where_its_label_may_lie_and_nowhere_else(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    pushed = push(bldst, build, tmp_path / "image.raw")
    vault, public = tmp_path / "vault", tmp_path / "public"
    assert bldst("project", "update", build.project, "--allow", f"internal={vault}/").code == 0
    for target in (f"{public}/a.raw", f"file://{vault}/.%2e/public/a.raw"):
        refused = bldst("artifact", "copy", pushed["id"], target)
        assert (refused.code, refused.out) == (2, "")
        assert f"image.raw is internal, and may not be stored at {target}" in refused.err
    assert not public.exists()
    assert bldst("artifact", "copy", pushed["id"], (vault / "a.raw").as_uri()).code == 0


@pytest.mark.parametrize(
    "uri", ["sftp://me:tr0ub4dor@nas/a", "https://host/a?sig=tr0ub4dor"], ids=["password", "query"]
)
def test_a_credential_is_not_sent_and_not_repeated(
    bldst: Bldst, build: Build, tmp_path: Path, uri: str
) -> None:
    number, image = str(build.number), tmp_path / "image.raw"
    pushed = push(bldst, build, image)
    for arguments in (
        ("artifact", "create", number, "30", "--uri", uri),
        ("artifact", "push", number, "30", str(image), "--storage", uri),
        ("artifact", "copy", pushed["id"], uri),
        (
            "build",
            "add-state",
            number,
            "--state",
            "30",
            "--status",
            "completed",
            "--storage-path",
            uri,
        ),
        ("project", "update", build.project, "--storage-url", uri),
        ("project", "update", build.project, "--allow", f"secret={uri}"),
    ):
        refused = bldst(*arguments)
        assert (refused.code, refused.out) == (2, "")
        assert "to everybody" in refused.err
        assert "tr0ub4dor" not in refused.err


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("img#1.raw", "img-1.raw"),
        ("my image?.raw", "my-image-.raw"),
        ("ä.img", "a.img"),
        ("образ.img", "artifact.img"),
        (".cache", "cache"),
    ],
)
def test_a_file_has_the_same_name_however_it_becomes_an_artifact(
    bldst: Bldst, build: Build, tmp_path: Path, file: str, name: str
) -> None:
    assert push(bldst, build, tmp_path / file)["name"] == name
    [blob] = blobs([f"out/{file}"], tmp_path)
    assert blob.name == name


def test_two_files_of_one_name_are_told_how_to_be_named(
    bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    files = [tmp_path / "a#1.raw", tmp_path / "a-1.raw"]
    for each in files:
        each.write_bytes(b"an image")
    refused = bldst("artifact", "push", str(build.number), "25", *map(str, files))
    assert (refused.code, refused.out) == (2, "")
    assert f'"{files[1]}", and another one is named a-1.raw, too' in refused.err
    assert "--name" in refused.err
    with pytest.raises(InvalidInput, match=r"a#1.raw.*named a-1.raw, too.*NAME=PATH"):
        blobs(["a-1.raw", "a#1.raw"], tmp_path)
