"""Every route of the service on a filled database, each ready to be called: `routes`.

Its database is one that `benchmarks/fill.py` has filled. What a call needs first, such as a claim
to complete, is made before, so that a call is one request of one kind.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, LiteralString
from uuid import uuid4

from buildstate_core.models import Build, Claim
from buildstate_core.vocabulary import AttemptStatus
from support.service import Answer, Service, image

PROJECT: Final = "images"

Call = Callable[[], Answer]
Prepare = Callable[[], Call]
"""Makes what a call needs, and returns the call."""


@dataclass
class World:
    """A service on a filled database, and what there is to ask it for."""

    service: Service

    def __post_init__(self) -> None:
        self._numbers = count()
        self.delivered = self._one(
            "SELECT b.number FROM builds b JOIN projects p ON p.id = project_id AND p.name = %s"
            " WHERE status = 'completed' AND superseded_by IS NULL ORDER BY number"
            " OFFSET (SELECT count(*) / 3 FROM builds) LIMIT 1",
            PROJECT,
        )
        self.stopped = self._one(
            "SELECT number FROM builds WHERE status = 'failed' ORDER BY number DESC LIMIT 1"
        )
        self.parent = self._one(
            "SELECT b.number FROM builds b JOIN builds c ON c.derived_from = b.id"
            " ORDER BY b.number LIMIT 1"
        )
        self.key = self._one("SELECT key FROM builds WHERE number = %s", self.delivered)
        self.artifact = self._one(
            "SELECT a.id FROM artifacts a JOIN builds b ON b.id = build_id AND b.number = %s"
            " LIMIT 1",
            self.delivered,
        )
        self.checksum = self._one("SELECT checksum FROM artifacts WHERE id = %s", self.artifact)
        self.attempt = self._one("SELECT attempt_id FROM artifacts WHERE id = %s", self.artifact)

    def _one(self, sql: LiteralString, *values: object) -> Any:
        (row,) = self.service.query(sql, *values)
        return next(iter(row.values()))

    def get(self, path: str) -> Prepare:
        return lambda: lambda: self._get(path)

    def _get(self, path: str) -> Answer:
        return self.service.request("GET", f"/v1/{path}")

    def send(self, path: str, body: object, method: str = "POST") -> Answer:
        """Send a write as clients do: with an idempotency key."""
        headers = {"Idempotency-Key": uuid4().hex}
        return self.service.request(method, f"/v1/{path}", body, headers=headers)

    def open_build(self) -> Build:
        """Make a build of which two states are done."""
        key = f"new-{next(self._numbers)}-{uuid4()}"
        build = self.service.make_build(PROJECT, key=key, platform="aws")
        for state in (10, 25):
            self.service.complete(self.service.claim(build, state), image(content=str(state)))
        return build

    def claimed(self) -> Claim:
        return self.service.claim(self.open_build(), 50)


def routes(world: World) -> Mapping[str, Prepare]:
    """Return every route by what it does."""
    return {**_reads(world), **_lists(world), **_writes(world)}


def _reads(world: World) -> Mapping[str, Prepare]:
    delivered = f"builds/{world.delivered}"

    def of_open_build(what: str) -> Prepare:
        def prepare() -> Call:
            number = world.open_build().number
            return world.get(f"builds/{number}{what}")()

        return prepare

    return {
        "get a build": world.get(delivered),
        "get its history": world.get(f"{delivered}/history?inherited=true"),
        "get its events": world.get(f"{delivered}/events"),
        "get its artifacts": world.get(f"{delivered}/artifacts"),
        "get its interventions": world.get(f"{delivered}/interventions"),
        "explain a milestone": world.get(f"{delivered}/explain?state=50"),
        "plan a delivered build": world.get(f"{delivered}/plan"),
        "plan an open build": of_open_build("/plan"),
        "plan a build that failed": world.get(f"builds/{world.stopped}/plan"),
        "get an artifact": world.get(f"artifacts/{world.artifact}"),
        "get an attempt": world.get(f"attempts/{world.attempt}"),
        "get a project": world.get(f"projects/{PROJECT}"),
        "say what a policy keeps": world.get("projects/small-3/retention"),
        "get a catalogue": world.get(f"projects/{PROJECT}/catalog"),
    }


def _lists(world: World) -> Mapping[str, Prepare]:
    of_project = f"project={PROJECT}"
    return {
        "list builds": world.get("builds"),
        "list builds of a project": world.get(f"builds?{of_project}"),
        "list builds of a small project": world.get("builds?project=small-3"),
        "list builds, deep": world.get(f"builds?{of_project}&cursor={_cursor(world.delivered)}"),
        "list builds at work": world.get("builds?status=in_progress"),
        "list builds that failed": world.get("builds?status=failed"),
        "list builds that wait": world.get("builds?status=pending"),
        "list builds delivered": world.get("builds?status=completed"),
        "list builds of a platform": world.get("builds?platform=aws"),
        "list builds of no platform": world.get("builds?platform=none"),
        "list builds of a key": world.get(f"builds?key={world.key}"),
        "list builds derived": world.get(f"builds?derived_from={world.parent}"),
        "list builds of a project that failed": world.get(f"builds?{of_project}&status=failed"),
        "list builds of a project delivered": world.get(f"builds?{of_project}&status=completed"),
        "list builds of a project and platform": world.get(f"builds?{of_project}&platform=gcp"),
        "list builds of a project and key": world.get(f"builds?{of_project}&key={world.key}"),
        "list artifacts": world.get("artifacts"),
        "list artifacts of a project": world.get(f"artifacts?{of_project}"),
        "list artifacts of a small project": world.get("artifacts?project=small-3"),
        "list artifacts quarantined": world.get("artifacts?status=quarantined"),
        "list artifacts revoked": world.get("artifacts?status=revoked"),
        "list artifacts of a digest": world.get(f"artifacts?checksum={world.checksum}"),
        "list artifacts to remove": world.get("artifacts?removable=true"),
        "list artifacts of a project quarantined": world.get(
            f"artifacts?{of_project}&status=quarantined"
        ),
        "list projects": world.get("projects"),
        "list catalogues": world.get(f"projects/{PROJECT}/catalog/versions"),
        "list keys": world.get("keys"),
        "list resume requests": world.get("resume-requests"),
        "list resume requests of a build": world.get(f"resume-requests?build={world.stopped}"),
        "list resume requests that failed": world.get("resume-requests?status=failed"),
        "list resume requests open": world.get("resume-requests?status=pending"),
    }


def _writes(world: World) -> Mapping[str, Prepare]:
    send = world.send

    def on_open_build(path: str, body: Mapping[str, object]) -> Prepare:
        def prepare() -> Call:
            return partial(send, f"builds/{world.open_build().number}/{path}", body)

        return prepare

    def on_claim(path: str, **body: object) -> Prepare:
        def prepare() -> Call:
            claim = world.claimed()
            return partial(
                send, f"attempts/{claim.attempt.id}/{path}", {"token": claim.token, **body}
            )

        return prepare

    def on_artifact(path: str, body: Mapping[str, object]) -> Prepare:
        def prepare() -> Call:
            world.claimed()
            claim = world.claimed()
            done = world.service.complete(claim, image(content=str(uuid4())))
            return partial(send, f"artifacts/{done.artifacts[0].id}/{path}", body)

        return prepare

    def create(**said: str) -> Prepare:
        def prepare() -> Call:
            key = said.get("key", str(uuid4()))
            return partial(send, "builds", {"project": PROJECT, "key": key, "os": "rhel-9"} | said)

        return prepare

    record = image(content="a").model_dump(mode="json", exclude_none=True)
    report = {"state": 50, "status": AttemptStatus.COMPLETED}
    return {
        "create a build": create(),
        "find a build by its key": create(key=world.key),
        "derive a build": on_open_build("derive", {"from_state": 25}),
        "report": on_open_build("reports", report),
        "report with an artifact": on_open_build("reports", {**report, "artifacts": [record]}),
        "claim": on_open_build("claims", {"state": 50}),
        "skip": on_open_build("claims", {"state": 25}),
        "heartbeat": on_claim("heartbeat"),
        "complete": on_claim("complete"),
        "complete with an artifact": on_claim("complete", artifacts=[record]),
        "fail": on_claim("fail", message="it broke"),
        "record an artifact": on_open_build("artifacts", {**record, "state": 60}),
        "waive": on_open_build("waive", {"state": 50, "reason": "not needed"}),
        "force": on_open_build("force", {"state": 25, "reason": "again"}),
        "cancel": on_open_build("cancel", {"reason": "given up"}),
        "quarantine": on_artifact("quarantine", {"reason": "artifact_gone"}),
        "revoke": on_artifact("revoke", {"reason": "bad"}),
        "hold": on_artifact("hold", {"reason": "audit"}),
        "look up objects": lambda: partial(send, "artifacts/lookup", {"uris": ["s3://images/x"]}),
    }


def _cursor(number: int) -> str:
    """Return the cursor of a page that ended with a build."""
    return base64.urlsafe_b64encode(json.dumps([str(number)]).encode()).decode()
