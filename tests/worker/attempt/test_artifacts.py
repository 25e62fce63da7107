"""Attempts that leave effects or several artifacts."""

from pathlib import Path
from typing import Any

import pytest
from support import Service, until

from buildstate_core.errors import ArtifactLost, StaleClaim, Unreachable
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import Kind
from buildstate_worker.artifacts import place_of

from .workers import Worker, complete


class TestEffects:
    def test_an_effect_is_stopped_when_no_renewal_comes_through(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale: list[StaleClaim] = []

        def away(*_: Any) -> Any:
            raise Unreachable("no answer")

        monkeypatch.setattr(worker.client, "heartbeat", away)
        effect = worker.claimed(60, kind=Kind.EFFECT, lease_seconds=1)
        checkpoint = worker.claimed(65, kind=Kind.CHECKPOINT, lease_seconds=1)
        effect.when_stale(stale.append)
        until(lambda: stale)
        assert (stale[0].code, effect.stale) == ("lease-running-out", stale[0])
        assert checkpoint.stale is None
        for each in (checkpoint, effect):
            each.__exit__(None, None, None)


class TestArtifacts:
    @pytest.fixture
    def artifact(self, worker: Worker) -> Artifact:
        with worker.claimed(25) as begun:
            [artifact] = complete(begun, [worker.blob("disk", "disk!")]).artifacts
        return artifact

    def test_a_pull_is_verified_and_cached(
        self, artifact: Artifact, other: Worker, tmp_path: Path
    ) -> None:
        first = other.artifacts.pull(artifact, tmp_path / "one", root=None)
        second = other.artifacts.pull(artifact, tmp_path / "two", root=None)
        third = other.artifacts.pull(artifact, tmp_path / "two", root=None)
        moved = [each.downloaded_bytes for each in (first, second, third)]
        assert moved == [5, 0, 0]
        assert (tmp_path / "two").read_text() == "disk!"

    def test_a_corrupt_one_is_taken_out_of_use_and_leaves_the_target_alone(
        self, artifact: Artifact, other: Worker, storage: Path, tmp_path: Path, shared: Service
    ) -> None:
        for path in storage.rglob("disk"):
            path.chmod(0o644)
            path.write_text("DISK!")
        (tmp_path / "here").write_text("mine")
        with pytest.raises(ArtifactLost) as lost:
            other.artifacts.pull(artifact, tmp_path / "here", root=None)
        assert (lost.value.reason, lost.value.state) == ("artifact_corrupt", 25)
        assert (tmp_path / "here").read_text() == "mine"
        assert shared.client.get_artifact(artifact.id).status == "quarantined"

    @pytest.mark.parametrize(
        ("recorded", "place"),
        [
            ("out/disk", "out/disk"),
            ("/etc/passwd", "disk"),
            ("../disk", "disk"),
            ("a/../../disk", "disk"),
            (".", "disk"),
            ("", "disk"),
            (7, "disk"),
            (None, "disk"),
        ],
    )
    def test_a_recorded_place_never_leads_out_of_the_workspace(
        self, recorded: object, place: str, artifact: Artifact
    ) -> None:
        changed = artifact.model_copy(update={"metadata": {"path": recorded}})
        assert str(place_of(changed)) == place
