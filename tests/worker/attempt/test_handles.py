"""Attempts that leave handles."""

from pathlib import Path
from typing import Any

import pytest
from support import Service

from buildstate_core.errors import ArtifactUnreachable
from buildstate_core.models import Artifact, ArtifactRecord, Build, BuildDerive
from buildstate_core.vocabulary import ArtifactKind, Kind
from buildstate_worker.attempt import Done
from buildstate_worker.handles import Probes

from .workers import Worker, complete, told

Wanted = dict[str, Any]
"""What a claim says of a milestone."""


class TestHandles:
    """An RBD image, and what its cluster says of it: a file that is there and not empty."""

    @pytest.fixture
    def ceph(self, tmp_path: Path) -> Path:
        (tmp_path / "ceph").write_text("made today")
        return tmp_path / "ceph"

    @pytest.fixture
    def builder(self, worker: Worker, ceph: Path) -> Worker:
        worker.artifacts.probes = self.probes(ceph)
        return worker

    def probes(self, ceph: Path) -> Probes:
        look = 'test -e "$0" || exit 1; test -s "$0" || exit 2; cat "$0"'
        return Probes({"RBD": ("sh", "-c", look, str(ceph))})

    def record(self) -> ArtifactRecord:
        return ArtifactRecord(
            name="image", kind=ArtifactKind.HANDLE, storage_type="rbd", uri="images/rhel-9"
        )

    @pytest.fixture(
        params=[
            pytest.param((25, Kind.CHECKPOINT), id="checkpoint"),
            pytest.param((60, Kind.EFFECT), id="effect"),
        ]
    )
    def milestone(self, request: pytest.FixtureRequest) -> Wanted:
        state, kind = request.param
        return {"state": state, "kind": kind}

    @pytest.fixture
    def made(self, builder: Worker, milestone: Wanted) -> Artifact:
        with builder.claimed(**milestone) as begun:
            [artifact] = complete(begun, [self.record()]).artifacts
        return artifact

    def test_one_that_is_the_same_is_skipped(
        self, made: Artifact, milestone: Wanted, builder: Worker
    ) -> None:
        assert made.identity == "made today"
        done = builder.ask(**milestone)
        assert isinstance(done, Done)
        assert [each.id for each in done.artifacts] == [made.id]

    def test_one_that_is_gone_is_made_again(
        self,
        made: Artifact,
        milestone: Wanted,
        builder: Worker,
        ceph: Path,
        shared: Service,
    ) -> None:
        ceph.unlink()
        with builder.claimed(**milestone) as again:
            assert again.attempt.reason == "artifact_gone"
            ceph.write_text("made tomorrow")
            [artifact] = complete(again, [self.record()]).artifacts
        assert artifact.identity == "made tomorrow"
        assert shared.client.get_artifact(made.id).status == "quarantined"

    @pytest.mark.usefixtures("made")
    def test_another_thing_under_the_same_id_is_made_again(
        self, milestone: Wanted, builder: Worker, ceph: Path
    ) -> None:
        ceph.write_text("made by somebody else")
        with builder.claimed(**milestone) as again:
            assert again.attempt.reason == "artifact_corrupt"
            complete(again)

    def test_one_that_nobody_can_look_at_is_not_made_again(
        self,
        made: Artifact,
        milestone: Wanted,
        builder: Worker,
        ceph: Path,
        shared: Service,
        build: Build,
    ) -> None:
        ceph.write_text("")
        with pytest.raises(ArtifactUnreachable, match="Nothing is run"):
            builder.ask(**milestone)
        assert shared.client.get_artifact(made.id).status == "available"
        assert len(told(shared, build)) == 1

    def test_one_that_is_not_visible_yet_is_recorded_all_the_same(
        self, builder: Worker, ceph: Path
    ) -> None:
        ceph.unlink()
        with builder.claimed(25) as begun:
            [artifact] = complete(begun, [self.record()]).artifacts
        assert artifact.identity is None
        ceph.write_text("made today")
        assert isinstance(builder.ask(25), Done)

    def test_a_derived_build_looks_at_what_it_inherits(
        self, builder: Worker, ceph: Path, shared: Service
    ) -> None:
        with builder.claimed(25) as begun:
            [inherited] = complete(begun, [self.record()]).artifacts
        derived = BuildDerive(platform="azure", from_state=25)
        builder.build = shared.client.derive_build(builder.build.number, derived)
        assert isinstance(builder.ask(25), Done)
        ceph.unlink()
        with builder.claimed(25) as again:
            assert again.attempt.build == builder.build.number
            assert again.attempt.reason == "artifact_gone"
            complete(again)
        assert shared.client.get_artifact(inherited.id).status == "quarantined"
