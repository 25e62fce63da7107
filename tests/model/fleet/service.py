"""The service and the storage in memory, for several machines; each decision is the rules'."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from support.store import Stale

from buildstate_core.errors import ArtifactLost
from buildstate_core.rules.claims import Answer, ClaimQuery, Granted
from buildstate_core.rules.facts import ArtifactFact, AttemptFact
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.progress import progress
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import TRUNK, ArtifactKind, BuildStatus, Kind

from ..memory import SAID, Memory, seen
from ..pipelines import Milestone
from ..world import Outcome, Try, World, digest_of
from .stories import END

LEASE: Final = timedelta(seconds=20)


@dataclass(kw_only=True)
class FleetTry(Try):
    """One try at a milestone, by one of several machines.

    Attributes:
        token: What it may be recorded by.
        nonce: What is in what it makes this time only.
        expected: The machine that it has to be done to.
        after: The machine as it left it.
        is_kept_alive: Whether its heartbeat is heard.
        is_provisional: Whether a checkpoint below was known to be lost when it began.
    """

    token: int
    nonce: str
    expected: str = ""
    after: str = ""
    is_kept_alive: bool = True
    is_provisional: bool = False


@dataclass
class FleetWorld(World):
    """All tries, in order, and what effects and gates have last done."""

    @property
    def at_work(self) -> list[FleetTry]:
        return [
            each
            for each in self.tries
            if isinstance(each, FleetTry) and each.outcome is Outcome.AT_WORK
        ]

    def newest(self, milestone: Milestone) -> Try | None:
        """Return the newest try that has ended."""
        return self.last(milestone, besides={Outcome.AT_WORK})

    def last(self, milestone: Milestone, *, besides: Collection[Outcome] = ()) -> Try | None:
        for each in reversed(self.tries):
            if each.milestone.key == milestone.key and each.outcome not in besides:
                return each
        return None

    def done(self, milestone: Milestone) -> Try | None:
        """Return the newest try that was completed."""
        return self.last(milestone, besides=set(Outcome) - {Outcome.COMPLETED})


@dataclass
class FleetMemory(Memory):
    """The service under test and the storage.

    Attributes:
        is_delivered: Whether the build is complete, and takes no more work.
        version: Rises whenever a worker that waits may be answered something else.
    """

    world: FleetWorld = field(default_factory=FleetWorld)
    is_delivered: bool = False
    version: int = 0

    def ask(
        self,
        milestone: Milestone,
        held: Sequence[str],
        *,
        is_rewound: bool = False,
        refuted: str | None = None,
        changed: str | None = None,
        inside: Collection[str] = (),
    ) -> Answer:
        self.pass_time(timedelta(seconds=1))
        query = ClaimQuery(
            state=milestone.state,
            lane=milestone.lane,
            recipe=Recipe(
                kind=milestone.kind if milestone.kind in SAID else None,
                parts=milestone.parts,
                consumes=() if milestone.is_made_from_scratch else None,
            ),
            machine=frozenset(held),
            is_rewound=is_rewound,
            refuted=refuted,
            changed_read=changed,
            inside=inside,
        )
        answer = self.store.claim(query, lease=LEASE, is_closed=self.is_delivered)
        self.version += isinstance(answer, Granted)
        return answer

    def begun(self, milestone: Milestone) -> FleetTry:
        """Note the try that was just granted."""
        token = max(self.store.tokens)
        has_nonce = milestone.is_unequal and milestone.kind is Kind.CHECKPOINT
        record = FleetTry(
            milestone=milestone,
            outcome=Outcome.AT_WORK,
            token=token,
            nonce=f" #{token}" if has_nonce else "",
        )
        self.world.tries.append(record)
        return record

    def pass_time(self, time: timedelta) -> None:
        """Let time pass; whoever is well is heard of often enough."""
        end = self.store.now + time
        while self.store.now < end:
            self.store.now = min(end, self.store.now + LEASE / 2)
            self.store.settle()
            for each in self.world.at_work:
                attempt = self.store.attempts[self.store.tokens[each.token]]
                if not attempt.status.is_live:
                    each.outcome = Outcome.LOST
                    self.version += 1
                elif each.is_kept_alive:
                    self.store.heartbeat(each.token, lease=LEASE)

    def are_there(self, attempt: AttemptFact) -> bool:
        return self._are_there(attempt)

    def finish(self, record: FleetTry) -> str:
        """Record that a try has succeeded, and give the digest of what went into it.

        Raises:
            Stale: Somebody else may have it by now.
        """
        self.pass_time(timedelta(seconds=1))
        milestone, content = record.milestone, record.after
        id_ = self.store.tokens[record.token]
        facts: tuple[ArtifactFact, ...] = ()
        if milestone.kind is Kind.CHECKPOINT:
            facts = (ArtifactFact(id=id_, digest=digest_of(content)),)
        elif milestone.leaves_a_value and milestone.kind is Kind.STEP:
            facts = (ArtifactFact(id=id_, kind=ArtifactKind.VALUE, digest=digest_of("42\n")),)
            self.storage[id_] = "42\n"  # in the record itself: it is never lost
        self.store.complete(record.token, artifacts=facts, reads=seen(milestone.reads))
        record.outcome = Outcome.COMPLETED
        if milestone.kind is Kind.CHECKPOINT:
            self.storage[id_], record.artifact = content, id_
            self.world.nonces[milestone.key] = record.nonce
        self.version += 1
        return step_digest(self.store.attempts[id_])

    def end_badly(self, record: FleetTry, outcome: Outcome) -> None:
        """Record that a try has failed, if it is still ours to say."""
        self.pass_time(timedelta(seconds=1))
        try:
            self.store.fail(record.token)
        except Stale:
            return
        record.outcome = outcome
        self.version += 1

    def _lost(self, artifact: str, reason: str) -> ArtifactLost:
        for each in self.world.tries:
            each.is_found_out |= each.artifact == artifact
        self.version += 1
        return super()._lost(artifact, reason)

    def says_delivered(self, lanes: Collection[str]) -> bool:
        """Whether the service takes the build for complete, with all lanes that it will have."""
        known = self.store.history
        if not set(lanes) - {TRUNK} <= set(known.lanes):
            return False
        return progress(known, last_state=END).status is BuildStatus.COMPLETED
