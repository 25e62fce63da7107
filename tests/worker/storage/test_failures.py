"""What every storage's failures have in common, tried on each of them.

Nothing is taken for gone that may be there, whoever reads the sentence knows what to do, nothing
half-done is visible, and once the trouble is over the same works.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from support.faults import proxied

from buildstate_core.errors import ArtifactUnreachable, BuildStateError, Unreachable
from buildstate_worker.storage.sftp import connect
from buildstate_worker.transfer import ArtifactStore, Pushed

from .patience import impatience
from .troubles import (
    DOES_NOT_APPLY,
    BucketTroubles,
    ContainerTroubles,
    FolderTroubles,
    GoogleBucketTroubles,
    RemoteFolderTroubles,
    Told,
)

CONTENT: Final = os.urandom(6 * 2**20 + 17)
PIECE: Final = 256 * 1024
PLACES: Final = {
    "file": FolderTroubles,
    "nfs": FolderTroubles,
    "s3": BucketTroubles,
    "az": ContainerTroubles,
    "gs": GoogleBucketTroubles,
    "sftp": RemoteFolderTroubles,
}
FIXTURES: Final = {
    "s3": ("bucket", "s3"),
    "az": ("container", "azure"),
    "gs": ("google_bucket", "google"),
    "sftp": ("remote_folder", "sftp"),
}
"""Of the place, and of its server."""

SOON: Final = 0.3
LATER: Final = 6
"""Seconds. Not those of the adapters, so that they make clients that try once."""

LONGEST: Final = 400
TROUBLES: Final = ("denied", "expiring", "full", "nobody", "misled", "stalled", "slow")


def cases(*names: str) -> Any:
    """Every place with every trouble of these that it can have."""
    return pytest.mark.parametrize(
        ("troubles", "trouble"),
        [
            pytest.param(place, name, id=f"{place}-{name}")
            for place in PLACES
            for name in names
            if (place, name) not in DOES_NOT_APPLY
        ],
        indirect=["troubles"],
    )


def test_every_place_has_every_trouble_or_a_reason_not_to() -> None:
    lacking = {
        (place, name)
        for place, kind in PLACES.items()
        for name in TROUBLES
        if not callable(inspect.getattr_static(kind, name, None))
    }
    assert lacking == set(DOES_NOT_APPLY)


@pytest.fixture
def troubles(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A place, and what can be wrong with it; the worker's environment is that of the place."""
    get = request.getfixturevalue
    disk = tmp_path / "disk"

    def set_environ(environ: dict[str, str]) -> None:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)

    match request.param:
        case "file":
            yield FolderTroubles(get("folder"), disk)
            return
        case "nfs":
            yield FolderTroubles(get("mounted_folder"), disk)
            return
    place, server = get(FIXTURES[request.param][0]), get(FIXTURES[request.param][1])
    with proxied(server.port) as proxy:
        match request.param:
            case "sftp":
                # A listing has no limit but this one.
                monkeypatch.setattr(connect, "_KEEPALIVE_SECONDS", 0.5)
                yield RemoteFolderTroubles(place, server, proxy, disk)
            case "gs":
                # It would have the worker do without credentials.
                monkeypatch.delenv("STORAGE_EMULATOR_HOST")
                yield GoogleBucketTroubles(place, server, proxy, set_environ)
            case "s3":
                yield BucketTroubles(place, server, proxy, set_environ)
            case _:
                yield ContainerTroubles(place, server, proxy, set_environ)


@pytest.fixture
def source(workspace: Path) -> Path:
    path = workspace / "image.raw"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def pushed(store: ArtifactStore, troubles: Any, source: Path) -> Pushed:
    """An artifact from before the trouble."""
    return store.push(source, troubles.place.uri("image.raw"))


def acts_on(
    store: ArtifactStore, pushed: Pushed, place: Any, workspace: Path
) -> dict[str, tuple[type[BuildStateError], Callable[[], object]]]:
    """What a worker does with a storage, and how it is to be told that it cannot."""
    root = place.root
    return {
        "check": (
            ArtifactUnreachable,
            lambda: store.check(pushed.uri, size_bytes=pushed.size_bytes, root=root),
        ),
        "pull": (ArtifactUnreachable, lambda: pull(store, pushed, place, workspace)),
        "push": (
            Unreachable,
            lambda: store.push(workspace / "image.raw", place.uri("new.raw")),
        ),
        "list": (Unreachable, lambda: list(store.storage(root).listing(f"{root}/"))),
        "discard": (Unreachable, lambda: store.discard(pushed.uri)),
    }


def pull(store: ArtifactStore, pushed: Pushed, place: Any, workspace: Path, **options: Any) -> Any:
    return store.pull(
        pushed.uri,
        workspace / "pulled.raw",
        checksum=pushed.checksum,
        size_bytes=pushed.size_bytes,
        root=place.root,
        **options,
    )


def assert_told(error: BuildStateError, told: Told, act: str) -> None:
    """Whoever reads it at night sees what it is about, what is wrong, and what to do."""
    wrong = {
        "check": "cannot be read",
        "pull": "cannot be read",
        "push": "cannot be written",
        "list": "cannot be listed",
        "discard": "cannot be removed",
    }
    assert wrong[act] in error.message
    assert re.search(told.why, error.message), error.message
    assert re.search(told.next_step, error.hint or ""), error.hint
    for text in (error.message, error.hint or ""):
        assert text.endswith("."), text
        # Neither a page of HTML, nor what only its programmer understands.
        assert not re.search(r"\n|<|Errno|object at 0x|Pool\(|Exception|\.\.", text), text
        assert len(text) < LONGEST, text


@cases("denied", "expiring", "full", "nobody", "misled", "stalled")
def test_a_trouble_is_told_leaves_nothing_and_passes(
    troubles: Any, trouble: str, store: ArtifactStore, pushed: Pushed, workspace: Path
) -> None:
    place = troubles.place
    with in_trouble(troubles, trouble) as told:
        for act, (error, work) in acts_on(store, pushed, place, workspace).items():
            if act in told.stops:
                with pytest.raises(error) as caught:
                    work()
                assert_told(caught.value, told, act)
    assert place.names() == ["image.raw"]
    assert place.unfinished() == 0
    assert not (workspace / "pulled.raw").exists()
    # And now it works, without starting the worker anew.
    for _, work in acts_on(store, pushed, place, workspace).values():
        work()
    assert (workspace / "pulled.raw").read_bytes() == CONTENT
    assert place.names() == ["new.raw"]


@contextmanager
def in_trouble(troubles: Any, trouble: str) -> Iterator[Told]:
    with impatience(SOON if trouble == "stalled" else LATER):
        if trouble != "expiring":
            with getattr(troubles, trouble)() as told:
                yield told
            return
        with troubles.expiring() as (expire, told):
            expire()
            yield told


@cases("expiring")
def test_credentials_that_expire_during_an_upload_are_told_and_what_is_left_is_found(
    troubles: Any, trouble: str, store: ArtifactStore, pushed: Pushed, source: Path
) -> None:
    place, piece = troubles.place, CONTENT[:PIECE]
    storage = store.storage(place.root)

    def upload(expire: Callable[[], None]) -> None:
        with storage.create(place.uri("new.raw"), expected_bytes=len(CONTENT)) as begun:
            begun.put(0, piece)
            begun.put(1, piece)
            expire()
            begun.put(2, piece)

    with (
        impatience(LATER),
        getattr(troubles, trouble)() as (expire, told),
        pytest.raises(Unreachable) as caught,
    ):
        upload(expire)
    assert_told(caught.value, told, "push")
    assert place.names() == ["image.raw"]
    for each in storage.unfinished(f"{place.root}/"):
        storage.abandon(each)
    assert place.unfinished() == 0
    assert store.push(source, place.uri("new.raw")).checksum == pushed.checksum


@cases("expiring")
def test_a_download_during_which_credentials_expire_goes_on_with_new_ones(
    troubles: Any,
    trouble: str,
    store: ArtifactStore,
    pushed: Pushed,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(store.storage(troubles.place.root)), "range_bytes", PIECE)
    with impatience(LATER), getattr(troubles, trouble)() as (expire, told):
        left = [expire]

        def expire_once(_done: int) -> None:
            while left:
                left.pop()()

        with pytest.raises(ArtifactUnreachable) as caught:
            pull(store, pushed, troubles.place, workspace, on_progress=expire_once)
        assert_told(caught.value, told, "pull")
    assert not (workspace / "pulled.raw").exists()
    pulled = pull(store, pushed, troubles.place, workspace)
    assert 0 < pulled.downloaded_bytes < len(CONTENT)
    assert (workspace / "pulled.raw").read_bytes() == CONTENT


@cases("stalled")
def test_a_server_that_stalls_in_the_middle_of_an_answer_is_given_up(
    troubles: Any, trouble: str, store: ArtifactStore, pushed: Pushed
) -> None:
    storage = store.storage(troubles.place.root)
    assert storage.read(pushed.uri, 0, PIECE) == CONTENT[:PIECE]
    with impatience(SOON), getattr(troubles, trouble)(after=PIECE // 2) as told:
        with pytest.raises(ArtifactUnreachable) as caught:
            storage.read(pushed.uri, 0, 2 * PIECE)
        assert_told(caught.value, told, "pull")
    assert storage.read(pushed.uri, 0, PIECE) == CONTENT[:PIECE]


@cases("slow")
def test_a_slow_server_is_waited_for(
    troubles: Any, trouble: str, store: ArtifactStore, workspace: Path
) -> None:
    content = CONTENT[: 8 * PIECE]
    (workspace / "image.raw").write_bytes(content)
    place = troubles.place
    with getattr(troubles, trouble)(16 * len(content)):
        pushed = store.push(workspace / "image.raw", place.uri("image.raw"))
        pull(store, pushed, place, workspace)
    assert (workspace / "pulled.raw").read_bytes() == content
    assert place.unfinished() == 0
