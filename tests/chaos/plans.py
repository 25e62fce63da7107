"""Histories: what happens to a build, to the pipeline, and to those who make it, by one seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from signal import SIGKILL, SIGSTOP, Signals
from typing import Final

from .pipelines import Pipeline, changed, random_pipeline


class Victim(StrEnum):
    """Whom or what an injection hits."""

    RUNNER = "runner"
    """`bldst run`, whatever it does."""
    RUNNER_AT_WORK = "runner at work"
    """`bldst run`, while its command runs."""
    COMMAND = "command"
    GRANDCHILD = "grandchild"
    """What the command has started."""
    GUARD = "guard"
    """What ends the command if its runner is gone."""
    RUNNER_AND_GUARD = "runner and guard"
    MACHINE = "machine"
    """Everything that a worker runs."""
    SERVICE = "service"
    POSTGRES = "postgres"
    AUTHOR = "author"
    """The next pass fails at a state, by itself."""
    PERSON = "person"
    """Somebody has everything from a state on made again."""


SERVERS: Final = frozenset({Victim.SERVICE, Victim.POSTGRES})


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One thing that goes wrong.

    Attributes:
        at: When, in seconds from the round's beginning.
        worker: Whose process it is; counted from 0.
        signal: What it gets: SIGKILL, or SIGSTOP and later SIGCONT.
        seconds: For how long it is frozen; for a server that is killed, how long it is away.
        state: For what is no signal, at which milestone, counted in the pipeline.
        is_replaced: Whether a machine that is killed comes back empty.
    """

    at: float
    victim: Victim
    worker: int = 0
    signal: Signals = SIGKILL
    seconds: float = 0.0
    state: int = 0
    is_replaced: bool = False


class Ending(StrEnum):
    """How the passes of an older pipeline end, before the newer one begins."""

    WAITED = "waited for"
    KILLED = "killed"
    FROZEN = "frozen"
    """A runner at work is frozen until its lease is long over; the others are killed."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """A time in which the pipeline stays as it is.

    Attributes:
        is_whole: Whether the publishing at its end is part of it.
    """

    pipeline: Pipeline
    is_whole: bool
    seconds: float
    injections: Sequence[Injection]
    ending: Ending = Ending.WAITED


@dataclass(frozen=True, kw_only=True)
class History:
    """All of it.

    Attributes:
        shared: The workers that share a cache.
        is_on_s3: Whether artifacts go to an S3 server, and not to a folder.
        hasty: The workers that try again at once, while the guard still ends what a killed pass
            has left; the others wait until it has.
    """

    seed: int
    workers: int
    shared: frozenset[int]
    lease_seconds: int
    is_on_s3: bool
    hasty: frozenset[int]
    rounds: Sequence[Round]

    def __str__(self) -> str:
        storage = "s3" if self.is_on_s3 else "file"
        lines = [
            f"history {self.seed}: {self.workers} workers, leases of {self.lease_seconds} s",
            f"artifacts on {storage}, cache shared by {sorted(self.shared)}",
            f"trying again at once: {sorted(self.hasty)}",
        ]
        for number, round_ in enumerate(self.rounds, 1):
            lines.append(
                f"round {number}: {round_.seconds} s, whole={round_.is_whole}, then {round_.ending}"
            )
            lines += [
                f"  {each.name:6} {each.kind:10} v{each.version} told by {each.told_by}"
                f"{' nonce' if each.has_nonce else ''}"
                for each in round_.pipeline
            ]
        return "\n".join(lines)


_WEIGHTS: Final = {
    Victim.RUNNER: 3,
    Victim.RUNNER_AT_WORK: 6,
    Victim.COMMAND: 3,
    Victim.GRANDCHILD: 1,
    Victim.GUARD: 2,
    Victim.RUNNER_AND_GUARD: 2,
    Victim.MACHINE: 3,
    Victim.SERVICE: 2,
    Victim.POSTGRES: 1,
    Victim.AUTHOR: 1,
    Victim.PERSON: 2,
}
_FREEZABLE: Final = frozenset(
    {Victim.RUNNER, Victim.RUNNER_AT_WORK, Victim.COMMAND, Victim.GUARD, Victim.SERVICE}
)


def history(seed: int, *, is_short: bool = False) -> History:
    """Give the history of a seed; a short one has few states, and few workers mostly."""
    random = Random(seed)  # noqa: S311 - it has to be the same again
    workers = 2 if random.random() < (0.8 if is_short else 0.5) else 3
    lease = random.choice((2, 2, 3))
    pipeline = random_pipeline(random, is_short=is_short)
    has_publishing = random.random() < 0.25
    count = random.choice((0, 0, 1, 1, 1, 2)) if not is_short else random.choice((0, 1, 1))
    rounds = []
    for left in range(count, -1, -1):
        rounds.append(
            Round(
                pipeline=pipeline,
                is_whole=left == 0 or has_publishing,
                seconds=_length(random, is_short=is_short, is_last=left == 0),
                injections=(),
                ending=random.choice(tuple(Ending)),
            )
        )
        for _ in range(random.choice((1, 1, 2))):
            pipeline = changed(pipeline, random)
    servers = 1 if is_short else 2
    finished = []
    for each in rounds:
        injections = _injections(random, each, workers, lease, servers)
        servers -= sum(injection.victim in SERVERS for injection in injections)
        finished.append(replace(each, injections=injections))
    shared = frozenset(n for n in range(workers) if random.random() < 0.5)
    return History(
        seed=seed,
        workers=workers,
        shared=shared,
        lease_seconds=lease,
        is_on_s3=random.random() < 0.12,
        hasty=frozenset(n for n in range(workers) if random.random() < 0.4),
        rounds=tuple(finished),
    )


def _length(random: Random, *, is_short: bool, is_last: bool) -> float:
    """Draw how long a round is. In a long history, things go wrong until its end."""
    if is_short:
        return round(random.uniform(1.2, 2.5), 1)
    return round(random.uniform(5.0, 9.0) if is_last else random.uniform(2.5, 5.0), 1)


def _injections(
    random: Random, round_: Round, workers: int, lease: int, servers: int
) -> Sequence[Injection]:
    """Draw what goes wrong in a round; at most so many servers are among it."""
    found = []
    for _ in range(round(round_.seconds * random.uniform(1.0, 1.6))):
        victim = random.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
        if victim in SERVERS:
            if servers == 0:
                victim = Victim.RUNNER_AT_WORK
            servers -= victim in SERVERS
        is_frozen = victim in _FREEZABLE and random.random() < 0.55
        found.append(
            Injection(
                at=round(random.uniform(0.3, round_.seconds), 2),
                victim=victim,
                worker=random.randrange(workers),
                signal=SIGSTOP if is_frozen else SIGKILL,
                seconds=_how_long(random, victim, lease, is_frozen=is_frozen),
                state=random.randrange(len(round_.pipeline)),
                is_replaced=random.random() < 0.4,
            )
        )
    return tuple(sorted(found, key=lambda each: each.at))


def _how_long(random: Random, victim: Victim, lease: int, *, is_frozen: bool) -> float:
    if victim in SERVERS:
        return round(random.uniform(0.0, 3.5), 1)
    if not is_frozen:
        return 0.0
    # Mostly until others have taken over, and sometimes not so long.
    is_beyond = random.random() < 0.7
    return round(
        random.uniform(lease + 0.5, lease + 2.0) if is_beyond else random.uniform(0.2, 1.2), 1
    )
