"""Storages as their administrators see them, without the code under test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from azure.storage.blob import ContainerClient

from support.sftp import Sftp


class Place(Protocol):
    """One folder, bucket or container.

    Attributes:
        root: What the URIs in it begin with.
        tells_unfinished: Whether the storage tells of uploads that were begun and not ended.
    """

    root: str
    tells_unfinished: bool

    def uri(self, name: str) -> str: ...
    def write(self, name: str, content: bytes) -> None: ...
    def read(self, name: str) -> bytes: ...
    def delete(self, name: str) -> None: ...
    def names(self) -> list[str]: ...
    def unfinished(self) -> int: ...
    def unreachable_uri(self) -> str: ...


@dataclass
class Folder:
    """A folder on this machine; over SFTP, the server's view of it."""

    path: Path
    root: str
    tells_unfinished = True

    @classmethod
    def at(cls, path: Path) -> "Folder":
        path.mkdir()
        (path / "lost+found").mkdir()  # as a disk has that is mounted
        return cls(path, path.as_uri())

    def uri(self, name: str) -> str:
        return (self.path / name).as_uri()

    def write(self, name: str, content: bytes) -> None:
        (self.path / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def delete(self, name: str) -> None:
        (self.path / name).unlink()

    def names(self) -> list[str]:
        files = [path for path in self.path.rglob("*") if path.is_file()]
        return sorted(
            str(path.relative_to(self.path)) for path in files if not path.name.startswith(".")
        )

    def unfinished(self) -> int:
        return len(list(self.path.rglob(".*")))

    def unreachable_uri(self) -> str:
        return f"{self.root}/not-mounted/image.raw"


class RemoteFolder(Folder):
    """A folder that an SFTP server serves."""

    @classmethod
    def on(cls, server: Sftp, name: str) -> "RemoteFolder":
        path = server.files / name
        path.mkdir()
        (path / "lost+found").mkdir()
        return cls(path, server.uri(name))

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"


@dataclass
class Bucket:
    """A bucket of S3's."""

    s3: Any
    name: str
    tells_unfinished = True

    @property
    def root(self) -> str:
        return f"s3://{self.name}"

    def uri(self, name: str) -> str:
        return f"s3://{self.name}/{name}"

    def write(self, name: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=name, Body=content)

    def read(self, name: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.name, Key=name)["Body"].read()
        return content

    def delete(self, name: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=name)

    def names(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(each["Key"] for each in listed)

    def unfinished(self) -> int:
        return len(self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", []))

    def unreachable_uri(self) -> str:
        return f"s3://{self.name}-with-a-typo/image.raw"


@dataclass
class Container:
    """A container of Azure's."""

    client: ContainerClient
    tells_unfinished = True

    @property
    def root(self) -> str:
        return f"az://{self.client.container_name}"

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def write(self, name: str, content: bytes) -> None:
        self.client.upload_blob(name, content, overwrite=True)

    def read(self, name: str) -> bytes:
        content: bytes = self.client.download_blob(name).readall()
        return content

    def delete(self, name: str) -> None:
        self.client.delete_blob(name)

    def names(self) -> list[str]:
        return sorted(each.name for each in self.client.list_blobs())

    def unfinished(self) -> int:
        everything = {each.name for each in self.client.list_blobs(include=["uncommittedblobs"])}
        return len(everything - set(self.names()))

    def unreachable_uri(self) -> str:
        return f"{self.root}-with-a-typo/image.raw"


@dataclass
class GoogleBucket:
    """A bucket of Google's, which tells nobody of uploads that are under way."""

    bucket: Any
    tells_unfinished = False

    @property
    def root(self) -> str:
        return f"gs://{self.bucket.name}"

    def uri(self, name: str) -> str:
        return f"{self.root}/{name}"

    def write(self, name: str, content: bytes) -> None:
        self.bucket.blob(name).upload_from_string(content, "application/octet-stream")

    def read(self, name: str) -> bytes:
        content: bytes = self.bucket.blob(name).download_as_bytes()
        return content

    def delete(self, name: str) -> None:
        self.bucket.blob(name).delete()

    def names(self) -> list[str]:
        return sorted(each.name for each in self.bucket.list_blobs())

    def unfinished(self) -> int:
        return 0

    def unreachable_uri(self) -> str:
        return f"{self.root}-with-a-typo/image.raw"
