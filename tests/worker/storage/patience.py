"""How long storages are waited for, in a test that cannot wait that long."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from azure.storage.blob import LinearRetry

from buildstate_worker.storage.azure import storage as azure
from buildstate_worker.storage.gcs import storage as gcs
from buildstate_worker.storage.gcs import upload as gcs_upload
from buildstate_worker.storage.s3 import client as s3_clients
from buildstate_worker.storage.s3 import session as aws_session
from buildstate_worker.storage.sftp import connect
from buildstate_worker.storage.sftp import files as sftp_files
from buildstate_worker.storage.sftp import storage as sftp
from buildstate_worker.storage.sftp import upload as sftp_uploads
from buildstate_worker.transfer import ranges

A_MOMENT = (0.01,)
"""Before the second try, and last, over a new connection or at a new range."""


@contextmanager
def impatience(seconds: float) -> Iterator[None]:
    """Have every storage given up after one try of so many seconds, until the end of the block.

    The clients that a worker has already keep their patience, and are used again afterwards.
    """
    once = gcs.DEFAULT_RETRY.with_timeout(0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "_PAUSES_SECONDS", A_MOMENT)
        patch.setattr(aws_session, "LOOK_SECONDS", seconds)
        patch.setattr(aws_session, "LOOKS", 1)
        patch.setattr(s3_clients, "_MOVE_SECONDS", seconds)
        patch.setattr(s3_clients, "MOVES", 1)
        for name in ("_LOOK_SECONDS", "_READ_SECONDS", "_WRITE_SECONDS"):
            patch.setattr(azure, name, seconds)
        patch.setattr(azure, "LinearRetry", lambda **_: LinearRetry(retry_total=0))
        patch.setattr(gcs, "_LOOKING", {"timeout": seconds, "retry": once})
        patch.setattr(gcs, "_READ_TIMEOUT", seconds)
        patch.setattr(gcs, "_READ_AGAIN", once)
        patch.setattr(gcs_upload, "_TIMEOUT", seconds)
        patch.setattr(gcs_upload, "_PATIENCE", once)
        patch.setattr(connect, "_CONNECT_SECONDS", seconds)
        patch.setattr(sftp_files, "LOOK_SECONDS", seconds)
        patch.setattr(sftp_files, "LOOK_PAUSES", A_MOMENT)
        for module in (sftp, sftp_uploads):
            patch.setattr(module, "MOVE_SECONDS", seconds)
        patch.setattr(sftp, "LOOK_PAUSES", A_MOMENT)
        patch.setattr(sftp_uploads, "_MOVE_PAUSES", A_MOMENT)
        yield
