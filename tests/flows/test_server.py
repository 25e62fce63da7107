"""Where the service is, as a block that Prefect keeps."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.plugins import load_prefect_collections
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr, ValidationError

import buildstate_flows
from buildstate_core.errors import InvalidInput
from buildstate_flows import BuildStateServer, build, milestone

pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket")


@pytest.fixture
def block(worker_a: Any, monkeypatch: pytest.MonkeyPatch) -> BuildStateServer:
    """A block for a worker whose environment says everything but that."""
    for name, value in worker_a.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BLDST_API_KEY")
    monkeypatch.delenv("BLDST_API_URL")
    key = SecretStr(worker_a.environ["BLDST_API_KEY"])
    return BuildStateServer(api_url=worker_a.environ["BLDST_API_URL"], api_key=key)


def test_prefect_finds_the_collection() -> None:
    assert load_prefect_collections()["buildstate"] is buildstate_flows


@pytest.mark.usefixtures("prefect")
def test_a_block_that_was_registered_and_saved_opens_builds_by_its_name(
    block: BuildStateServer, worker_a: Any
) -> None:
    subprocess.run(
        [Path(sys.executable).with_name("prefect"), "block", "register", "-m", "buildstate_flows"],
        env={**worker_a.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())},
        check=True,
        capture_output=True,
    )
    block.save("images", _sync=True)  # type: ignore[call-arg]
    with build("rhel-base", "9.6", server="images"):
        assert milestone(state=20)(lambda: 1)() == 1
    assert worker_a.history()[0].worker == "worker-a"
    with (
        pytest.raises(InvalidInput, match="no block buildstate-server/image in Prefect"),
        build("rhel-base", "9.6", server="image"),
    ):
        pass


def test_a_block_of_ones_own_may_name_the_worker_too(
    block: BuildStateServer, worker_a: Any
) -> None:
    own = block.model_copy(update={"worker": "packer-07", "lease_seconds": 30})
    with build("rhel-base", "9.6", server=own) as this:
        assert this._session.settings.lease_seconds == 30
        milestone(state=20)(lambda: 1)()
    assert worker_a.history()[0].worker == "packer-07"


def test_a_worker_does_not_show_its_own_key_to_another_server(worker_a: Any) -> None:
    own = worker_a.settings
    elsewhere = BuildStateServer(api_url="https://elsewhere.example/")
    assert elsewhere.settings(own).api_key is None
    assert BuildStateServer(api_url=f"{own.api_url}/").settings(own).api_key == own.api_key


def test_what_cannot_be_a_server_is_refused(worker_a: Any) -> None:
    with pytest.raises(ValidationError, match="api_url"):
        BuildStateServer(api_url="images")
    block = BuildStateServer(api_url="http://127.0.0.1:1")
    with (
        pytest.raises(InvalidInput, match="Both server and settings"),
        worker_a.build(server=block),
    ):
        pass
