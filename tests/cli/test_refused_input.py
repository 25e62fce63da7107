"""Input that is refused, and text that comes back as it was, against the real service."""

from collections.abc import Callable
from typing import Any

import pytest
from support import Service

DIGEST = "sha256:" + "a" * 64
NO_SUCH_ID = "0198c0de-0000-7000-8000-000000000000"

Bldst = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("configured")

REPORT = ("--status", "completed", "--state", "25")


@pytest.fixture
def build(shared_service: Service, request: pytest.FixtureRequest) -> str:
    """A fresh build's number."""
    return str(shared_service.make_build(key=request.node.nodeid[-500:]).number)


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        pytest.param(["--state", "-1", "--status", "completed"], 2, "--state is -1", id="-1"),
        pytest.param(["--state", "101", "--status", "completed"], 2, "--state is 101", id="101"),
        pytest.param(["--state", "abc", "--status", "completed"], 2, '--state is "abc"', id="abc"),
        pytest.param(["--state", "25", "--status", "done"], 2, "--status: 'done'", id="status"),
        pytest.param(["--state", "25", "--status", "waived"], 2, "--status: 'waived'", id="waived"),
        *(
            pytest.param(
                [*REPORT, "--storage-path", "s3://b/x", "--checksum", checksum],
                2, "--checksum is", id=f"checksum {checksum[:12]}",
            )
            for checksum in (
                "", "abc", "sha256:", "sha256:" + "g" * 64, "sha256:" + "A" * 64, "md5:" + "a" * 32,
                DIGEST + "0", "a" * 64,
            )
        ),
        pytest.param(
            [*REPORT, "--storage-path", "s3://b/x", "--artifact-size", "-1"],
            2, "--artifact-size is -1", id="negative size",
        ),
        pytest.param(
            [*REPORT, "--storage-path", "s3://b/x", "--artifact-size", "9" * 30],
            2, "--artifact-size is", id="size beyond bigint",
        ),
        pytest.param([*REPORT, "--checksum", DIGEST], 2, "--storage-path", id="checksum alone"),
        pytest.param([*REPORT, "--message", "x" * 100_000], 2, "--message is", id="huge message"),
        pytest.param([*REPORT, "--lane", "../x"], 2, "--lane is", id="lane"),
        pytest.param([*REPORT, "--worker", ""], 0, "", id="no worker is the default one"),
        pytest.param([*REPORT, "--storage-path", ""], 2, "--storage", id="empty path"),
        pytest.param(
            [*REPORT, "--storage-path", "relative/path", "--storage-type", "nfs"],
            2, "--storage-path is", id="relative path",
        ),
        pytest.param(
            ["--status", "failed", "--state", "25", "--storage-path", "s3://b/x"],
            2, "only a completed state leaves an artifact", id="artifact of a failure",
        ),
    ],
)  # fmt: skip
def test_bad_input_names_the_option_and_leaves_nothing(
    flags: list[str], code: int, said: str, add_state: Bldst, shared_service: Service, build: str
) -> None:
    answer = add_state(*flags)
    assert answer.code == code
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert len(answer.err) < 1000
    if code:
        assert list(shared_service.client.history(build)) == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("build", "get", NO_SUCH_ID), 3),
        (("build", "get", "0"), 3),
        (("build", "get", "9" * 18), 3),
        (("build", "history", "999999"), 3),
        (("plan", "999999"), 3),
        (("artifact", "list", "999999"), 3),
        (("artifact", "pull", "999999", "--state", "5"), 3),
        (("build", "add-state", "999999", "--state", "5", "--status", "failed"), 3),
        (("build", "create", "--project", "no-such"), 3),
        (("build", "create", "--project", "rhel-base", "--derive-from", "999999"), 3),
        (("build", "derive", "999999"), 3),
        (("build", "list", "--derived-from", "999999"), 3),
        (("catalog", "insert", "no-such", "--state", "42", "--name", "x"), 3),
        (("catalog", "history", "no-such"), 3),
        (("project", "update", "no-such", "--description", "x"), 3),
        (("key", "revoke", "no-such"), 3),
    ],
    ids=lambda each: " ".join(each)[:40] if isinstance(each, tuple) else "",
)
def test_what_is_not_there_is_named(command: tuple[str, ...], code: int, bldst: Bldst) -> None:
    answer = bldst(*command)
    assert (answer.code, answer.out) == (code, "")
    assert "Traceback" not in answer.err
    assert answer.err.startswith("bldst: ")
    assert any(each in answer.err for each in command)


def test_a_revoked_key_is_refused(bldst: Bldst) -> None:
    key = bldst("key", "create", "--name", "gone").out.strip()
    assert bldst("key", "revoke", "gone").code == 0
    refused = bldst("build", "list", BLDST_API_KEY=key)
    assert (refused.code, refused.out) == (5, "")
    assert key not in refused.err
    assert "bldst key create" in refused.err or "BLDST_API_KEY" in refused.err


def test_a_completed_build_takes_no_more_reports(
    add_state: Bldst, build: str, bldst: Bldst
) -> None:
    assert add_state("--state", "100", "--status", "completed").code == 0
    before = bldst("build", "get", build, "-o", "json").data
    for status in ("completed", "failed", "in_progress"):
        refused = add_state("--state", "50", "--status", status)
        assert (refused.code, refused.out) == (4, "")
        assert "complete" in refused.err
    assert bldst("build", "get", build, "-o", "json").data == before


def test_a_report_about_what_a_worker_holds_is_refused(
    add_state: Bldst, build: str, shared_service: Service
) -> None:
    shared_service.claim(shared_service.client.get_build(build), 25)
    refused = add_state("--state", "25", "--status", "completed")
    assert refused.code == 7
    assert "held by worker-a" in refused.err


@pytest.mark.parametrize("argument", [b"\xff", b"caf\xe9", b"\xed\xa0\x80"])
def test_what_is_not_utf_8_is_refused(
    argument: bytes, process: Bldst, build: str, shared_service: Service
) -> None:
    line = ("build", "add-failure", build, "--state", "5", "--message", argument)
    answer = process(*line, LC_ALL="C.UTF-8")
    assert (answer.code, answer.out) == (2, "")
    assert "Argument 7 is not valid UTF-8" in answer.err
    assert "Traceback" not in answer.err
    assert list(shared_service.client.history(build)) == []


@pytest.mark.parametrize(
    "text", ["größe 日本 \U0001f600", "a\nb\ttab", "\x1b[31mred", "'; --", "%s{}"]
)
def test_any_text_comes_back_as_it_was(
    text: str, add_state: Bldst, shared_service: Service, build: str
) -> None:
    told = add_state("--state", "5", "--status", "failed", "--message", text)
    assert told.code == 0
    [attempt] = shared_service.client.history(build)
    assert attempt.message == text


def test_a_person_s_table_cannot_be_steered_by_a_message(
    add_state: Bldst, bldst: Bldst, build: str
) -> None:
    add_state("--state", "5", "--status", "failed", "--message", "\x1b[2J\rgone")
    for command in (("build", "get", build), ("build", "history", build)):
        shown = bldst(*command).out
        assert "\x1b" not in shown
        assert "\r" not in shown


def test_a_terminal_that_cannot_show_a_name_gets_it_escaped(
    process: Callable[..., Any], service: Service
) -> None:
    service.make_project("rhel-base")
    build = service.make_build(key="größe")
    environ = {"BLDST_API_URL": service.url, "BLDST_API_KEY": service.key}
    done = process("build", "get", str(build.number), PYTHONIOENCODING="ascii", **environ)
    assert done.code == 0
    assert "gr\\xf6\\xdfe" in done.out
