"""What has to hold at the end of a history, by what its author wrote and by what was seen."""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from support import until

from buildstate_core.models import Attempt
from buildstate_core.vocabulary import AttemptStatus, BuildStatus, Kind

from .pipelines import (
    NOTED_END,
    Key,
    Milestone,
    Pipeline,
    lanes_of,
    last_checkpoint,
    seen_before,
    view_of,
    without_nonces,
)
from .telling import Telling

_LONG_AGO: Final = 7 * 86_400


class Store(Protocol):
    """The storage, as its administrator sees it."""

    def uris(self) -> set[str]: ...
    def read(self, uri: str) -> str: ...


@dataclass(frozen=True)
class Note:
    """What a command has told: what it did, and the image that it saw."""

    at: float
    generation: int
    worker: str
    key: Key
    attempt: int
    what: str
    content: str

    @classmethod
    def parse(cls, line: str) -> "Note":
        at, generation, worker, state, lane, attempt, what, content = line.split(" ", 7)
        return cls(
            float(at),
            int(generation),
            worker,
            ("" if lane == "trunk" else lane, int(state)),
            int(attempt),
            what,
            content[1:-1].replace(";", "\n"),
        )


class Judge:
    """Judges one history that has come to its end."""

    def __init__(self, telling: Telling, store: Store) -> None:
        self._telling = telling
        self._store = store
        self._client = telling.installation.service.client
        self._pipeline: Pipeline = telling.round.pipeline

    @cached_property
    def attempts(self) -> Sequence[Attempt]:
        return tuple(self._client.history(self._telling.build))

    @cached_property
    def notes(self) -> Sequence[Note]:
        if not self._telling.notes.exists():
            return ()
        return [Note.parse(line) for line in self._telling.notes.read_text().splitlines()]

    @cached_property
    def delivered(self) -> Mapping[str, str]:
        """The images as whoever wants them pulls them, by their lane."""
        return {lane: self._pull(lane) for lane in lanes_of(self._pipeline)}

    def wrongs(self) -> list[str]:
        """Give everything that is not as it has to be."""
        return [
            *self._telling.wrongs(),
            *self._not_recorded(),
            *self._live(),
            *self._seen(),
            *self._not_delivered(),
            *self._left_in_storage(),
        ]

    def _not_recorded(self) -> Iterator[str]:
        """1. What a runner was told is recorded, is."""
        completed = {each.id for each in self.attempts if each.status is AttemptStatus.COMPLETED}
        for worker in self._telling.workers:
            for made in worker.passes:
                for told in sorted(made.told.glob("*.told")):
                    if UUID(json.loads(told.read_text())["id"]) not in completed:
                        yield f"{worker.name} was told in {told} what is not recorded as completed"

    def _live(self) -> Iterator[str]:
        """4. No attempt is live for ever."""
        seconds = self._telling.history.lease_seconds + 5
        try:
            until(lambda: not self._live_now(), seconds=seconds)
        except AssertionError:
            yield f"live for ever: {self._live_now()}"

    def _live_now(self) -> list[str]:
        found = self._client.history(self._telling.build)
        return [
            f"{each.state}{each.lane} by {each.worker}" for each in found if each.status.is_live
        ]

    def _seen(self) -> Iterator[str]:
        """2, 3. Whatever worked, at any time, saw the image that its pipeline says."""
        for note in self.notes:
            pipeline = self._telling.history.rounds[note.generation - 1].pipeline
            milestone = _by_key(pipeline)[note.key]
            expected = seen_before(pipeline)[note.key]
            if milestone.begins and note.what == "begun" and not note.key[0]:
                expected = ""
            if milestone.moves and note.what == "done":
                expected += f"{milestone.line}\n"
            if note.what == "unready":
                yield f"{note.key} attempt {note.attempt} had no set-up"
            elif milestone.kind is Kind.EPHEMERAL:
                continue  # it needs no machine in any state
            elif without_nonces(note.content) != expected:
                at = note.at - self._telling.begin
                yield (
                    f"at {at:.2f} s {note.worker} had for {note.key} attempt {note.attempt},"
                    f" {note.what}: {note.content!r}; expected {expected!r}"
                )

    def _not_delivered(self) -> Iterator[str]:
        """2, 3, 7. The build is delivered, is what the author wrote last, and was published so."""
        status = self._client.get_build(self._telling.build).status
        if status is not BuildStatus.COMPLETED:
            yield f"the build is {status}"
            return
        for lane, content in self.delivered.items():
            view = view_of(self._pipeline, lane)
            expected = "".join(f"{each.line}\n" for each in view if each.moves)
            if without_nonces(content) != expected:
                yield f"delivered in lane {lane!r}: {content!r}; expected {expected!r}"
            lines = content.splitlines(keepends=True)
            for each in view:
                count = sum(below.moves and below.state < each.state for below in view)
                yield from self._not_part_of(lines, each, count)

    def _not_part_of(self, lines: list[str], milestone: Milestone, count: int) -> Iterator[str]:
        """Say what is not of the delivered image: of `count` lines of it and its own is made."""
        newest = self._newest(milestone.key)
        if newest is None:
            yield f"{milestone.name} was never completed"
        elif milestone.kind is Kind.CHECKPOINT:
            [artifact] = newest.artifacts
            kept = self._store.read(artifact.uri or "")
            if kept != "".join(lines[: count + 1]):
                yield f"the newest image of {milestone.name} is no part of the last: {kept!r}"
        elif milestone.kind in {Kind.EFFECT, Kind.GATE}:
            yield from self._published_another("".join(lines[:count]), milestone, newest)

    def _published_another(
        self, image: str, milestone: Milestone, newest: Attempt
    ) -> Iterator[str]:
        wanted = (milestone.key, newest.attempt, NOTED_END[milestone.kind])
        noted = [each for each in self.notes if (each.key, each.attempt, each.what) == wanted]
        if [each.content for each in noted] != [image]:
            said = [each.content for each in noted]
            yield f"{milestone.name} {wanted[2]} at last {said}; what is delivered is {image!r}"

    def _newest(self, key: Key) -> Attempt | None:
        """Give the newest attempt that completed."""
        found = [
            each
            for each in self.attempts
            if (each.lane, each.state) == key and each.status is AttemptStatus.COMPLETED
        ]
        return max(found, key=lambda each: each.attempt, default=None)

    def _pull(self, lane: str) -> str:
        """Pull what is delivered onto a machine that has nothing."""
        worker = self._telling.workers[0]
        folder = self._telling.folder / f"pulled-{lane}"
        folder.mkdir()
        last = last_checkpoint(self._pipeline, lane)
        flags = ["--lane", last.lane] if last.lane else []
        pull = ["artifact", "pull", self._telling.build, str(last.state), *flags, "--to", "image"]
        ended = worker.bldst(folder, *pull)
        assert ended.returncode == 0, ended.stderr
        return (folder / "image").read_text()

    def _left_in_storage(self) -> Iterator[str]:
        """6. What lies there is recorded, or is found by whoever cleans up."""
        recorded = {each.uri for each in self._client.list_artifacts(self._telling.build)}
        left = self._store.uris() - recorded
        if not left:
            return
        found = self._orphans(left)
        if unknown := left - found:
            yield f"neither recorded nor found by artifact gc: {unknown}"
        if kept := found & recorded:
            yield f"recorded, and yet given up: {kept}"

    def _orphans(self, left: set[str]) -> set[str]:
        """Give what `bldst artifact gc` would remove, as if all had happened a week ago."""
        url = self._telling.storage_url
        if not url.startswith("file:"):
            # Nobody can set the time of an object. Its name has to say whose it is.
            known = {str(each.id) for each in self.attempts}
            return {uri for uri in left if known & set(Path(uri).parts)}
        folder = Path(url.removeprefix("file://"))
        then = time.time() - _LONG_AGO
        for path in folder.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))
        service = self._telling.installation.service
        service.query(
            "UPDATE build_states SET ended_at = ended_at - interval '2 hours' FROM builds"
            " WHERE build_states.build_id = builds.id AND builds.number = %s",
            int(self._telling.build),
        )
        gc = ["artifact", "gc", "--project", self._telling.project, "--dry-run", "-o", "json"]
        ended = self._telling.workers[0].bldst(self._telling.folder, *gc)
        assert ended.returncode == 0, ended.stderr
        result: Any = json.loads(ended.stdout)
        return {each["uri"] for each in result["orphans"]}


def told(telling: Telling, judge: Judge) -> str:
    """Tell the whole history, so that it can be understood without being told again."""
    lines = [str(telling.history), "", *telling.events, "", "attempts:"]
    for each in judge.attempts:
        start, end = (
            "" if at is None else f"{at.timestamp() - telling.begin:6.2f}"
            for at in (each.started_at, each.finished_at)
        )
        lines.append(
            f"  {start}..{end} {each.state}{each.lane} #{each.attempt} {each.kind} {each.status}"
            f" by {each.worker}: {each.reason} {each.message or ''}"
        )
    lines.append("notes:")
    for note in judge.notes:
        at = note.at - telling.begin
        content = note.content.replace("\n", ";")
        what = f"{note.key[1]}{note.key[0]} #{note.attempt} {note.what}"
        lines.append(f"  {at:6.2f} round {note.generation} {note.worker} {what} [{content}]")
    for worker in telling.workers:
        for made in worker.passes:
            lines += [f"{worker.name} pass {made.number}, exit code {made.code}:", made.said()]
    return "\n".join(lines)


def _by_key(pipeline: Pipeline) -> Mapping[Key, Milestone]:
    return {each.key: each for each in pipeline}
