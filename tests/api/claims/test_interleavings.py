"""No interleaving of what workers do breaks the rules: a state machine drives the real service."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg.rows import dict_row
from psycopg.sql import SQL
from support import Service, image

from buildstate_core.errors import Held, Refused, StaleClaim
from buildstate_core.models import Build, Claim, Quarantine
from buildstate_core.vocabulary import AttemptStatus, ClaimDecision, Kind

STATES = st.sampled_from([10, 25, 50, 75])
LANES = st.sampled_from(["", "", "eu-west-1"])
KINDS = st.sampled_from([None, None, Kind.EFFECT])
WORKERS = ("worker-a", "worker-b", "worker-c")
REPORTED = st.sampled_from(
    [AttemptStatus.IN_PROGRESS, AttemptStatus.COMPLETED, AttemptStatus.FAILED]
)
NEWEST_FIRST = "ORDER BY as_of DESC, id DESC"

Row = dict[str, Any]


class Workers(RuleBasedStateMachine):
    """Three workers at one build, one of whom may stop answering at any time."""

    def __init__(self, service: Service, connection: psycopg.Connection[Row]) -> None:
        super().__init__()
        self.service = service
        self.connection = connection
        self.build: Build = service.make_build(restart=True)
        self.claims: list[Claim] = []
        self.made = 0
        self.peak = 0
        self.ended: dict[UUID, Row] = {}

    def ask(self, worker: str, state: int, **fields: Any) -> Claim | None:
        """Claim a state; give `None` if what ended badly below has to run first."""
        try:
            return self.service.claim(self.build, state, worker, **fields)
        except Refused as error:
            first = error.state
        assert first is not None
        assert first < state
        return None

    # ---- what may happen ----

    @rule(worker=st.sampled_from(WORKERS), state=STATES, lane=LANES, kind=KINDS)
    def claim(self, worker: str, state: int, lane: str, kind: Kind | None) -> None:
        answer = self.ask(worker, state, lane=lane, kind=kind)
        if answer is not None:
            self.check_answer(answer)

    @rule(state=STATES)
    def race(self, state: int) -> None:
        with ThreadPoolExecutor(len(WORKERS)) as pool:
            asked = list(pool.map(lambda worker: self.ask(worker, state), WORKERS))
        answers = [each for each in asked if each is not None]
        running = [each for each in answers if each.decision is ClaimDecision.RUN]
        assert len(running) <= 1
        for answer in answers:
            self.check_answer(answer)

    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        self.as_holder(data, self.service.heartbeat, may_repeat=None)

    @rule(data=st.data(), has_artifact=st.booleans())
    def complete(self, data: st.DataObject, *, has_artifact: bool) -> None:
        self.made += 1
        artifacts = [image(content=str(self.made))] if has_artifact else []
        self.as_holder(
            data,
            lambda claim: self.service.complete(claim, *artifacts),
            may_repeat=AttemptStatus.COMPLETED,
        )

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self.as_holder(data, self.service.fail, may_repeat=AttemptStatus.FAILED)

    @rule(state=STATES, lane=LANES, status=REPORTED)
    def report(self, state: int, lane: str, status: AttemptStatus) -> None:
        was_held = self.live_claim(state, lane)
        try:
            self.service.report(self.build, state, status, lane=lane)
        except Held:
            assert was_held
        else:
            assert not was_held

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        claim = self.any_claim(data)
        if self.row(claim.attempt.id)["status"] == AttemptStatus.IN_PROGRESS:
            self.service.expire(claim.attempt.id)

    @rule(data=st.data(), reason=st.sampled_from(["artifact_gone", "artifact_corrupt"]))
    def quarantine(self, data: st.DataObject, reason: str) -> None:
        artifacts = list(self.service.client.list_artifacts(self.build.number))
        assume(artifacts)
        artifact = data.draw(st.sampled_from([each.id for each in artifacts]))
        self.service.client.quarantine(artifact, Quarantine(reason=reason))

    @rule()
    def read(self) -> None:
        shown = self.service.client.get_build(self.build.number)
        expired = self.rows("lease_until < clock_timestamp() AND status = 'in_progress'")
        assert expired == []
        live = {each["state"] for each in self.rows("status IN ('pending', 'in_progress')")}
        assert set(shown.active) == live

    # ---- what has to hold ----

    @invariant()
    def no_milestone_has_two_live_attempts(self) -> None:
        live = [
            (each["lane"], each["state"])
            for each in self.rows("status IN ('pending', 'in_progress')")
        ]
        assert len(live) == len(set(live))

    @invariant()
    def the_peak_never_falls(self) -> None:
        query = "SELECT peak FROM builds WHERE id = %s"
        (row,) = self.connection.execute(query, [self.build.id]).fetchall()
        assert row["peak"] >= self.peak
        self.peak = row["peak"]

    @invariant()
    def what_ended_is_never_rewritten(self) -> None:
        for row in self.rows("ended_at IS NOT NULL"):
            assert self.ended.setdefault(row["id"], row) == row

    @invariant()
    def fences_rise_with_the_attempts(self) -> None:
        fences = [each["fence"] for each in self.rows("fence IS NOT NULL")]
        assert len(fences) == len(set(fences))

    @invariant()
    def a_build_resumes_from_what_is_there(self) -> None:
        shown = self.service.client.get_build(self.build.number)
        if shown.resume_from is not None:
            usable = self.rows(
                "state = %s AND status = 'completed' AND EXISTS (SELECT FROM artifacts a"
                " WHERE a.attempt_id = build_states.id AND a.status = 'available')",
                shown.resume_from,
            )
            assert usable

    # ---- how ----

    def check_answer(self, claim: Claim) -> None:
        row = self.row(claim.attempt.id)
        if claim.decision is ClaimDecision.SKIP:
            newest = self.rows(
                "lane = %s AND state = %s", row["lane"], row["state"], order=NEWEST_FIRST
            )[0]
            assert newest["id"] == row["id"]
            # What was reported and left open is done if a later checkpoint includes it.
            is_left_open = row["fence"] is None and claim.reason.startswith("covered_by")
            assert row["status"] == AttemptStatus.COMPLETED or is_left_open
            assert all(each.status == "available" for each in claim.artifacts)
            return
        assert row["status"] == AttemptStatus.IN_PROGRESS
        if claim.decision is ClaimDecision.RUN:
            assert all(claim.fence > each.fence for each in self.claims)  # type: ignore[operator]
            self.claims.append(claim)

    def as_holder(
        self,
        data: st.DataObject,
        act: Callable[[Claim], object],
        *,
        may_repeat: AttemptStatus | None,
    ) -> None:
        """Let a holder act, which works only while its claim is live, or was acted on already."""
        claim = self.any_claim(data)
        before = self.row(claim.attempt.id)
        is_good = before["is_held"] or before["status"] == may_repeat
        try:
            act(claim)
        except StaleClaim:
            assert not is_good
            after = self.row(claim.attempt.id)
            assert after["status"] in {before["status"], AttemptStatus.LOST}
            assert after["status"] != AttemptStatus.COMPLETED or before == after
        else:
            assert is_good

    def any_claim(self, data: st.DataObject) -> Claim:
        assume(self.claims)
        return self.claims[data.draw(st.integers(0, len(self.claims) - 1))]

    def live_claim(self, state: int, lane: str) -> bool:
        return any(each["is_held"] for each in self.rows("state = %s AND lane = %s", state, lane))

    def row(self, attempt: UUID) -> Row:
        (row,) = self.rows("id = %s", attempt)
        return row

    def rows(self, where: LiteralString, *values: object, order: LiteralString = "") -> list[Row]:
        query = SQL(
            "SELECT id, lane, state, number, status, as_of, ended_at, fence, message,"
            " status = 'in_progress' AND lease_until > clock_timestamp() AS is_held"
            " FROM build_states WHERE build_id = %s AND {} {}"
        ).format(SQL(where), SQL(order))
        return self.connection.execute(query, [self.build.id, *values]).fetchall()


@pytest.fixture
def connection(service: Service) -> Iterator[psycopg.Connection[Row]]:
    with psycopg.connect(service.database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def test_no_interleaving_breaks_the_rules(
    service: Service, connection: psycopg.Connection[Row]
) -> None:
    run_state_machine_as_test(
        lambda: Workers(service, connection),
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # a shrunk example takes too long to find here
            suppress_health_check=list(HealthCheck),
        ),
    )
