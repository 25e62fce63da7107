"""Records without a claim, from a script that only reports."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Service
from support.machine import Ended, Machine


class TestPlainRecords:
    """What a tool moved by itself, and only reported."""

    @pytest.fixture
    def report(self, machine: Machine, build: str) -> Callable[..., Ended]:
        def add(state: int, *flags: str) -> Ended:
            line = ("--state", str(state), "--status", "completed", *flags)
            return machine.bldst("build", "add-state", build, *line)

        return add

    def test_an_unverified_record_is_used_and_gets_its_digest(
        self,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
        service: Service,
        build: str,
        tmp_path: Path,
    ) -> None:
        share = tmp_path / "mnt/nfs/builds/sap-123"
        share.mkdir(parents=True)
        (share / "state-30.qcow2").write_text("reported")
        path = str(share / "state-30.qcow2")
        assert report(30, "--storage-type", "nfs", "--storage-path", path).code == 0
        ran = step(elsewhere, 50, "cat state-30.qcow2")
        assert (ran.code, ran.out) == (0, "reported")
        assert "unverified" in ran.err
        [record] = service.client.list_artifacts(build)
        digest = hashlib.sha256(b"reported").hexdigest()
        assert (record.size_bytes, record.checksum) == (8, f"sha256:{digest}")
        # From now on it is held to that.
        (share / "state-30.qcow2").write_text("rEported")
        shutil.rmtree(elsewhere.environ["BLDST_CACHE_DIR"])
        elsewhere.write("state-30.qcow2", "something else")
        refused = step(elsewhere, 55, "touch ran", "--restore", "30")
        assert (refused.code, elsewhere.has("ran")) == (4, False)
        assert "corrupt" in refused.err

    def test_a_verified_record_is_held_to_its_checksum(
        self,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
        tmp_path: Path,
    ) -> None:
        image = tmp_path / "image.qcow2"
        image.write_text("not that")
        wrong = "sha256:" + "0" * 64
        report(30, "--storage-path", str(image), "--checksum", wrong)
        refused = step(elsewhere, 50, "touch ran")
        assert (refused.code, elsewhere.has("ran")) == (4, False)
        assert "corrupt" in refused.err

    @pytest.mark.parametrize(
        ("flags", "handed_over"),
        [
            pytest.param(
                ["--storage-type", "ebs", "--storage-path", "snap-0abc"], "snap-0abc", id="ebs"
            ),
            pytest.param(["--storage-path", "rbd://images/base"], "rbd://images/base", id="rbd"),
            pytest.param(
                ["--storage-type", "ceph", "--storage-path", "rbd/pool/base@gold"],
                "rbd/pool/base@gold",
                id="ceph",
            ),
        ],
    )
    def test_what_cannot_be_moved_from_here_is_handed_to_the_command(
        self,
        flags: list[str],
        handed_over: str,
        report: Callable[..., Ended],
        elsewhere: Machine,
        step: Callable[..., Ended],
    ) -> None:
        assert report(30, *flags).code == 0
        ran = step(elsewhere, 50, 'echo "$BLDST_RESTORE_URI"; echo "$BLDST_RESTORED"')
        assert (ran.code, ran.out) == (0, f"{handed_over}\n\n")
