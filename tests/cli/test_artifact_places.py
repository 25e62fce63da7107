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


def test_nothing_is_recorded_where_a_tool_would_obey_it(
    bldst: Bldst, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = bldst(
        *("run", str(build.number), "--state", "25", "--artifact", "x=.git/hooks/pre-commit"),
        *("--", "touch", "ran"),
    )
    assert (refused.code, Path("ran").exists()) == (2, False)
    assert "nothing is ever put into .git" in refused.err


def test_what_another_client_has_recorded_there_is_refused_by_the_service(
    service: Service, build: Build
) -> None:
    for path in (".bldst/journal/0198/_/30.json", "src/.git/hooks/pre-commit"):
        body = {"state": 25, "storage_type": "file", "uri": "file:///a", "metadata": {"path": path}}
        answer = service.request("POST", f"/v1/builds/{build.number}/artifacts", body)
        assert answer.status == 422
        assert b"metadata.path leads into" in answer.content


def test_what_was_recorded_there_before_is_not_restored(
    bldst: Bldst, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    monkeypatch.chdir(tmp_path)
    number = str(build.number)
    made = bldst("run", number, "--state", "25", "--artifact", "x", "--", "touch", "x")
    assert made.code == 0, made.err
    service.query("""update artifacts set metadata = metadata || '{"path": ".git/hooks/x"}'""")
    refused = bldst("run", number, "--state", "30", "--restore", "25", "--", "touch", "ran")
    assert (refused.code, Path("ran").exists(), Path(".git").exists()) == (4, False, False)
    assert "is recorded at .git/hooks/x: nothing is ever put into .git" in refused.err
