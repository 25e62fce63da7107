"""What `sftp://` URIs mean, and what is said of a server's failures."""

import asyncssh
import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.storage.sftp.connect import Server
from buildstate_worker.storage.sftp.failures import explained
from buildstate_worker.storage.sftp.files import server_and_path


@pytest.mark.parametrize(
    ("uri", "server", "path"),
    [
        ("sftp://nas/a", Server(None, "nas", None), "/a"),
        ("sftp://me@nas:2222/a b/%20?#", Server("me", "nas", 2222), "/a b/%20?#"),
        ("SFTP://me@corp@[::1]:22/a", Server("me@corp", "::1", 22), "/a"),
    ],
)
def test_what_an_sftp_uri_means(uri: str, server: Server, path: str) -> None:
    assert server_and_path(uri) == (server, path)


@pytest.mark.parametrize(
    "uri", ["sftp://nas", "sftp:///a", "sftp:/a", "sftp://@nas/a", "sftp://a:b/c"]
)
def test_a_uri_that_names_no_file_is_refused(uri: str) -> None:
    with pytest.raises(InvalidInput, match="does not name a file"):
        server_and_path(uri)


def test_a_password_in_a_uri_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidInput, match="holds a password") as caught:
        storage_for("sftp://nas/").size_of("sftp://me:tr0ub4dor@nas/a.raw")
    assert "tr0ub4dor" not in str(caught.value)


def test_a_folder_cannot_be_uploaded_to() -> None:
    opening = storage_for("sftp://nas/").create("sftp://nas/folder/", expected_bytes=0)
    with pytest.raises(InvalidInput, match="does not name a file"), opening:
        pass


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (asyncssh.SFTPNoSpaceOnFilesystem("No space"), "Free space"),
        (asyncssh.SFTPFailure("No space left on device"), "Free space"),
        (asyncssh.SFTPFailure("Disk quota exceeded"), "Free space"),
        (asyncssh.SFTPPermissionDenied("Permission denied"), "may do there"),
        (asyncssh.SFTPFailure("Failure"), "the disk on the server"),
        (TimeoutError(), "network"),
        (asyncssh.ConnectionLost("Connection lost"), "network"),
    ],
)
def test_each_failure_has_its_next_step(error: Exception, hint: str) -> None:
    assert hint in explained(error)[1]
