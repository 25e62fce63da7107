"""The service, the storage and the machines in memory; each decision is the rules'."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from support.store import Store

from buildstate_core.errors import ArtifactLost, Refused
from buildstate_core.rules.claims import (
    Answer,
    ClaimQuery,
    Closed,
    Granted,
    HeldByOther,
    Inside,
    RequiresFirst,
    RunFirst,
    Skipped,
)
from buildstate_core.rules.facts import ArtifactFact, AttemptFact, Force, History
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.reads import Reads
from buildstate_core.rules.reasons import ARTIFACT_CORRUPT, ARTIFACT_GONE
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import TRUNK, ArtifactStatus, Kind, Seen
from buildstate_worker.rewind import RUN_FIRST

from . import driver
from .driver import Site
from .pipelines import Milestone
from .project import RULES
from .world import Condition, digest_of

SAID: frozenset[Kind] = frozenset({Kind.GATE, Kind.EFFECT})
"""Kinds that cannot be told from what a milestone leaves."""


def seen(contents: Mapping[str, str | None]) -> Reads:
    """Return what was read as it is recorded."""
    return {path: _seen(path, content) for path, content in contents.items()}


def _seen(path: str, content: str | None) -> tuple[Seen, str | None]:
    if content is None:
        return Seen.ABSENT, None
    return Seen.LISTING if path == RULES else Seen.FILE, digest_of(content)


@dataclass
class ForcedStore(Store):
    """A build of which a person may want things to run again."""

    forces: list[Force] = field(default_factory=list)

    @property
    def history(self) -> History:
        return History.of(self.attempts.values(), self.forces)


@dataclass(frozen=True)
class Work:
    """A milestone that is ours to run."""

    token: int
    restore: Sequence[str]
    is_in_place: bool


@dataclass
class Memory:
    """The service under test and the storage. An artifact is known by its place in the storage."""

    store: ForcedStore = field(default_factory=ForcedStore)
    storage: dict[str, str] = field(default_factory=dict)

    def begin(
        self,
        milestone: Milestone,
        site: Site,
        *,
        is_rewound: bool,
        holds: Callable[[], bool],
    ) -> driver.Skipped | Work:
        refuted, changed = None, None
        while True:
            answer = self._ask(
                milestone, site, is_rewound=is_rewound, refuted=refuted, changed=changed
            )
            match answer:
                case Granted():
                    places = [each.id for has in answer.restore for each in has.artifacts]
                    return Work(max(self.store.tokens), places, answer.is_in_place)
                case Skipped(attempt=attempt):
                    if not self._are_there(attempt):
                        continue
                    changed = self.changed_read(attempt, milestone)
                    is_gone = milestone.kind is Kind.EFFECT and not holds()
                    if changed is not None or is_gone:
                        assert refuted != attempt.id, "a refutation is not heard"
                        refuted = attempt.id
                        continue
                    return driver.Skipped(next((each.digest for each in attempt.artifacts), None))
                case HeldByOther(attempt):
                    assert attempt.lease_until is not None
                    self.store.now = attempt.lease_until
                case RunFirst(state):
                    raise Refused(f"{answer}", state=state, code=RUN_FIRST)
                case RequiresFirst() | Closed() | Inside():
                    raise AssertionError(answer)

    def pull(self, artifact: str, site: Site, lane: str) -> None:
        content, fact = self.storage.get(artifact), self._fact(artifact)
        if content is None or digest_of(content) != fact.digest:
            raise self._lost(artifact, ARTIFACT_GONE if content is None else ARTIFACT_CORRUPT)
        site.write(lane, content)

    def give_up(self, work: Work) -> None:
        self.fail(work)

    def fail(self, work: Work) -> None:
        self._tick()
        self.store.fail(work.token)

    def die(self, work: Work) -> None:
        """Its lease runs out some time later: whoever asks next has to wait for that."""

    def complete(self, work: Work, site: Site, milestone: Milestone) -> tuple[str, str | None]:
        self._tick()
        attempt, content = self.store.tokens[work.token], site.read(milestone.lane)
        if milestone.kind is Kind.CHECKPOINT:
            self.storage[attempt] = content
            facts = (ArtifactFact(id=attempt, digest=digest_of(content)),)
        else:
            facts = ()
        self.store.complete(
            work.token, artifacts=facts, kind=milestone.kind, reads=seen(milestone.reads)
        )
        return step_digest(self.store.attempts[attempt]), attempt if facts else None

    def tamper(self, artifact: str, how: Condition) -> None:
        content = self.storage[artifact]
        if how is Condition.CORRUPT:
            self.storage[artifact] = content[:-1] + "?"
        elif how is Condition.CUT:
            self.storage[artifact] = content[:-1]
        else:
            del self.storage[artifact]
        if how is Condition.RETIRED:
            self._withdraw(artifact, ArtifactStatus.DELETED)

    def force(self, milestone: Milestone) -> None:
        self._tick()
        self.store.forces.append(Force(milestone.state, milestone.lane, self.store.now))

    def _ask(
        self,
        milestone: Milestone,
        site: Site,
        *,
        is_rewound: bool,
        refuted: str | None,
        changed: str | None,
    ) -> Answer:
        self._tick()
        recipe = Recipe(
            kind=milestone.kind if milestone.kind in SAID else None,
            parts=milestone.parts,
            consumes=() if milestone.is_made_from_scratch else None,
        )
        query = ClaimQuery(
            state=milestone.state,
            lane=milestone.lane,
            recipe=recipe,
            machine=frozenset(site.held(milestone.lane)),
            is_rewound=is_rewound,
            refuted=refuted,
            changed_read=changed,
        )
        return self.store.claim(query)

    def changed_read(self, attempt: AttemptFact, milestone: Milestone) -> str | None:
        """Compare what an attempt was seen to read; give the first path that has changed."""
        then = self.store.reads.get(attempt.id, {})
        now = seen({path: milestone.project.at(path) for path in then})
        return next((path for path in sorted(then) if then[path] != now[path]), None)

    def _are_there(self, attempt: AttemptFact) -> bool:
        """Look at the artifacts that could be used; what is lost is taken out of use."""
        for each in attempt.artifacts:
            if each.is_usable and not self.is_there(each.id):
                self._lost(each.id, ARTIFACT_GONE)
                return False
        return True

    def is_there(self, artifact: str) -> bool:
        """Whether something of the right size is in its place: each line ends with a newline."""
        return artifact in self.storage and self.storage[artifact].endswith(("\n", "?"))

    def _lost(self, artifact: str, reason: str) -> ArtifactLost:
        attempt = self.store.attempts[artifact]
        self._withdraw(artifact, ArtifactStatus.QUARANTINED, reason)
        return ArtifactLost(f"{artifact} is lost", reason=reason, state=attempt.state)

    def _withdraw(self, artifact: str, status: ArtifactStatus, reason: str | None = None) -> None:
        attempt = self.store.attempts[artifact]
        lost = replace(self._fact(artifact), status=status, unusable_because=reason)
        self.store.attempts[artifact] = replace(attempt, artifacts=(lost,))

    def _fact(self, artifact: str) -> ArtifactFact:
        return self.store.attempts[artifact].artifacts[0]

    def _tick(self) -> None:
        self.store.now += timedelta(seconds=1)


@dataclass
class Machine:
    """What a machine is, and what it is known to hold."""

    content: str = ""
    held: tuple[str, ...] = ()


@dataclass
class MemorySite:
    """The machines of a worker."""

    machines: dict[str, Machine] = field(default_factory=dict)

    def held(self, lane: str) -> Sequence[str]:
        return self._seen(lane).held

    def hold(self, lane: str, attempts: Sequence[str]) -> None:
        self._own(lane).held = tuple(attempts)

    def begin_anew(self, lane: str) -> None:
        if lane != TRUNK:
            self.machines.pop(lane, None)

    def read(self, lane: str) -> str:
        return self._seen(lane).content

    def write(self, lane: str, content: str) -> None:
        self._own(lane).content = content

    def _seen(self, lane: str) -> Machine:
        return self.machines.get(lane) or self.machines.get(TRUNK, Machine())

    def _own(self, lane: str) -> Machine:
        if lane not in self.machines:
            self.machines[lane] = replace(self._seen(lane))
        return self.machines[lane]
