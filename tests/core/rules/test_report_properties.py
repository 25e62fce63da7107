"""What holds for plain reports, in whatever order they arrive."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from support.store import Store

from buildstate_core.rules.attempts import REPORTABLE
from buildstate_core.rules.facts import History
from buildstate_core.rules.progress import progress
from buildstate_core.vocabulary import AttemptStatus

from .factories import NOW, STEADY, at, make_artifact

Numbers = tuple[int | None, int, int, int | None, str]
Told = tuple[str, int, AttemptStatus, int, bool]


def numbers(history: History) -> Numbers:
    where = progress(history, last_state=100, required=(10,))
    return where.current_state, where.frontier, where.peak, where.resume_from, where.status


told = st.tuples(
    st.sampled_from(["", "", "eu"]),
    st.sampled_from([10, 25, 100]),
    st.sampled_from(REPORTABLE),
    st.integers(0, 50),
    st.booleans(),
)


def tell(reports: list[Told]) -> Store:
    store = Store(now=NOW)
    for lane, state, status, minute, has_image in reports:
        left = (make_artifact(digest=f"sha256:{minute}"),) if has_image else ()
        artifacts = left if status is AttemptStatus.COMPLETED else ()
        store.report(state, status, at(minute), lane=lane, artifacts=artifacts)
    return store


@given(st.lists(told, max_size=8, unique_by=lambda each: each[3]), st.randoms())
@STEADY
def test_the_order_in_which_reports_arrive_does_not_matter(
    reports: list[Told], random: Random
) -> None:
    shuffled = random.sample(reports, len(reports))
    assert numbers(tell(reports).history) == numbers(tell(shuffled).history)


@given(st.lists(told, max_size=6, unique_by=lambda each: each[3]), st.randoms())
@STEADY
def test_a_report_that_arrives_twice_changes_nothing(reports: list[Told], random: Random) -> None:
    twice = random.sample(reports + reports, 2 * len(reports))
    assert numbers(tell(reports).history) == numbers(tell(twice).history)


@given(st.lists(told, max_size=8, unique_by=lambda each: each[3]))
@STEADY
def test_there_is_never_more_than_one_live_attempt_at_a_milestone(reports: list[Told]) -> None:
    live = [each for each in tell(reports).attempts.values() if each.status.is_live]
    assert len({(each.lane, each.state) for each in live}) == len(live)


@given(st.lists(told, max_size=10))
@STEADY
def test_peak_never_falls_whatever_is_reported(reports: list[Told]) -> None:
    peaks = [
        progress(tell(reports[:count]).history, last_state=100).peak
        for count in range(len(reports) + 1)
    ]
    assert peaks == sorted(peaks)
