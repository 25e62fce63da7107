"""What attempts were seen to read: kept beside them, and told to nobody but who skips them."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from support import Service, image

from buildstate_core.models import Attempt, Build, BuildDerive, Discovered
from buildstate_core.vocabulary import Seen

HOSTS = Discovered(path="conf/hosts", what=Seen.FILE, digest="a" * 64)
CONF = Discovered(path="conf", what=Seen.LISTING, digest="b" * 64)
ABSENT = Discovered(path="override", what=Seen.ABSENT)
FOUND = (HOSTS, CONF, ABSENT)


@pytest.fixture
def build(service: Service) -> Build:
    return service.make_build()


@pytest.fixture
def done(service: Service, build: Build) -> Attempt:
    claim = service.claim(build, 25, fingerprint={"code": "aa"})
    assert claim.discovered == ()
    return service.complete(claim, image(), discovered=FOUND)


def told(service: Service, build: Build, state: int = 25) -> list[dict[str, Any]]:
    """Give what a claim that is skipped is told."""
    claim = service.claim(build, state, fingerprint={"code": "aa"})
    assert claim.decision == "skip"
    return [each.model_dump() for each in claim.discovered]


@pytest.mark.usefixtures("done")
def test_whoever_skips_it_is_told(service: Service, build: Build) -> None:
    assert told(service, build) == [each.model_dump() for each in FOUND]


def test_it_stands_for_itself_in_what_the_attempt_was_made_from(done: Attempt) -> None:
    assert list(done.fingerprint) == ["code", "discovered"]


@pytest.mark.usefixtures("done")
def test_whoever_skips_it_in_a_derived_build_is_told(service: Service, build: Build) -> None:
    derived = service.client.derive_build(build.number, BuildDerive(platform="azure"))
    assert told(service, derived) == [each.model_dump() for each in FOUND]


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Give what is sent to the database from now on."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def test_nobody_else_is_told_or_has_it_loaded(
    service: Service, build: Build, done: Attempt, statements: list[str]
) -> None:
    number = build.number
    statements.clear()
    for path in (
        f"/v1/builds/{number}",
        f"/v1/builds/{number}/plan",
        f"/v1/builds/{number}/explain?state=25",
        f"/v1/builds/{number}/history",
        f"/v1/attempts/{done.id}",
    ):
        answer = service.request("GET", path)
        assert answer.status == 200
        assert b"conf/hosts" not in answer.content
    service.claim(build, 50)
    assert statements
    assert [each for each in statements if "attempt_reads" in each] == []


@pytest.mark.usefixtures("done")
def test_it_goes_with_its_build(service: Service, build: Build) -> None:
    assert service.counts()["attempt_reads"] == 1
    service.query("DELETE FROM builds WHERE number = %s", build.number)
    assert service.counts()["attempt_reads"] == 0


def test_what_was_said_twice_is_kept_once(service: Service, build: Build) -> None:
    claim = service.claim(build, 25)
    first = service.complete(claim, discovered=FOUND)
    assert service.complete(claim, discovered=FOUND) == first
    assert service.counts()["attempt_reads"] == 1


def test_as_many_are_kept_as_may_be_sent(service: Service, build: Build) -> None:
    many = tuple(
        Discovered(path=f"sources/{'x' * 150}/{number}", what=Seen.FILE, digest="a" * 64)
        for number in range(10_000)
    )
    service.complete(service.claim(build, 25), image(), discovered=many)
    assert len(service.claim(build, 25).discovered) == 10_000


@pytest.mark.parametrize(
    ("discovered", "field"),
    [
        pytest.param([{"path": f"{n}", "what": "absent"} for n in range(10_001)], "", id="many"),
        pytest.param([{"path": "a", "what": "absent"}] * 2, "", id="one twice"),
        pytest.param([{"path": "", "what": "absent"}], ".0.path", id="no path"),
        pytest.param([{"path": "a" * 1001, "what": "absent"}], ".0.path", id="a long path"),
        pytest.param([{"path": "a\0b", "what": "absent"}], ".0.path", id="NUL"),
        pytest.param([{"path": "a", "what": "smelled"}], ".0.what", id="another sense"),
        pytest.param([{"path": "a", "what": "file", "digest": "A"}], ".0.digest", id="a digest"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    service: Service, build: Build, discovered: list[dict[str, Any]], field: str
) -> None:
    claim = service.claim(build, 25)
    body = {"token": claim.token, "discovered": discovered}
    answer = service.request("POST", f"/v1/attempts/{claim.attempt.id}/complete", body)
    assert answer.status == 422
    assert answer.problem["field"] == f"discovered{field}"
    assert service.counts()["attempt_reads"] == 0
