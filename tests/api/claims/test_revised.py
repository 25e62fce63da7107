"""What turns out otherwise once it has run: kept with the completion, and nothing else of it."""

from typing import Any

import pytest
from support import Service, image

from buildstate_core.models import Attempt, Build

PARTS = {"command": "2:a", "found:harden.sh": "2:b", "input:hosts": "2:c", "stdin": "2:d"}
UNSTABLE = "2:unstable:0198"


@pytest.fixture
def build(service: Service) -> Build:
    return service.make_build()


def done(service: Service, build: Build, revised: dict[str, str | None], **fields: Any) -> Attempt:
    claim = service.claim(build, 25, fingerprint=PARTS, **fields)
    return service.complete(claim, image(), revised=revised)


def said(service: Service, build: Build, **parts: str) -> str:
    claim = service.claim(build, 25, fingerprint={**PARTS, **parts})
    return f"{claim.decision} {claim.reason}"


def test_what_is_no_input_after_all_is_dropped(service: Service, build: Build) -> None:
    attempt = done(service, build, {"stdin": None})
    assert attempt.fingerprint == {part: PARTS[part] for part in PARTS if part != "stdin"}
    assert said(service, build, stdin="2:other") == "skip unchanged"


def test_what_changed_meanwhile_runs_again(service: Service, build: Build) -> None:
    attempt = done(service, build, {"found:harden.sh": UNSTABLE})
    assert attempt.fingerprint["found:harden.sh"] == UNSTABLE
    assert said(service, build) == "run input_changed:harden.sh"


def test_what_the_fingerprint_does_not_have_is_left_out(service: Service, build: Build) -> None:
    assert done(service, build, {"found:other": "2:x", "input:other": None}).fingerprint == PARTS


def test_said_twice_it_is_kept_once(service: Service, build: Build) -> None:
    claim = service.claim(build, 25, fingerprint=PARTS)
    first = service.complete(claim, image(), revised={"stdin": None})
    assert service.complete(claim, image(), revised={"stdin": None}) == first


def test_a_step_that_has_read_what_changed_is_another_step(service: Service, build: Build) -> None:
    """Otherwise what was built on the one before would be skipped."""
    fields = {"kind": "step", "fingerprint": PARTS}
    service.complete(service.claim(build, 10), image())
    first = service.complete(service.claim(build, 25, **fields))
    service.complete(service.claim(build, 40, machine=(first.step_digest,)), image())
    again = service.claim(build, 25, rewound=True, machine=(), **fields)
    assert again.reason == "rewound"
    repeated = service.complete(again, revised={"found:harden.sh": UNSTABLE})
    assert repeated.step_digest != first.step_digest
    above = service.claim(build, 40, machine=(repeated.step_digest,))
    assert (above.decision, above.reason) == ("run", "upstream_changed:25")


def test_a_step_that_is_repeated_with_what_was_left_unread_stays_that_step(
    service: Service, build: Build
) -> None:
    fields = {"kind": "step", "fingerprint": PARTS}
    first = service.complete(service.claim(build, 25, **fields), revised={"stdin": None})
    again = service.complete(service.claim(build, 25, **fields), revised={"stdin": None})
    assert again.step_digest == first.step_digest


@pytest.mark.parametrize(
    ("revised", "field"),
    [
        pytest.param({"command": "2:x"}, "revised", id="a command's words"),
        pytest.param({"param:a": None}, "revised", id="a parameter"),
        pytest.param({"upstream:10": "2:x"}, "revised", id="what it was built on"),
        pytest.param({"discovered": "2:x"}, "revised", id="what it was seen to read"),
        pytest.param({"": None}, "revised", id="no name"),
        pytest.param({"input:a\0": None}, "revised", id="NUL"),
        pytest.param({f"input:{n}": None for n in range(501)}, "revised", id="many"),
        pytest.param({"input:a": 1}, "revised.input:a", id="no digest"),
    ],
)
def test_what_cannot_turn_out_otherwise_is_refused(
    service: Service, build: Build, revised: dict[str, Any], field: str
) -> None:
    claim = service.claim(build, 25, fingerprint=PARTS)
    body = {"token": claim.token, "revised": revised}
    answer = service.request("POST", f"/v1/attempts/{claim.attempt.id}/complete", body)
    assert answer.status == 422
    assert answer.problem["field"].startswith(field)
    (kept,) = service.client.history(build.number)
    assert (kept.status, kept.fingerprint) == ("in_progress", PARTS)


@pytest.mark.parametrize("days", [-1, 36_501, 1.5, "1", True])
def test_an_age_is_a_number_of_days(service: Service, build: Build, days: object) -> None:
    body = {"state": 25, "max_age_days": days}
    answer = service.request("POST", f"/v1/builds/{build.number}/claims", body)
    assert (answer.status, answer.problem["field"]) == (422, "max_age_days")
