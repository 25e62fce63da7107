"""The results of one session: what is recorded of them, and where on this worker they are."""

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Artifact as RecordedArtifact
from buildstate_core.vocabulary import Activity, ArtifactKind
from buildstate_flows.artifact import Artifact, Slot, Version, open_results
from buildstate_flows.engine.results.recorded import is_named, value_of
from buildstate_flows.handle import Handle
from buildstate_flows.prefect_api.transfers import logged, noting
from buildstate_worker.artifacts import Artifacts, is_pullable, place_of
from buildstate_worker.transfer import Pulled
from buildstate_worker.transfer_progress import ended

_Key = tuple[str, int, str]


class ResultStore:
    """Keeps one lazy object for each result, and moves bytes when somebody needs them.

    Threads may share it.

    Args:
        session_id: The session's id, which results carry.
        artifacts: What moves artifacts.
        folder: Returns the session's folder.
        fetch: Returns the path of an artifact to the flow's own code.
    """

    def __init__(
        self,
        session_id: UUID,
        artifacts: Artifacts,
        folder: Callable[[], Path],
        *,
        fetch: Callable[[Slot], Path],
    ) -> None:
        self._session_id = session_id
        self._artifacts = artifacts
        self._folder = folder
        self._fetch = fetch
        self._lock = threading.RLock()
        self._slots: dict[_Key, Slot] = {}
        self._results: dict[_Key, Artifact | Handle] = {}
        self._given_out: set[Path] = set()
        self.downloads: list[int] = []
        open_results[session_id] = self

    def settle(
        self,
        records: Sequence[RecordedArtifact],
        root: str | None,
        paths: Mapping[str, Path] | None = None,
    ) -> Any:
        """Return what a milestone returns, from what it left.

        An object that was given out for the same result before is the same, with the new record.

        Args:
            records: What it left.
            root: The storage of the build's project.
            paths: Where on this worker it was just made, by name.
        """
        where = paths or {}
        with self._lock:
            return value_of(records, lambda each: self._put(each, root, where.get(each.name)))

    def adopt(self, record: RecordedArtifact, root: str | None) -> Artifact:
        """Return the artifact of a record that came from another process of this session."""
        with self._lock:
            known = self._results.get(_key(record))
            if isinstance(known, Artifact) and known.record.created_at >= record.created_at:
                return known  # it may have been made again here meanwhile
            result = self._put(record, root, None)
        assert isinstance(result, Artifact)  # noqa: S101 - a handle travels as itself
        return result

    def bound(self, value: Any) -> Any:
        """Return the known artifact for one of this session's; anything else as it is."""
        if isinstance(value, Artifact) and value.session_id == self._session_id:
            return self.adopt(value.record, value.root)
        return value

    def place(self, artifact: Artifact, lane: str, *, as_it_is: bool) -> Path | Artifact:
        """Have an artifact on this worker, for one lane.

        What no transfer can move is given as it came: its `uri` says where it is.

        Args:
            artifact: Any artifact; another build's is used where that keeps it.
            lane: Who needs it.
            as_it_is: A file that is here already is used as it is: steps have changed it in place.
                Otherwise it is verified, and replaced if it is not what was recorded.

        Raises:
            ArtifactLost: It is gone or corrupt, and has been taken out of use.
            ArtifactUnreachable: It cannot be read from here.
        """
        if not is_pullable(artifact.record):
            return artifact
        slot = self._slots.get(_key(artifact.record))
        if artifact.session_id not in open_results:  # of another build, and from another process
            path = self._new_place(artifact.record, lane)
            self._pull(artifact.record, path, artifact.root)
            return path
        if slot is None or slot.now.record.build != artifact.record.build:
            return Path(artifact)
        return self.place_slot(slot, lane, as_it_is=as_it_is)

    def place_slot(self, slot: Slot, lane: str, *, as_it_is: bool) -> Path:
        """Have the artifact of a slot on this worker, for one lane. As `place`."""
        with slot.lock:
            now = slot.now
            if not is_pullable(now.record):
                raise InvalidInput(
                    f"The artifact {now.record.name} of state {now.record.state} is at"
                    f" {now.record.uri}, which is nothing that can be downloaded.",
                    code="no-transfer",
                    hint="Use its `uri`.",
                )
            path = now.places.get(lane) or self._copied(now, lane)
            now.places[lane] = path
            if as_it_is and path.exists():
                return path
            pulled = self._pull(now.record, path, now.root)
            with self._lock:
                if pulled.downloaded_bytes:
                    self.downloads.append(pulled.downloaded_bytes)
                if now.record.checksum is None and slot.now is now:
                    measured = {"checksum": pulled.checksum, "size_bytes": pulled.size_bytes}
                    slot.now = replace(now, record=now.record.model_copy(update=measured))
            return path

    def paths(self) -> set[Path]:
        """Return where on this worker results are, or are about to be."""
        with self._lock:
            placed = (each for slot in self._slots.values() for each in slot.now.places.values())
            return {*self._given_out, *placed}

    def forget_copies(self, lane: str) -> None:
        """Forget a lane's copies of what others made: its next milestone gets new ones."""
        with self._lock:
            for slot in self._slots.values():
                if lane != slot.now.record.lane:
                    slot.now.places.pop(lane, None)

    def leave(self, folder: Path) -> None:
        """Forget what was in a folder that is gone."""
        with self._lock:
            for slot in self._slots.values():
                for lane, path in list(slot.now.places.items()):
                    if path.resolve().is_relative_to(folder):
                        slot.now.places.pop(lane)

    def _pull(self, record: RecordedArtifact, path: Path, root: str | None) -> Pulled:
        """Download an artifact, and say how far that is."""
        note = noting.get()
        with logged():
            pulled = self._artifacts.pull(record, path, root=root, on_transfer=note)
        if note is not None:
            # A transfer whose size was not known before has not said that this was all.
            note(ended(Activity.DOWNLOADING, record.name, size_bytes=pulled.size_bytes))
        return pulled

    def _put(
        self, record: RecordedArtifact, root: str | None, path: Path | None
    ) -> Artifact | Handle:
        key = _key(record)
        if record.kind is ArtifactKind.HANDLE:
            return self._put_handle(key, record)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(Version(record, root))
            self._results[key] = Artifact(slot, self._fetch, self._session_id)
        elif slot.now.record.id != record.id:
            slot.now = Version(record, root)
        if path is not None:
            self._take_over(slot, path)
        result = self._results[key]
        if not isinstance(result, Artifact):  # what was a handle before
            result = self._results[key] = Artifact(slot, self._fetch, self._session_id)
        return result

    def _put_handle(self, key: _Key, record: RecordedArtifact) -> Handle:
        handle = self._results.get(key)
        if isinstance(handle, Handle):
            handle.bind(record)
            return handle
        made = self._results[key] = Handle.recorded(record)
        made.session_id = self._session_id
        return made

    def _take_over(self, slot: Slot, path: Path) -> None:
        """Note that a path holds this artifact now, and no longer one that was edited into it."""
        path = path.resolve()
        self._given_out.add(path)
        for other in self._slots.values():
            for lane, each in list(other.now.places.items()):
                if each.resolve() == path:
                    other.now.places.pop(lane, None)
        slot.now.places[slot.now.record.lane] = path

    def _copied(self, version: Version, lane: str) -> Path:
        """Return a new place for a lane. What another lane left at its place stays that lane's own.

        The copy is what the lane's machine begins as; a pull sees whether it is as recorded, so
        that nothing is downloaded that is here already.
        """
        path = self._new_place(version.record, lane)
        home = version.places.get(version.record.lane)
        if home is not None and home.exists() and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            if home.is_dir():
                shutil.copytree(home, path, symlinks=True)
            else:
                shutil.copy2(home, path)
        return path

    def _new_place(self, record: RecordedArtifact, lane: str) -> Path:
        state = f"state-{record.state:02d}"
        name = record.name if is_named(record) else ""
        root = self._folder()
        with self._lock:
            for turn in range(len(self._given_out) + 1):
                folder = root / (f"{state}.{turn + 1}" if turn else state)
                path = (folder / lane / name / place_of(record)).resolve()
                if path not in self._given_out:
                    self._given_out.add(path)
                    return path
        raise AssertionError(record)  # one more try than there are places taken


def _key(record: RecordedArtifact) -> _Key:
    return record.lane, record.state, record.name
