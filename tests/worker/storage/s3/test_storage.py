"""What is S3's alone: whom to blame when it does not answer, and how long that may take."""

import os
from pathlib import Path
from typing import Any

import pytest
from support.s3_front import fronted

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, InvalidInput, Unreachable
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.storage.s3 import session as aws_session
from buildstate_worker.storage.s3.client import Clients, Options
from buildstate_worker.storage.s3.storage import PART_BYTES, _part_bytes
from buildstate_worker.transfer import ArtifactStore

AT_MOST_SECONDS = 15
PAUSE_SECONDS = 1
"""What botocore waits at most before its first repetition."""

URI = "s3://images/123/image.raw"


@pytest.mark.usefixtures("s3_environment")
def test_an_endpoint_that_is_no_url_is_named(
    store: ArtifactStore, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(ArtifactUnreachable, match=r"Invalid endpoint.*AWS_ENDPOINT_URL") as caught:
        store.check(URI, size_bytes=8)
    assert URI in caught.value.message
    with pytest.raises(ArtifactUnreachable):
        store.pull(URI, workspace / "new", checksum=None, size_bytes=None)


def test_nobody_waits_long_for_an_answer_to_a_question() -> None:
    tries = aws_session.LOOKS
    for seconds in (aws_session.LOOK_SECONDS, aws_session.CONNECT_SECONDS):
        assert tries * seconds + (tries - 1) * PAUSE_SECONDS < AT_MOST_SECONDS


@pytest.mark.usefixtures("s3_environment")
def test_without_keys_it_says_so(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ArtifactUnreachable, match=r"credentials.*AWS_ACCESS_KEY_ID"):
        store.check(URI, size_bytes=8)


@pytest.mark.usefixtures("s3_environment")
def test_a_missing_bucket_is_named_whatever_is_done(store: ArtifactStore, workspace: Path) -> None:
    source = workspace / "image.raw"
    source.write_bytes(b"an image")
    with pytest.raises(ArtifactUnreachable, match="there is no bucket imags"):
        store.check("s3://imags/image.raw", size_bytes=8)
    with pytest.raises(Unreachable, match="bucket"):
        store.push(source, "s3://imags/image.raw")
    with pytest.raises(Unreachable, match="bucket"):
        store.discard("s3://imags/image.raw")


def test_a_prefix_is_not_an_artifact(store: ArtifactStore, bucket: Any) -> None:
    bucket.write("123/image.raw", b"an image")
    with pytest.raises(ArtifactLost) as caught:
        store.check(bucket.uri("123"), size_bytes=None)
    assert caught.value.reason == "artifact_gone"


@pytest.mark.parametrize("uri", ["s3://", "s3://images", "s3://images/", "s3://images/123/"])
def test_a_uri_that_names_no_object_is_refused(store: ArtifactStore, uri: str) -> None:
    with pytest.raises(InvalidInput, match="does not name an object"):
        store.check(uri, size_bytes=None)


def test_an_object_replaced_while_it_is_read_is_not_mixed(bucket: Any) -> None:
    bucket.write("image.raw", b"1" * (PART_BYTES + 1))
    storage = storage_for(bucket.root)
    uri = bucket.uri("image.raw")
    assert storage.size_of(uri) == PART_BYTES + 1
    assert set(storage.read(uri, 0, PART_BYTES)) == set(b"1")
    bucket.write("image.raw", b"2" * (PART_BYTES + 1))
    with pytest.raises(ArtifactUnreachable, match="replaced while it was read"):
        storage.read(uri, PART_BYTES, 1)
    assert storage.size_of(uri) == PART_BYTES + 1
    assert storage.read(uri, PART_BYTES, 1) == b"2"


def test_a_worker_may_fork_after_using_s3(store: ArtifactStore, bucket: Any) -> None:
    bucket.write("image.raw", b"an image")
    store.check(bucket.uri("image.raw"), size_bytes=8)
    child = os.fork()
    if child == 0:
        try:
            store.check(bucket.uri("image.raw"), size_bytes=8)
        except BaseException:  # noqa: BLE001 - the parent looks at the exit code
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_upload_never_needs_more_parts_than_s3_takes() -> None:
    assert _part_bytes(0) == PART_BYTES
    assert 5 * 2**40 / _part_bytes(5 * 2**40) < 10_000


BAD_OPTIONS = [
    pytest.param({"BLDST_S3_ADDRESSING_STYLE": "Path"}, id="style"),
    pytest.param({"BLDST_S3_SSE": "aes"}, id="encryption"),
    pytest.param({"BLDST_S3_SSE": "AES256", "BLDST_S3_KMS_KEY_ID": "k"}, id="key for no KMS"),
    pytest.param({"BLDST_S3_STORAGE_CLASS": "cold storage"}, id="class"),
    pytest.param({"BLDST_S3_STORAGE_CLASS": "GLACIER"}, id="class that cannot be read"),
]


@pytest.mark.parametrize("environ", BAD_OPTIONS)
def test_a_bad_option_is_named_before_anything_is_sent(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        store.check(URI, size_bytes=8)
    assert caught.value.field in environ
    assert caught.value.field in caught.value.message


def test_new_objects_are_encrypted_and_classed_as_the_worker_says(
    store: ArtifactStore, bucket: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLDST_S3_SSE", "aws:kms")
    monkeypatch.setenv("BLDST_S3_KMS_KEY_ID", "alias/images")
    monkeypatch.setenv("BLDST_S3_STORAGE_CLASS", "STANDARD_IA")
    source = workspace / "image.raw"
    source.write_bytes(b"an image")
    store.push(source, bucket.uri("image.raw"))
    store.storage(bucket.root).copy(bucket.uri("image.raw"), bucket.uri("copy.raw"))
    for name in ("image.raw", "copy.raw"):
        head = bucket.s3.head_object(Bucket=bucket.name, Key=name)
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["SSEKMSKeyId"] == "alias/images"
        assert head["StorageClass"] == "STANDARD_IA"


STYLES = [
    pytest.param({}, "https://images.s3.amazonaws.com/a", id="AWS"),
    pytest.param({"AWS_ENDPOINT_URL": "http://minio"}, "http://minio/images/a", id="endpoint"),
    pytest.param({"AWS_ENDPOINT_URL_S3": "http://minio"}, "http://minio/images/a", id="for S3"),
    pytest.param(
        {"AWS_ENDPOINT_URL": "http://minio", "BLDST_S3_ADDRESSING_STYLE": "virtual"},
        "http://images.minio/a",
        id="endpoint and virtual",
    ),
    pytest.param(
        {"BLDST_S3_ADDRESSING_STYLE": "path"}, "https://s3.amazonaws.com/images/a", id="path"
    ),
]


@pytest.mark.parametrize(("environ", "url"), STYLES)
@pytest.mark.usefixtures("s3_environment")
def test_the_bucket_is_named_where_the_server_looks_for_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], url: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = Clients(Options.load(os.environ)).looking()
    signed = client.generate_presigned_url("get_object", Params={"Bucket": "images", "Key": "a"})
    client.close()
    assert signed.partition("?")[0] == url


PROFILE = """
[profile person]
aws_access_key_id = testing
aws_secret_access_key = testing
[profile builder]
role_arn = arn:aws:iam::123456789012:role/builder
source_profile = person
region = eu-west-1
"""


def test_a_profile_may_take_on_a_role(
    store: ArtifactStore,
    bucket: Any,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "aws-config").write_text(PROFILE)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_PROFILE", "builder")
    source = workspace / "image.raw"
    source.write_bytes(b"an image")
    with fronted(os.environ["AWS_ENDPOINT_URL"]) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        store.push(source, bucket.uri("image.raw"))
        # The role's own key is a temporary one.
        assert front.requests[0] == "POST /"
        front.refuse(lambda request: request.path == "/", 403, "AccessDenied")
        with pytest.raises(ArtifactUnreachable, match="the role of AWS_PROFILE cannot be assumed"):
            ArtifactStore(cache_dir=tmp_path / "new").check(bucket.uri("image.raw"), size_bytes=8)
    assert bucket.read("image.raw") == b"an image"


def test_a_profile_that_is_not_there_is_named(
    store: ArtifactStore, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "bilder")
    with pytest.raises(ArtifactUnreachable, match=r"bilder.*AWS_PROFILE"):
        store.check(bucket.uri("image.raw"), size_bytes=8)
