"""What becomes of a pipeline when an artifact is gone, corrupt, or out of reach."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from support import Service
from support.machine import Ended, Machine, Story

MakeMachine = Callable[..., Machine]

PIPELINE = """
bldst run $ID --state 10 --artifact base.img -- sh -c 'echo base > base.img; echo 10 >> ran'
bldst run $ID --state 25 --artifact hard.img -- sh -c 'sed s/b/B/ base.img > hard.img; echo 25 >> ran'
bldst run $ID --state 50 --artifact app.img -- sh -c 'cat hard.img > app.img; echo 50 >> ran; exit $END'
"""  # noqa: E501 - as a script has it

FOLDER_ONLY = pytest.mark.parametrize("storage", ["shelf"], indirect=True, ids=["file"])
"""For what is the same in every storage."""


@pytest.fixture
def build(service: Service, storage: Any) -> str:
    """A build whose artifacts go to the storage that the test is about."""
    project = service.make_project(f"p{uuid4().hex}", storage_url=storage.url)
    return str(service.make_build(project).number)


@pytest.fixture
def machine(make_machine: MakeMachine, storage: Any) -> Machine:
    return make_machine("server-a", **storage.environ)


@pytest.fixture
def elsewhere(make_machine: MakeMachine, storage: Any) -> Machine:
    return make_machine("server-b", **storage.environ)


@pytest.fixture
def failed_at_50(machine: Machine, build: str) -> None:
    """A build that has its checkpoints 10 and 25."""
    assert machine.script(PIPELINE, ID=build, END="9").code == 9


def flip(storage: Any, name: str) -> None:
    """Change one byte; the size stays."""
    content = bytearray(storage.read(name))
    content[0] ^= 0xFF
    storage.write(name, bytes(content))


def run(machine: Machine, build: str, **environ: str) -> Ended:
    return machine.script(PIPELINE, ID=build, END="0", **environ)


@pytest.mark.usefixtures("failed_at_50")
class TestLost:
    def test_a_deleted_artifact_is_made_anew(
        self, elsewhere: Machine, build: str, storage: Any, story: Story, service: Service
    ) -> None:
        [name] = storage.names(25)
        storage.delete(name)
        ended = run(elsewhere, build)
        assert (ended.code, elsewhere.read("ran").split()) == (0, ["25", "50"])
        assert elsewhere.read("app.img") == "Base\n"
        assert story()[3:] == [
            (25, "completed", "artifact_gone"),
            (50, "completed", "failed_before"),
        ]
        gone, anew = [each for each in service.client.list_artifacts(build) if each.state == 25]
        assert (gone.status, anew.status) == ("quarantined", "available")
        assert gone.uri != anew.uri

    def test_flipped_bytes_are_found_at_the_pull_and_made_anew_in_the_same_pass(
        self, elsewhere: Machine, build: str, storage: Any, story: Story, service: Service
    ) -> None:
        [name] = storage.names(25)
        flip(storage, name)
        ended = run(elsewhere, build)
        assert (ended.code, elsewhere.read("ran").split()) == (0, ["25", "50"])
        assert elsewhere.read("app.img") == "Base\n"
        assert "corrupt" in ended.err
        assert "State 25 is run again now, as it was called here; then state 50" in ended.err
        assert [each[:2] for each in story()[3:]] == [
            (50, "cancelled"), (25, "completed"), (50, "completed"),
        ]  # fmt: skip
        assert story()[4][2] == "artifact_corrupt"
        [corrupt, _] = [each for each in service.client.list_artifacts(build) if each.state == 25]
        assert corrupt.status == "quarantined"

    @FOLDER_ONLY
    def test_flipped_bytes_of_what_was_not_called_here_are_refused(
        self, elsewhere: Machine, build: str, storage: Any, service: Service
    ) -> None:
        """As where each state is a CI job of its own."""
        [name] = storage.names(25)
        flip(storage, name)
        refused = elsewhere.bldst("run", build, "--state", "50", "--", "touch", "ran")
        assert (refused.code, elsewhere.has("ran"), elsewhere.has("hard.img")) == (4, False, False)
        assert "corrupt" in refused.err
        assert "Run the pipeline again: state 25 is made anew" in refused.err
        assert service.client.get_build(build).resume_from == 10

    @FOLDER_ONLY
    def test_another_size_is_seen_without_a_download(
        self, elsewhere: Machine, build: str, storage: Any, story: Story
    ) -> None:
        [name] = storage.names(25)
        storage.write(name, b"cut")
        assert run(elsewhere, build).code == 0
        assert story()[3:] == [
            (25, "completed", "artifact_corrupt"),
            (50, "completed", "failed_before"),
        ]

    def test_a_storage_out_of_reach_refuses_and_runs_nothing(
        self, elsewhere: Machine, build: str, storage: Any, story: Story, service: Service
    ) -> None:
        before = story()
        storage.lose()
        refused = run(elsewhere, build, **storage.unreachable)
        assert (refused.code, elsewhere.has("ran"), story()) == (4, False, before)
        assert "cannot be looked at" in refused.err
        assert "Nothing is run in its place: it may well be there." in refused.err
        assert "Traceback" not in refused.err
        states = {each.state: each.status for each in service.client.list_artifacts(build)}
        assert set(states.values()) == {"available"}

    @FOLDER_ONLY
    def test_a_restore_out_of_reach_runs_nothing_and_says_so_in_the_history(
        self, elsewhere: Machine, build: str, storage: Any, service: Service
    ) -> None:
        """Where each state is a job of its own, the first to look is the one that restores."""
        storage.lose()
        refused = elsewhere.bldst(
            "run", build, "--state", "50", "--", "touch", "ran", **storage.unreachable
        )
        assert (refused.code, elsewhere.has("ran")) == (4, False)
        newest = list(service.client.history(build))[-1]
        assert (newest.state, newest.status) == (50, "failed")
        assert "cannot be looked at" in (newest.message or "")


def test_an_upload_that_fails_is_told_and_leaves_no_record(
    machine: Machine, build: str, storage: Any, story: Story, service: Service
) -> None:
    broken = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    if not storage.unreachable:
        storage.folder.rmdir()
        storage.folder.write_text("a file where the storage was")
        broken = {}
    ended = machine.bldst(
        "run", build, "--state", "25", "--artifact", "disk", "--", "sh", "-c", "echo x > disk",
        **broken,
    )  # fmt: skip
    assert ended.code == 6
    assert "cannot be written" in ended.err
    assert [each[:2] for each in story()] == [(25, "failed")]
    assert list(service.client.list_artifacts(build)) == []


@pytest.mark.parametrize("storage", ["shelf"], indirect=True, ids=["file"])
def test_a_full_disk_is_told_and_leaves_nothing(
    machine: Machine, elsewhere: Machine, build: str, storage: Any, story: Story
) -> None:
    """A limit on the size of files stands in for the disk: the same calls fail."""
    machine.write("disk", "x" * 1_000_000)
    run = "bldst run $ID --state 10 --artifact disk -- true"
    full = machine.script(f"ulimit -f 100; {run}", ID=build)
    assert (full.code, story()) == (6, [(10, "failed", "never_completed")])
    assert "File too large" in full.err
    assert not [each for each in storage.folder.rglob("*") if each.is_file()]

    assert machine.script(run, ID=build).code == 0
    restore = "bldst run $ID --state 25 -- touch ran"
    full = elsewhere.script(f"ulimit -f 100; {restore}", ID=build)
    assert (full.code, elsewhere.has("ran"), elsewhere.has("disk")) == (4, False, False)
    assert "Free space" in full.err
    assert elsewhere.script(restore, ID=build).code == 0
