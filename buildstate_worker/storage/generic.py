"""Artifacts in whatever else fsspec knows: FTP, SMB, HDFS, WebDAV, other clouds, HTTP to read from.

Bytes go one after the other, since nothing more is common to all of them. What is not atomic:

- Where fsspec renames (FTP, SMB, HDFS and others with folders), an upload gets its name in one
  step, but a file that appears in the same moment may be overwritten by it.
- Where it does not, an upload becomes visible when fsspec completes it; or, where it cannot hold
  that back, by a copy and a removal, which costs the storage a second writing.
- Whether written bytes are on a disk when fsspec says that they are stored is up to the storage.
- What a killed upload left behind is found if it is a file with a temporary name. Parts that an
  object storage keeps out of sight are not found.
"""

import os
import posixpath
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

import fsspec
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from buildstate_core.credentials import refuse_credentials
from buildstate_core.errors import BuildStateError, InvalidInput
from buildstate_worker.files.temp_names import is_temp_name, temp_name
from buildstate_worker.storage.base import Listed, Unfinished
from buildstate_worker.storage.failures import (
    gone,
    not_listed,
    not_removed,
    not_stored,
    occupied,
    reason_of,
    unreachable,
)

PART_BYTES: Final = 8 * 2**20

_REFUSED: Final = frozenset(
    # This machine's own files, by another name than file://.
    {"local", "dir", "arrow_hdfs", "asynclocal", "async_wrapper", "asyncwrapper", "generic"}
    # What wraps another storage, or looks into a file or a repository.
    | {"blockcache", "cached", "filecache", "simplecache", "reference", "zip", "tar", "libarchive"}
    | {"git", "github", "gist", "dvc", "lakefs", "wandb", "jupyter", "jlab", "dask", "pyscript"}
    # A URI that is its own content; and SSH with any host key, for which there is sftp://.
    | {"data", "ssh"}
)
"""What fsspec knows and artifacts cannot be kept in."""

_ANSWERS_FOR_ITSELF: Final = frozenset({"http", "https"})
"""Where "not found" is the server's word: there are no folders to look at."""

_TIMES: Final = (
    "mtime",
    "last_modified",
    "LastModified",
    "modified",
    "updated",
    "modify",
    "created",
)


def accepts(scheme: str) -> bool:
    """Return whether artifacts can be kept in the storage of fsspec with this scheme."""
    known = scheme in fsspec.available_protocols() or scheme in fsspec.registry
    return known and scheme not in _REFUSED


class GenericStorage:
    """Artifacts through fsspec. See `Storage`.

    Args:
        scheme: Of the URIs that it is for.

    Raises:
        ImportError: What fsspec needs for them is not installed.
        ValueError: Artifacts cannot be kept there.
    """

    parallel = 1
    range_bytes = PART_BYTES
    keeps_holes = False
    writes_in_order = True

    def __init__(self, scheme: str) -> None:
        if not accepts(scheme):
            raise ValueError(f"Artifacts cannot be kept in {scheme}://.")
        self._scheme = scheme
        self._class: Any = fsspec.get_filesystem_class(scheme)
        self._renames = self._class.mv is not AbstractFileSystem.mv
        # Some of fsspec's are a connection, and threads cannot share that.
        self._mine = threading.local()

    def size_of(self, uri: str, *, root: str | None = None) -> int | None:
        """Return the size that fsspec reports; `None` for a folder."""
        with self._telling(uri, unreachable):
            fs, path = self._at(uri)
            try:
                found = fs.info(path)
            except FileNotFoundError:
                raise self._missing(uri, root) from None
            if found["type"] == "directory":
                return None
            if found.get("size") is None:
                raise unreachable(uri, "its server does not tell its size", hint=self._hint)
            return int(found["size"])

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        """Return a part of the file's bytes."""
        with self._telling(uri, unreachable):
            fs, path = self._at(uri)
            try:
                return bytes(fs.cat_file(path, start=start, end=start + size))
            except FileNotFoundError:
                raise self._missing(uri, root) from None

    @contextmanager
    def create(self, uri: str, *, expected_bytes: int) -> Iterator["_Upload"]:
        """Write under a temporary name, then rename it.

        Where fsspec shows nothing until a file is completed, it is written under its own name.
        """
        del expected_bytes

        def telling() -> Any:
            return self._telling(uri, not_stored)

        with telling():
            fs, path = self._at(uri)
            upload = _Upload(uri, fs, path, renames=self._renames, telling=telling)
            upload.begin()
        try:
            yield upload
            with telling():
                upload.publish()
        except BaseException:
            upload.discard()
            raise

    def copy(self, source: str, target: str) -> None:
        """Have the storage copy a file, if fsspec can ask it to."""
        with self._telling(target, not_stored):
            fs, path = self._at(source)
            other, goal = self._at(target)
            if other is not fs:
                raise not_stored(target, f"{source} is on another server", hint=self._hint)
            if not _exists(fs, path):
                raise self._missing(source, None)
            if _exists(fs, goal):
                raise occupied(target)
            temp = _temp_beside(goal) if self._renames else goal
            try:
                if self._renames:
                    _make_folder(fs, goal)
                fs.cp_file(path, temp)
                if self._renames:
                    fs.mv(temp, goal)
            except BaseException:
                with suppress(Exception):
                    fs.rm_file(temp)
                raise

    def remove(self, uri: str) -> None:
        """Remove the file. Its folder stays."""
        with self._telling(uri, not_removed):
            fs, path = self._at(uri)
            try:
                fs.rm_file(path)
            except Exception:
                # Each has its own way to say that there is nothing.
                if _exists(fs, path):
                    raise

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield the files under a folder."""
        for uri, found in self._files(prefix):
            if not is_temp_name(uri):
                yield Listed(uri, int(found["size"] or 0), _changed_at(found))

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Yield the temporary files of uploads."""
        for uri, found in self._files(prefix):
            if is_temp_name(uri):
                yield Unfinished(uri, uri, _changed_at(found), found["size"])

    def abandon(self, upload: Unfinished) -> None:
        """Remove the temporary file."""
        self.remove(upload.token)

    @property
    def _hint(self) -> str:
        return (
            f"Check the URI, the network, and this worker's credentials for {self._scheme}://"
            f" (FSSPEC_{self._scheme.upper()}_… or ~/.config/fsspec)."
        )

    def _at(self, uri: str) -> tuple[Any, str]:
        """Return the file system of a URI for this thread, and the path in it."""
        refuse_credentials(uri)
        if "://" not in uri or "::" in uri or "\0" in uri:
            raise InvalidInput(
                f"{uri} does not name a file.",
                field="uri",
                code="bad-uri",
                hint=f"Use {self._scheme}:// and a path, without chains of storages (::).",
            )
        options = self._class._get_kwargs_from_urls(uri)  # noqa: SLF001 - what its own open uses
        # Nor does a connection survive a fork.
        known = (os.getpid(), repr(sorted(options.items())))
        systems = self._mine.__dict__.setdefault("systems", {})
        if known not in systems:
            systems[known] = self._class(
                **options, use_listings_cache=False, skip_instance_cache=True
            )
        fs = systems[known]
        fs.invalidate_cache()
        return fs, str(fs._strip_protocol(uri))  # noqa: SLF001 - as above

    def _missing(self, uri: str, root: str | None) -> BuildStateError:
        if self._scheme in _ANSWERS_FOR_ITSELF:
            return gone(uri)
        parent = uri.rpartition("/")[0]
        within = root is not None and uri.startswith(root.rstrip("/") + "/")
        for known in (root, parent) if within and root is not None else (parent,):
            if known.endswith(("://", ":/")):
                return gone(uri)
            fs, path = self._at(known)
            if not path.strip("/") or _exists(fs, path):
                return gone(uri)
        return unreachable(uri, f"there is no {parent}", hint=self._hint)

    def _files(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the files under a folder, or those whose path begins with a prefix."""
        with self._telling(prefix, not_listed):
            fs, start = self._at(prefix)
            start, base = start.rstrip("/"), prefix.rstrip("/")
            is_folder = prefix.endswith("/") or (_exists(fs, start) and fs.isdir(start))
            top = start if is_folder else posixpath.dirname(start)
            if self._renames and top.strip("/") and not _exists(fs, top):
                raise FileNotFoundError(f"there is no folder {top}")
            begin = f"{start}/" if is_folder else start
            found = fs.find(top, detail=True)
        for name, each in found.items():
            if name.startswith(begin):
                yield base + name[len(start) :], each

    @contextmanager
    def _telling(self, uri: str, say: Callable[..., BuildStateError]) -> Iterator[None]:
        try:
            yield
        except BuildStateError:
            raise
        except NotImplementedError as error:
            why = f"{self._scheme}:// cannot do that"
            raise say(uri, why, hint="Use a storage that can.") from error
        except Exception as error:
            # Each library that fsspec uses has errors of its own.
            raise say(uri, reason_of(error), hint=self._hint) from error


class _Upload:
    """One file of fsspec's that is written from its beginning to its end."""

    part_bytes = PART_BYTES

    def __init__(
        self, uri: str, fs: Any, path: str, *, renames: bool, telling: Callable[[], Any]
    ) -> None:
        self._uri = uri
        self._fs = fs
        self._path = path
        self._renames = renames
        self._telling = telling
        self._temp_path: str | None = _temp_beside(path)
        self._file: Any = None
        self._size_bytes = 0
        self._naming = False

    def begin(self) -> None:
        if _exists(self._fs, self._path):
            raise occupied(self._uri)
        if self._renames:
            _make_folder(self._fs, self._path)
        elif self._holds_back():
            self._temp_path = None
            self._file = self._open(self._path, autocommit=False)
            return
        self._file = self._open(self._temp_path)

    def put(self, _number: int, part: bytes) -> None:
        with self._telling():
            self._file.write(part)
        self._size_bytes += len(part)

    def publish(self) -> None:
        """Complete it, and look whether all of it is there."""
        self._file.close()
        if self._temp_path is None:
            self._naming = True
            self._file.commit()
        else:
            if _exists(self._fs, self._path):
                raise occupied(self._uri)
            self._naming = True
            self._fs.mv(self._temp_path, self._path)
        self._fs.invalidate_cache()
        size = self._fs.info(self._path)["size"]
        if size not in {None, self._size_bytes}:
            raise OSError(f"{size} bytes are there, and {self._size_bytes} were written")

    def discard(self) -> None:
        """Leave nothing. Quiet: the error that led here is the one to be told."""
        with suppress(Exception):
            if isinstance(self._file, AbstractBufferedFile):
                # Closing it would store what there is.
                self._file.closed = True
                self._file.discard()
            else:
                self._file.close()
        if self._naming:
            with suppress(Exception):
                # After a rename that failed, what is there may be another's.
                if not (self._renames and _exists(self._fs, self._temp_path)):
                    self._fs.rm_file(self._path)
        if self._temp_path is not None:
            with suppress(Exception):
                self._fs.rm_file(self._temp_path)

    def _holds_back(self) -> bool:
        """Return whether a file here is invisible until it is committed, as with s3fs."""
        probe = self._open(self._temp_path, autocommit=False)
        if isinstance(probe, AbstractBufferedFile):
            # Nothing has left this process, and nothing shall.
            probe.closed = True
            return type(probe).commit is not AbstractBufferedFile.commit
        probe.close()
        return False

    def _open(self, path: str | None, **options: Any) -> Any:
        file = self._fs.open(path, "wb", block_size=PART_BYTES, **options)
        # fsspec keeps a list of those that are not committed, for transactions.
        self._fs.transaction.files.clear()
        return file


def _exists(fs: Any, path: str | None) -> bool:
    """Return whether a path exists; unlike fsspec's own, an error does not count as "no"."""
    try:
        fs.invalidate_cache()
        fs.info(path)
    except FileNotFoundError:
        return False
    return True


def _temp_beside(path: str) -> str:
    return posixpath.join(posixpath.dirname(path), temp_name())


def _make_folder(fs: Any, path: str) -> None:
    folder = posixpath.dirname(path)
    if folder.strip("/") and not _exists(fs, folder):
        # Somebody else may be faster.
        with suppress(FileExistsError):
            fs.makedirs(folder, exist_ok=True)


def _changed_at(found: dict[str, Any]) -> datetime:
    at = next((found[name] for name in _TIMES if found.get(name) is not None), None)
    if isinstance(at, str):
        if at[:14].isdigit():
            # FTP's, which ISO would write with a T.
            at = f"{at[:8]}T{at[8:14]}"
        with suppress(ValueError):
            at = datetime.fromisoformat(at)
    if isinstance(at, datetime):
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    if isinstance(at, int | float):
        return datetime.fromtimestamp(at, UTC)
    # One of an unknown age is taken for a young one, since the old are removed.
    return datetime.now(UTC)
