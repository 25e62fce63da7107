import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import support
from support import Service, image

from buildstate_api.rest.openapi import EXAMPLES
from buildstate_core import models

HOOKS = Path(support.__file__).parent

CONFIG = """
[generation]
allow-x00 = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "404", "409", "412"]

# What JSON Schema cannot say: a cursor is one that the service gave, codes and names are given
# once, a code that is required is listed, a reason is more than spaces, so is a build's key, which
# nothing in it hides, a storage is one that could be written to, where to start is of some build,
# and 2**63 - 1 is not 2**63 - 1 in floating point.
[[operations]]
include-operation-id-regex = "^({operations})"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "404", "409", "412", "422"]

# Where this is asked, other methods say that "lookup" is no artifact's id.
[[operations]]
include-operation-id-regex = "^look_up"
checks.unsupported_method.enabled = false
checks.allow_header_conformance.enabled = false
"""
OPERATIONS = (
    "list_",
    "get_history",
    "get_events",
    "create_project",
    "create_build",
    "derive_build",
    "set_catalog",
    "complete",
    "heartbeat",
    "report",
    "verify",
    "update_project",
    "adopt",
    "waive",
    "force",
    "cancel",
    "revoke",
    "find_artifacts",
    "create_artifact",
    "hold",
    "delete",
)


@pytest.fixture
def schemathesis(service: Service, tmp_path: Path) -> Callable[..., str]:
    """Run schemathesis on a service with something in it, and give what it said."""
    build = service.make_build()
    artifact = service.complete(service.claim(build, 25), image()).artifacts[0]
    paths = {
        "project": build.project,
        "build": str(build.number),
        "attempt": str(service.claim(build, 50).attempt.id),
        "artifact": str(artifact.id),
    }
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(operations="|".join(OPERATIONS)))

    def run(*options: str) -> str:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                f"--config-file={config}",
                "run",
                f"{service.url}/openapi.json",
                f"--header=Authorization: Bearer {service.key}",
                "--phases=examples,coverage,fuzzing",
                "--generation-deterministic",
                "--no-color",
                *options,
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(HOOKS),
                "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                "BLDST_TEST_PATHS": json.dumps(paths),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_schemathesis_finds_nothing(schemathesis: Callable[..., str]) -> None:
    said = schemathesis("--max-examples=6", "--exclude-method=DELETE")
    assert "Authentication failed" not in said


def test_schemathesis_finds_nothing_in_what_deletes(schemathesis: Callable[..., str]) -> None:
    # Apart from the others, since it may hit on its own key.
    schemathesis("--max-examples=10", "--include-method=DELETE")


def test_every_operation_tells_its_problems(service: Service) -> None:
    document = service.request("GET", "/openapi.json").json
    assert "HTTPValidationError" not in str(document)
    seen = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            problems = {
                status: each for status, each in operation["responses"].items() if status >= "4"
            }
            expected = {"503"} if path in {"/healthz", "/readyz"} else {"401", "503"}
            assert expected <= problems.keys(), path
            for each in problems.values():
                assert each["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
            seen += 1
    assert seen > 20


def test_every_example_is_one() -> None:
    for name, example in EXAMPLES.items():
        getattr(models, name).model_validate(example)


def test_every_request_has_an_example(service: Service) -> None:
    document = service.request("GET", "/openapi.json").json
    bodies: set[Any] = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for methods in document["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert bodies == set(EXAMPLES)
