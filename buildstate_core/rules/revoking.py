"""What was made from an artifact that is not to be used again."""

from collections.abc import Collection, Mapping

from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.fingerprints import upstream_state
from buildstate_core.vocabulary import TRUNK, AttemptStatus


def made_from(history: History, artifact_id: str) -> tuple[AttemptFact, ...]:
    """Return the attempts of a build whose results contain an artifact, its own attempt first.

    One that is still at work is among them: what it will make contains it.

    Where an attempt recorded what it consumed, that decides. Where it did not, whatever completed
    after the artifact was there and at a later state is taken to contain it: here doubt speaks
    against use.

    Args:
        history: All attempts of the build, and those that it inherited.
        artifact_id: The artifact. Empty if no attempt of this build has it.
    """
    maker = next(
        (each for each in history.attempts if artifact_id in {has.id for has in each.artifacts}),
        None,
    )
    if maker is None:
        return ()
    tainted = {maker.id: maker}
    later = sorted(
        (each for each in history.attempts if each.state > maker.state),
        key=lambda each: (each.order, each.state),
    )
    for attempt in later:
        if _contains(attempt, tainted.values(), history.attempts):
            tainted[attempt.id] = attempt
    return tuple(tainted.values())


def _contains(
    attempt: AttemptFact, tainted: Collection[AttemptFact], known: Collection[AttemptFact]
) -> bool:
    if attempt.status is not AttemptStatus.COMPLETED and not attempt.status.is_live:
        return False
    sources = _sources(attempt, known)
    below = [
        each
        for each in tainted
        if each.state < attempt.state
        and each.lane in {TRUNK, attempt.lane}
        and _was_there_before(each, attempt)
    ]
    if not sources:
        return bool(below)
    return any(sources.get(each.state) is each for each in below)


def _sources(attempt: AttemptFact, known: Collection[AttemptFact]) -> Mapping[int, AttemptFact]:
    """Return the attempts that an attempt consumed, by state: of each the newest at that time."""
    states = {upstream_state(part) for part in attempt.fingerprint} - {None}
    return {
        each.state: each
        for each in sorted(known, key=lambda each: each.order)
        if each.state in states
        and each.lane in {TRUNK, attempt.lane}
        and each.status is AttemptStatus.COMPLETED
        and _was_there_before(each, attempt)
    }


def _was_there_before(source: AttemptFact, attempt: AttemptFact) -> bool:
    if source.origin is not None:
        return True
    began = attempt.started_at or attempt.as_of
    return source.ended_at is None or source.ended_at <= began
