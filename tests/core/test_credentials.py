"""A URI that holds a credential goes nowhere, and no message repeats it."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from buildstate_core.credentials import credential_in
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ArtifactCreate, Lookup, ProjectCreate, ProjectUpdate
from buildstate_worker.transfer import ArtifactStore

SECRET = "tr0ub4dor"
HOLDING = [
    f"sftp://me:{SECRET}@nas/a.raw",
    f"SFTP://:{SECRET}@nas/a.raw",
    f"s3://AKIA:{SECRET}@builds/a.raw",
    f"https://{SECRET}@host/a.raw",
    f"https://host/a.raw?se=2027&sig={SECRET}",
    f"https://host/a.raw?X-Amz-Date=1&X-Amz-Signature={SECRET}",
    f"https://host/a.raw?x-goog-signature={SECRET}",
    f"https://host/a.raw?Expires=1;Signature={SECRET}",
    f"az://images/a.raw?sv=1&sig={SECRET}",
    f"s3://builds/a.raw?X-Amz-Security-Token={SECRET}",
    f"https://host/a.raw#access_token={SECRET}",
    f"https://host/a.raw?apikey={SECRET}",
]
MODELS: list[tuple[type[BaseModel], str, dict[str, Any]]] = [
    (ArtifactCreate, "uri", {"state": 25, "storage_type": "s3"}),
    (ProjectCreate, "storage_url", {"name": "rhel"}),
    (ProjectUpdate, "storage_url", {}),
]


@pytest.mark.parametrize("uri", HOLDING)
@pytest.mark.parametrize(("model", "field", "rest"), MODELS)
def test_a_credential_in_a_uri_is_refused_and_not_repeated(
    model: type[BaseModel], field: str, rest: dict[str, Any], uri: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({**rest, field: uri})
    [error] = caught.value.errors()
    assert (error["loc"], error["msg"][:20]) == ((field,), "Value error, it hold")
    assert SECRET not in str(caught.value)


def test_neither_does_a_place_hold_one() -> None:
    with pytest.raises(ValidationError, match="holds a password"):
        ProjectUpdate.model_validate({"allowed_places": {"secret": [HOLDING[0]]}})


@pytest.mark.parametrize("uri", HOLDING)
def test_a_worker_does_not_begin_with_it_either(uri: str, tmp_path: Path) -> None:
    store = ArtifactStore(cache_dir=tmp_path)
    with pytest.raises(InvalidInput, match="shows URIs to everybody") as caught:
        store.pull(uri, tmp_path / "a", checksum=None, size_bytes=None)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "uri",
    [
        "sftp://me@nas:2222/a:b@c",
        "abfss://images@account.dfs.core.windows.net/a",
        "ftp://me@host/a",
        "s3://builds/a?versionId=1&design=2",
        "s3://builds/me:you@host/a",
        "https://host/a?sig",
        "file:///srv/a?sig=1",
        "/srv/a?token=1",
        "ceph:pool/image@snap",
        "arn:aws:ec2:eu-west-1:1:snapshot/snap-0abc",
    ],
)
def test_what_is_no_credential_is_let_pass(uri: str) -> None:
    assert credential_in(uri) is None


def test_what_a_storage_lists_is_asked_for_whatever_its_name_is() -> None:
    assert Lookup(uris=("s3://builds/a?sig=1",)).uris == ("s3://builds/a?sig=1",)
