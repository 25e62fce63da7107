"""How the tests are spread over several workers of pytest-xdist: by file mostly, slow ones first.

A slow file that is begun last is waited for by one worker alone.
"""

from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

ON_PREFECT: Final = tuple(
    f"tests/flows/test_{name}.py"
    for name in ("engine", "stopping", "prefect", "processes", "deriving", "server")
)
"""All on one worker: it starts the Prefect server that they share, in half a minute."""

RESUMES: Final = "tests/api/resumes/"
"""On one worker as well, with a Prefect server of another kind."""

ENDURANCE: Final = "tests/worker/storage/test_endurance.py"
"""By storage, over several workers: the whole file takes one of them minutes."""

SLOW: Final = (
    *ON_PREFECT,
    ENDURANCE,
    "tests/cli/test_server.py",
    "tests/docs/test_use_cases.py",
    "tests/test_interruption.py",
    "tests/chaos/test_chaos.py",
    "tests/flows/test_cancelling.py",
    "tests/e2e/test_several_machines.py",
    "tests/worker/storage/test_contract.py",
    "tests/e2e/test_downloaded_bytes.py",
    "tests/e2e/test_worker_pool.py",
    "tests/e2e/test_shell_signals.py",
    "tests/e2e/test_shell_commands.py",
    "tests/e2e/test_shell_pipeline.py",
    "tests/api/embedded/test_crashes.py",
    "tests/api/attempts/test_outages.py",
    "tests/e2e/test_claims_between_processes.py",
    "tests/api/rest/test_openapi.py",
    "tests/docs/test_snippets.py",
    "tests/e2e/test_storage_faults.py",
    "tests/e2e/test_demo.py",
    "tests/api/embedded/test_start.py",
    "tests/cli/test_run_signals.py",
    "tests/api/resumes/test_successors.py",
    "tests/api/resumes/test_what_is_resumed.py",
    "tests/api/resumes/test_requested_by_hand.py",
    "tests/api/claims/test_interleavings.py",
    "tests/docs/test_storage_pages.py",
    "tests/worker/storage/test_failures.py",
    "tests/worker/handles/test_aws.py",
    "tests/cli/test_run_rewind.py",
    "tests/cli/test_run_machine.py",
    "tests/api/embedded/test_users.py",
    "tests/flows/test_cancelling_anytime.py",
    "tests/model/fleet/test_fleet_mutations.py",
    "tests/model/flows/test_flow_mutations.py",
    "tests/model/flows/test_flow_model.py",
    "tests/model/test_mutations.py",
    "tests/model/test_real_model.py",
    "tests/model/test_resume_model.py",
    "tests/cli/test_spool.py",
)
"""Slowest first. The others take some seconds each, and fill what is left at the end."""


class SlowFilesFirst(LoadFileScheduling):
    """Gives a worker one file at a time, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        config.option.loadscopereorder = False  # else those with the most tests come first
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if file in ON_PREFECT:
            return "prefect"
        if file.startswith(RESUMES):
            return RESUMES
        if file == ENDURANCE:
            return f"{file} {nodeid.rpartition('[')[2].partition('-')[0].rstrip(']')}"
        return file


def slow_files_first(items: list[pytest.Item]) -> None:
    """Sort what was collected, which is the order in which it is given out."""
    places = {file: place for place, file in enumerate(SLOW)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(SLOW)))
