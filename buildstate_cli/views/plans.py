"""Plans."""

from buildstate_cli.page import Page, Table
from buildstate_cli.views import words
from buildstate_core.models import Plan
from buildstate_core.vocabulary import BuildStatus

_COLUMNS = ("STATE", "LANE", "DECISION", "WHY", "REASON")

_FREE_TEXT = frozenset({"STATE", "WHY"})


def one(plan: Plan) -> Page:
    """Write what a rerun would do, state by state."""
    rows = [
        (words.state(each.state, each.state_name), each.lane, each.decision, each.text, each.reason)
        for each in plan.milestones
    ]
    table = Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT, empty="Nothing to do.")
    if plan.status in {BuildStatus.COMPLETED, BuildStatus.CANCELLED}:
        return [f"Build #{plan.build} is {plan.status}; there is nothing to run again.", table]
    return [f"A rerun of build #{plan.build} {words.resumption(plan.resume_from)}.", table]
