"""Every reason code, as the service gives it.

Each row of docs/reference/reasons.md about a claim has a test of its name.
"""

import re
import sys
from pathlib import Path

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import (
    ArtifactRecord,
    Attempt,
    Build,
    BuildDerive,
    Cancel,
    Discovered,
    Force,
    Quarantine,
    Revoke,
    Waive,
)
from buildstate_core.rules.reasons import describe, describe_wait
from buildstate_core.vocabulary import AttemptStatus, Kind, Seen

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "reasons.md"


@pytest.fixture
def build(service: Service) -> Build:
    return service.make_build()


def made(
    service: Service, build: Build, state: int, *artifacts: ArtifactRecord, **recipe: object
) -> Attempt:
    """Claim a milestone and complete it."""
    return service.complete(service.claim(build, state, **recipe), *artifacts)


def said(service: Service, build: Build, state: int, **recipe: object) -> str:
    """Claim a milestone, and give what was decided."""
    claim = service.claim(build, state, **recipe)
    if claim.decision == "held":
        assert claim.text == describe_wait(claim.reason, claim.holder)
    else:
        assert claim.text == describe(claim.reason)
    if claim.decision == "run":
        assert claim.attempt.reason == claim.reason
    return f"{claim.decision} {claim.reason}"


def refused(service: Service, build: Build, state: int, **claim: object) -> tuple[str, str | None]:
    """Claim a milestone that is refused, and give the error's code and the reason."""
    with pytest.raises(Refused) as found:
        service.claim(build, state, **claim)
    assert found.value.reason is not None
    assert str(found.value.state) in found.value.message
    return found.value.code, found.value.reason


def planned(service: Service, build: Build, state: int) -> str:
    rows = service.client.plan(build.number).milestones
    return next(f"{each.decision} {each.reason}" for each in rows if each.state == state)


def test_never_completed(service: Service, build: Build) -> None:
    assert said(service, build, 25) == "run never_completed"


def test_failed_before(service: Service, build: Build) -> None:
    service.fail(service.claim(build, 25))
    assert said(service, build, 25) == "run failed_before"


def test_lost_worker(service: Service, build: Build) -> None:
    service.expire(service.claim(build, 25).attempt.id)
    assert said(service, build, 25) == "run lost_worker"


def test_recipe_changed(service: Service, build: Build) -> None:
    made(service, build, 25, image(), fingerprint={"command": "a"})
    assert said(service, build, 25, fingerprint={"command": "b"}) == "run recipe_changed:command"


def test_input_changed(service: Service, build: Build) -> None:
    made(service, build, 25, image(), fingerprint={"input:hosts": "a"})
    changed = said(service, build, 25, fingerprint={"input:hosts": "b"})
    assert changed == "run input_changed:hosts"


def test_input_added_and_input_removed(service: Service, build: Build) -> None:
    made(service, build, 25, image(), fingerprint={"command": "a"})
    recipe = {"command": "a", "input:hosts": "b"}
    assert said(service, build, 25, fingerprint=recipe) == "run input_added:hosts"

    made(service, build, 20, image(), fingerprint=recipe)
    removed = said(service, build, 20, fingerprint={"command": "a"})
    assert removed == "run input_removed:hosts"


def test_outputs_changed(service: Service, build: Build) -> None:
    made(service, build, 25, image(), fingerprint={"command": "a", "outputs": "b"})
    recipe = {"command": "a", "outputs": "c"}
    assert said(service, build, 25, fingerprint=recipe) == "run outputs_changed"


def test_past_max_age(service: Service, build: Build) -> None:
    made(service, build, 25, image())
    assert said(service, build, 25, max_age_days=1) == "skip unchanged"
    service.query("UPDATE build_states SET ended_at = ended_at - interval '49 hours'")
    assert said(service, build, 25, max_age_days=3) == "skip unchanged"
    assert said(service, build, 25, max_age_days=2) == "run past_max_age:2"


def test_upstream_changed(service: Service, build: Build) -> None:
    made(service, build, 10, image(), fingerprint={"command": "a"})
    made(service, build, 25, image(content="25"))
    made(service, build, 10, image(content="other"), fingerprint={"command": "b"})
    assert refused(service, build, 50) == ("run-first", "upstream_changed:10")
    assert said(service, build, 25) == "run upstream_changed:10"


@pytest.mark.parametrize("reason", ["artifact_gone", "artifact_corrupt"])
def test_artifact_gone_and_artifact_corrupt(service: Service, build: Build, reason: str) -> None:
    [artifact] = made(service, build, 25, image()).artifacts
    service.client.quarantine(artifact.id, Quarantine(reason=reason))
    assert said(service, build, 25) == f"run {reason}"


def test_discovered_changed(service: Service, build: Build) -> None:
    hosts = Discovered(path="conf/hosts", what=Seen.FILE, digest="a" * 64)
    done = service.complete(service.claim(build, 25), image(), discovered=(hosts,))
    claim = {"refuted": done.id, "changed_read": "conf/hosts"}
    assert said(service, build, 25, **claim) == "run discovered_changed:conf/hosts"


def test_effect_gone(service: Service, build: Build) -> None:
    done = made(service, build, 60, kind=Kind.EFFECT)
    assert said(service, build, 60, kind=Kind.EFFECT) == "skip unchanged"
    assert said(service, build, 60, kind=Kind.EFFECT, refuted=done.id) == "run effect_gone"


def test_not_restorable(service: Service, build: Build) -> None:
    made(service, build, 30)
    assert said(service, build, 30) == "run not_restorable"


def test_rewound(service: Service, build: Build) -> None:
    made(service, build, 30)
    made(service, build, 40, image())
    assert said(service, build, 30, rewound=True) == "run rewound"


def test_not_on_this_machine(service: Service, build: Build) -> None:
    step = made(service, build, 30)
    first = refused(service, build, 40, machine=())
    assert first == ("run-first", "not_on_this_machine")
    assert said(service, build, 40, machine=(step.step_digest,)) == "run never_completed"


def test_expired(service: Service, build: Build) -> None:
    [artifact] = made(service, build, 25, image()).artifacts
    service.query("UPDATE artifacts SET status = 'expired' WHERE id = %s", str(artifact.id))
    assert said(service, build, 25) == "run expired"


def test_revoked(service: Service, build: Build) -> None:
    [artifact] = made(service, build, 25, image()).artifacts
    made(service, build, 40, image(content="40"))
    service.client.revoke_artifact(artifact.id, Revoke(reason="it has a leaked key"))
    assert planned(service, build, 40) == "run revoked"
    assert said(service, build, 25) == "run revoked"


def test_forced(service: Service, build: Build) -> None:
    made(service, build, 25, image())
    service.client.force(build.number, Force(state=25, reason="the mirror was stale"))
    assert said(service, build, 25) == "run forced"


def test_unchanged(service: Service, build: Build) -> None:
    made(service, build, 25, image())
    assert said(service, build, 25) == "skip unchanged"


def test_covered_by(service: Service, build: Build) -> None:
    made(service, build, 30)
    made(service, build, 40, image())
    assert said(service, build, 30) == "skip covered_by:40"


def test_waived(service: Service, build: Build) -> None:
    service.client.waive(build.number, Waive(state=30, reason="no monitoring in the lab"))
    assert said(service, build, 30) == "skip waived"


def test_derived_from(service: Service, build: Build) -> None:
    made(service, build, 40, image())
    derived = service.client.derive_build(
        build.number, BuildDerive(from_state=40, platform="azure")
    )
    assert said(service, derived, 40) == f"skip derived_from:{build.number}"


def test_held(service: Service, build: Build) -> None:
    service.claim(build, 25)
    assert said(service, build, 25) == "held held"


def test_held_below(service: Service, build: Build) -> None:
    service.claim(build, 25, worker="packer-07")
    above = service.claim(build, 40, worker="packer-08")
    assert (above.decision, above.reason, above.holder) == ("held", "held_below:25", "packer-07")
    assert above.text == "state 25, which it builds on, is held by packer-07"
    assert planned(service, build, 40) == "wait held_below:25"


def test_inside(service: Service, build: Build) -> None:
    around = service.claim(build, 25).attempt
    assert refused(service, build, 40, inside=(around.id,)) == ("inside", "inside:25")
    assert said(service, build, 40) == "held held_below:25"


def test_build_closed(service: Service, build: Build) -> None:
    service.report(build, 25, AttemptStatus.FAILED)
    service.client.cancel_build(build.number, Cancel(reason="the release was called off"))
    assert planned(service, build, 25) == "refuse build_closed"
    with pytest.raises(Conflict) as refused:
        service.claim(build, 25)
    assert refused.value.code == "build-cancelled"


def test_the_documentation_has_every_reason_and_every_reason_has_its_test() -> None:
    from buildstate_core.rules import reasons  # noqa: PLC0415 - its table is what is asked for

    documented = set(re.findall(r"^\| `([a-z_]+)", DOCS.read_text(), re.MULTILINE))
    assert documented == set(reasons._TEXTS) | set(reasons._ABOUT_KEEPING)
    tests = "\n".join(name for name in dir(sys.modules[__name__]) if name.startswith("test_"))
    assert [each for each in sorted(reasons._TEXTS) if each not in tests] == []
