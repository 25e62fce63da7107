"""A build that the release before recorded goes on with this one."""

import json
from pathlib import Path

import pytest

from buildstate_core.models import Attempt
from buildstate_worker.settings import Settings

from .projects import Trust, called, written
from .upgrade import FILES, PIPELINE, RECORDED, record_as_before

STATES = [each["state"] for each in json.loads(RECORDED.read_text())]


class Upgraded:
    """A build that was recorded before, and machines that go on with it."""

    def __init__(self, trust: Trust, folder: Path, key: str) -> None:
        self.trust, self.folder, self.key = trust, folder, key
        self.machines = 0
        record_as_before(key, Settings.load(trust.environ(f"{key}-before")), folder)

    def run(self, pipeline: str = PIPELINE) -> list[tuple[int, str | None]]:
        """Run the pipeline on a new machine; give what ran, and why."""
        self.machines += 1
        before = len(self.attempts())
        files = {**FILES, "flow.py": pipeline}
        folder = written(self.folder / f"{self.machines}", files)
        called(folder, self.key, Settings.load(self.trust.environ(f"{self.key}-{self.machines}")))
        return [(each.state, each.reason) for each in self.attempts()[before:]]

    def attempts(self) -> list[Attempt]:
        client = self.trust.service.client
        number = next(each.number for each in client.list_builds() if each.key == self.key)
        return sorted(client.history(number), key=lambda each: each.id)


@pytest.fixture
def upgraded(trust: Trust, tmp_path: Path, request: pytest.FixtureRequest) -> Upgraded:
    return Upgraded(trust, tmp_path, request.node.name)


def test_nothing_runs_because_of_it(upgraded: Upgraded) -> None:
    assert [each.state for each in upgraded.attempts()] == STATES
    assert upgraded.run() == []


def test_a_function_that_is_changed_with_it_is_seen(upgraded: Upgraded) -> None:
    changed = PIPELINE.replace('baseline")', 'newer baseline")')
    assert changed != PIPELINE
    assert upgraded.run(changed) == [
        (20, "rewound"),
        (25, "recipe_changed:code"),
        (60, "upstream_changed:25"),
    ]


def test_a_step_that_is_repeated_by_it_stays_the_same_step(upgraded: Upgraded) -> None:
    changed = PIPELINE.replace('baseline")', 'newer baseline")')
    upgraded.run(changed)
    assert upgraded.run(changed) == []
    before, again = (each for each in upgraded.attempts() if each.state == 20)
    assert before.fingerprint["code"] != again.fingerprint["code"]
    assert before.step_digest == again.step_digest


def test_a_parameter_that_it_can_compare_at_last_is_seen_from_then_on(upgraded: Upgraded) -> None:
    """The release before had no digest for a set."""
    changed = PIPELINE.replace('baseline")', 'newer baseline")')
    upgraded.run(changed)
    names = changed.replace('{"x", "y"}', '{"x", "z"}')
    assert upgraded.run(names)[0] == (20, "recipe_changed:param:names")
