"""Where and how a milestone's files are stored, where it says so itself."""

from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from buildstate_core.errors import InvalidInput
from buildstate_core.models import ProjectUpdate
from buildstate_core.vocabulary import Compression, Sensitivity
from buildstate_flows import Milestone, milestone
from buildstate_worker.storage_options import StorageOptions

CONTENT = "image " * 100_000


@pytest.fixture
def vault(tmp_path: Path) -> str:
    return (tmp_path / "vault").as_uri()


def make_several() -> dict[str, Path]:
    for name in ("disk.raw", "boot.raw"):
        Path(name).write_text(CONTENT)
    return {"disk": Path("disk.raw"), "boot": Path("boot.raw")}


def allow(worker: Any, **places: list[str]) -> None:
    """Say where artifacts of each sensitivity may be stored."""
    wanted = ProjectUpdate.model_validate({"allowed_places": places})
    worker.service.client.update_project("rhel-base", wanted)


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        pytest.param({"storage": "vault"}, "storage", "'vault' is no storage", id="no URL"),
        pytest.param(
            {"storage": "s3://vault/{name}"}, "storage", "lacks {attempt}", id="a bad template"
        ),
        pytest.param(
            {"storage": 5}, "storage", "is 5: input should be a valid string", id="no text"
        ),
        pytest.param({"compression": "gzip"}, "compression", "none, zstd, auto", id="compression"),
        pytest.param(
            {"sensitivity": "hidden"}, "sensitivity", "public, internal, secret", id="sensitivity"
        ),
    ],
)
def test_what_is_no_way_to_store_is_refused_where_it_is_written(
    options: Any, field: str, says: str
) -> None:
    made: Any = milestone(state=10)(make_several)
    for write in (milestone(state=10, **options), lambda _: made.with_options(**options)):
        with pytest.raises(InvalidInput, match=says) as refused:
            write(make_several)
        assert refused.value.field == field
        assert refused.value.message.startswith(f"The {field} of make_several is ")


def test_a_credential_in_a_storage_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="holds a password") as refused:
        milestone(state=10, storage="sftp://me:tr0ub4dor@nas/srv")(make_several)
    assert "tr0ub4dor" not in f"{refused.value} {refused.value.hint}"


def test_every_file_is_stored_as_the_milestone_says(
    worker_a: Any, storage: Any, vault: str
) -> None:
    template = vault + "/{project}/{build}/{attempt}/{name}"
    made: Any = milestone(
        state=10, storage=template, compression="zstd", sensitivity=Sensitivity.SECRET
    )(make_several)
    with worker_a.build() as build:
        made()
    (attempt,) = worker_a.history()
    for artifact in attempt.artifacts:
        place = f"{vault}/rhel-base/{build.number}/{attempt.id}/{artifact.name}"
        assert (artifact.uri, artifact.sensitivity) == (place, "secret")
        assert artifact.packed.compression == "zstd"
    assert len(attempt.artifacts) == 2
    assert storage.files(10) == []


def test_how_it_is_stored_is_nothing_that_a_milestone_is_made_again_for(
    worker_a: Any, worker_b: Any, vault: str, ran: Any
) -> None:
    @milestone(state=10)
    def base() -> Path:
        ran(10)
        return make_several()["disk"]

    with worker_a.build():
        base()
    with worker_b.build():
        others: Any = base.with_options(storage=vault, compression="none", sensitivity="public")
        assert others().read_text() == CONTENT
        others.with_options(storage=None)()
    assert ran.since() == [10]


def test_other_options_and_another_process_keep_how_it_is_stored(vault: str) -> None:
    made: Milestone[[], Any] = milestone(
        state=10, storage=vault, compression="none", sensitivity="secret"
    )(make_several)
    said = StorageOptions(
        storage=vault, compression=Compression.NONE, sensitivity=Sensitivity.SECRET
    )
    assert made.spec.storage_options == said
    assert made.with_options(lane="eu").spec.storage_options == said
    assert made.with_options(storage=None).spec.storage_options.storage is None
    travelled = cloudpickle.loads(cloudpickle.dumps(made.with_options(retries=1)))
    assert travelled.spec.storage_options == said


def test_a_place_that_is_not_allowed_is_refused_before_the_function_is_called(
    worker_a: Any, storage: Any, vault: str, ran: Any
) -> None:
    allow(worker_a, secret=[vault], internal=[vault])

    @milestone(state=10)
    def base() -> Path:
        ran(10)
        return make_several()["disk"]

    @milestone(state=20, sensitivity="secret")
    def unclear() -> Any:
        ran(20)
        return make_several()

    with worker_a.build():
        for each in (unclear, base, base.with_options(storage="rbd://pool/images")):
            with pytest.raises(InvalidInput) as refused:
                each()
        assert refused.value.code == "storage-not-supported"
        with pytest.raises(InvalidInput, match=r"base is internal, and may not be stored at"):
            base()
        assert ran.since() == []
        base.with_options(storage=vault)()
        unclear.with_options(storage=vault)()
    assert ran.since() == [10, 20]
    assert not storage.folder.exists()


def test_who_stores_no_file_is_not_asked_where(worker_a: Any, vault: str, ran: Any) -> None:
    allow(worker_a, internal=[vault])

    @milestone(state=60)
    def measure() -> dict[str, int]:
        ran(60)
        return {"packages": 412}

    @milestone(state=70)
    def maybe() -> Path | None:
        ran(70)
        return None

    with worker_a.build():
        measure()
        maybe()
    assert ran.since() == [60, 70]


def test_what_only_the_name_of_a_file_tells_is_seen_when_it_is_stored(
    worker_a: Any, vault: str, ran: Any
) -> None:
    allow(worker_a, secret=[f"{vault}/disk"])

    @milestone(state=10, storage=vault + "/{name}/{attempt}", sensitivity="secret")
    def base(names: list[str]) -> dict[str, Path]:
        ran(10)
        return {name: path for name, path in make_several().items() if name in names}

    with worker_a.build():
        with pytest.raises(InvalidInput, match="boot is secret, and may not be stored at"):
            base(["disk", "boot"])
        base(["disk"])
    assert ran.since() == [10, 10]
    assert [each.status for each in worker_a.history()] == ["failed", "completed"]
