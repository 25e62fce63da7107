"""What a worker learns that does not say which Azure account is meant, or says it wrongly."""

import os
import socket

import pytest
from support.azurite import ACCOUNT, KEY, Azurite
from support.ports import free_port

from buildstate_core.errors import ArtifactUnreachable, Unreachable
from buildstate_worker.storage.azure import storage as azure
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for

URI = "az://images/image.raw"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def storage() -> Storage:
    return storage_for(URI)


def set_environment(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("environ", "why", "hint"),
    [
        pytest.param(
            {}, "no storage account is named", "Set AZURE_STORAGE_ACCOUNT", id="no account"
        ),
        pytest.param(
            {"AZURE_STORAGE_CONNECTION_STRING": "nonsense"},
            "malformed",
            "AZURE_STORAGE_CONNECTION_STRING",
            id="nonsense",
        ),
        pytest.param(
            {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_STORAGE_KEY": "no key"},
            "AZURE_STORAGE_KEY is not a key",
            "Copy AZURE_STORAGE_KEY again",
            id="no key",
        ),
        pytest.param(
            {"AZURE_STORAGE_ACCOUNT": ACCOUNT, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"},
            "no credentials",
            "AZURE_CLIENT_SECRET",
            id="no credentials at all",
        ),
    ],
)
def test_what_is_missing_in_the_environment_is_named(
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    why: str,
    hint: str,
) -> None:
    set_environment(monkeypatch, environ)
    with pytest.raises(ArtifactUnreachable, match=why) as reading:
        storage.size_of(URI)
    assert hint in (reading.value.hint or "")
    assert "\n" not in reading.value.message
    with pytest.raises(Unreachable, match=why), storage.create(URI, expected_bytes=1):
        pass


@pytest.mark.parametrize(
    ("host", "why"),
    [
        pytest.param("nowhere.invalid", "the host nowhere.invalid is not known", id="no host"),
        pytest.param(f"127.0.0.1:{free_port()}", "Connection refused", id="nothing listens"),
    ],
)
def test_an_account_that_cannot_be_reached_is_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, host: str, why: str
) -> None:
    set_environment(monkeypatch, {"AZURE_STORAGE_ACCOUNT_URL": f"http://{host}/{ACCOUNT}"})
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    with pytest.raises(ArtifactUnreachable, match=why) as caught:
        storage.size_of(URI)
    assert "AZURE_STORAGE_ACCOUNT_URL" in (caught.value.hint or "")


def test_a_server_that_never_answers_is_given_up(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure, "_LOOK_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        set_environment(monkeypatch, Azurite(silent.getsockname()[1]).environ())
        with pytest.raises(ArtifactUnreachable, match="timed out"):
            storage.size_of(URI)
