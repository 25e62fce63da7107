"""The thread that keeps a claim alive."""

import threading
import time
from typing import Any
from uuid import UUID

import pytest
from support import Service, until

from buildstate_core.errors import NotAllowed, StaleClaim, Unreachable
from buildstate_core.models import Claim, Heartbeat
from buildstate_worker.client import Client
from buildstate_worker.heartbeat import LEASE_RUNNING_OUT, Heart


class Answering:
    """A client whose heartbeats get these answers, the last one for ever."""

    def __init__(self, *answers: BaseException | None) -> None:
        self.answers = list(answers)
        self.beats: list[str] = []

    def heartbeat(self, _: UUID, beat: Heartbeat) -> None:
        self.beats.append(beat.token)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer


def heart(
    client: Any,
    *,
    lease_seconds: float = 0.03,
    told: list[StaleClaim] | None = None,
    **more: Any,
) -> Heart:
    made = Heart(client, UUID(int=1), token="t", lease_seconds=lease_seconds, **more)
    if told is not None:
        made.when_stale(told.append)
    return made.start()


def test_it_beats_until_it_is_stopped() -> None:
    client = Answering(None)
    before = threading.enumerate()
    beating = heart(client)
    until(lambda: len(client.beats) >= 3)
    beating.stop()
    told = len(client.beats)
    assert set(client.beats) == {"t"}
    assert set(threading.enumerate()) <= set(before)
    assert len(client.beats) == told
    beating.stop()  # twice does no harm


def test_it_says_once_that_the_claim_is_lost_and_ends() -> None:
    client = Answering(None, StaleClaim("it was taken over"), None)
    told: list[StaleClaim] = []
    beating = heart(client, told=told)
    until(lambda: told)
    beating.stop()
    assert (beating.stale, len(client.beats)) == (told[0], 2)
    assert len(told) == 1
    beating.stop()


def test_whoever_asks_late_is_told_at_once() -> None:
    client = Answering(StaleClaim("it was taken over"))
    beating = heart(client)
    until(lambda: beating.stale)
    told: list[StaleClaim] = []
    beating.when_stale(told.append)
    beating.stop()
    assert told == [beating.stale]


def test_it_can_be_stopped_from_what_it_calls() -> None:
    stopped = threading.Event()
    client = Answering(StaleClaim("it was taken over"))

    def stop(_: StaleClaim) -> None:
        beating.stop()
        stopped.set()

    beating = Heart(client, UUID(int=1), token="t", lease_seconds=0.03)  # type: ignore[arg-type]
    beating.when_stale(stop)
    beating.start()
    assert stopped.wait(10)


@pytest.mark.parametrize(
    "error",
    [Unreachable("no answer"), NotAllowed("the key is being changed"), RuntimeError("a bug")],
    ids=lambda each: type(each).__name__,
)
def test_it_goes_on_through_whatever_is_no_answer(error: BaseException) -> None:
    client = Answering(error, error, None)
    beating = heart(client)
    until(lambda: len(client.beats) >= 5)
    beating.stop()
    assert beating.stale is None


def test_it_keeps_a_claim_while_python_is_busy(service: Service) -> None:
    build = service.make_build()
    # Long enough for a machine that has more to do: the service is in this process, too.
    claim = service.claim(build, 25, lease_seconds=5)
    assert claim.token is not None
    with Client(service.url, service.key) as client:
        beating = Heart(client, claim.attempt.id, token=claim.token, lease_seconds=5).start()
        end = time.monotonic() + 6
        while time.monotonic() < end:
            sum(range(50_000))
        beating.stop()
    assert beating.stale is None
    assert service.complete(claim).status == "completed"


def test_it_finds_out_that_another_has_taken_over(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25, lease_seconds=600)
    assert claim.token is not None
    told: list[StaleClaim] = []
    with Client(service.url, service.key) as client:
        beating = Heart(client, claim.attempt.id, token=claim.token, lease_seconds=0.1)
        beating.when_stale(told.append)
        beating.start()
        service.expire(claim.attempt.id)
        other: Claim = service.claim(build, 25, "worker-b")
        until(lambda: told)
        beating.stop()
    assert other.reason == "lost_worker"
    assert "Claim the milestone again" in str(told[0])


class TestEffect:
    """It stops itself before its lease can have run out unseen."""

    def test_without_a_renewal_it_is_told_before_the_lease_ends(self) -> None:
        told: list[tuple[str, float]] = []
        client: Any = Answering(Unreachable("no answer"))
        began = time.monotonic()
        beating = Heart(client, UUID(int=1), token="t", lease_seconds=0.6, stops_by_itself=True)
        beating.when_stale(lambda error: told.append((error.code, time.monotonic() - began)))
        beating.start()
        until(lambda: told)
        beating.stop()
        [(code, after)] = told
        assert code == LEASE_RUNNING_OUT
        assert after >= 0.4
        assert beating.stale is not None
        assert "another worker may begin this effect" in str(beating.stale)

    def test_a_renewal_that_hangs_does_not_keep_it_from_being_told(self) -> None:
        hanging = Hanging()
        told: list[StaleClaim] = []
        beating = heart(hanging, lease_seconds=0.3, stops_by_itself=True, told=told)
        until(lambda: told)
        beating.stop()  # does not wait for what hangs
        assert hanging.is_asked.is_set()
        hanging.end.set()

    def test_renewals_put_it_off(self) -> None:
        client = Answering(Unreachable("once"), None)
        told: list[StaleClaim] = []
        beating = heart(client, lease_seconds=3, stops_by_itself=True, told=told)
        until(lambda: len(client.beats) >= 4)  # more than one lease
        beating.stop()
        assert (told, beating.stale) == ([], None)

    def test_the_lease_runs_from_when_it_was_asked_for(self) -> None:
        told: list[StaleClaim] = []
        beating = heart(
            Answering(None),
            lease_seconds=600,
            stops_by_itself=True,
            leased_at=time.monotonic() - 595,
            told=told,
        )
        until(lambda: told)
        beating.stop()

    def test_it_is_told_once_whatever_comes_first(self) -> None:
        told: list[StaleClaim] = []
        beating = heart(
            Answering(StaleClaim("it was taken over")),
            lease_seconds=0.06,
            stops_by_itself=True,
            told=told,
        )
        until(lambda: told)
        beating.stop()
        assert len(told) == 1

    def test_all_else_goes_on_through_an_outage(self) -> None:
        client = Answering(Unreachable("no answer"))
        beating = heart(client, lease_seconds=0.03)
        until(lambda: len(client.beats) >= 10)  # three leases
        beating.stop()
        assert beating.stale is None


class Hanging:
    """A client whose service does not answer."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.end = threading.Event()

    def heartbeat(self, *_: Any) -> None:
        self.is_asked.set()
        self.end.wait(30)
        raise Unreachable("no answer")
