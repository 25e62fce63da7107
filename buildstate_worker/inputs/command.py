"""All files that go into a command: looked at before it runs, and once more when it has ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from buildstate_core.models import Discovered
from buildstate_core.rules.fingerprints import recorded, unstable
from buildstate_core.vocabulary import Seen
from buildstate_worker.inputs.content import ITSELF, Content
from buildstate_worker.inputs.declared import INPUT, check_inputs, declared, folded
from buildstate_worker.inputs.source import Checkout, Source
from buildstate_worker.inputs.words import Found, found_in
from buildstate_worker.inputs.words.found import FOUND
from buildstate_worker.reads.names import ALL, named

_MOST_READS: Final = 3000
"""As many are compared of what is found beside the fingerprint."""


@dataclass(frozen=True)
class Looked:
    """What was there before a command ran.

    Attributes:
        sources: What goes into it, with what was there.
        absent: What its words name and was not there.
        left: The digests of what was made here before and is named, by absolute path.
    """

    sources: Sequence[tuple[Source, Content]] = ()
    absent: Sequence[str] = ()
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, str]:
        """The parts of its fingerprint."""
        return _folded({source.part: content.digest for source, content in self.sources})

    @property
    def files(self) -> dict[str, int]:
        """How many files each part stands for."""
        numbers = {source.part: len(content.entries) for source, content in self.sources}
        folded = sum(n for part, n in numbers.items() if part.startswith(FOUND))
        return {**numbers, f"{FOUND}*": folded}

    @property
    def tools(self) -> dict[str, str]:
        """The programs that read what parts stand for without being told."""
        return {each.part: each.tool for each, _ in self.sources if each.tool is not None}


@dataclass(frozen=True)
class Settled:
    """What turned out of that when the command had ended.

    Attributes:
        parts: Those parts that are others than before; `None` for what is no input after all.
        reads: What is compared beside the fingerprint: names at which nothing was, and files that
            were made here, which others need not have.
        warnings: What the user should know.
    """

    parts: Mapping[str, str | None] = field(default_factory=dict)
    reads: Sequence[Discovered] = ()
    warnings: Sequence[str] = ()


def look(
    command: Sequence[str],
    inputs: Sequence[str],
    checkout: Checkout,
    environ: Mapping[str, str],
    *,
    finds: bool = True,
) -> Looked:
    """Look at what goes into a command.

    Args:
        command: Its words.
        inputs: What the user has declared.
        checkout: Where it runs.
        environ: Its environment.
        finds: Whether what its words name counts, too.

    Raises:
        InvalidInput: An input is missing.
    """
    check_inputs(inputs, checkout.folder)
    sources = {each.name: each for each in declared(inputs, checkout)}
    found = found_in(command, checkout, environ) if finds else Found()
    for each in found.sources:
        sources.setdefault(each.name, each)
    left: dict[str, str] = {}
    settled = (replace(each, modeless=found.modeless) for each in sources.values())
    contents = ((each, each.content(checkout, left)) for each in settled)
    looked = [
        (each, content)
        for each, content in contents
        if content is not None and (content.entries or not each.is_place)
    ]
    checkout.digests.save()
    return Looked(tuple(looked), found.absent, left)


def settle(looked: Looked, checkout: Checkout, attempt: str) -> Settled:
    """Look once more, now that the command has ended.

    What it has changed was made, or went in and out; its name counts, as every word does. What was
    changed otherwise may have been read before or after that: it is never the same as anything.

    Args:
        looked: What was there before.
        checkout: Where it ran.
        attempt: The attempt's id.
    """
    parts: dict[str, str | None] = {}
    warnings: list[str] = []
    for source, before in looked.sources:
        now = source.content(checkout)
        changed = _changed(before, now)
        if not changed:
            continue
        written = [each for each in changed if _is_written(source, each, checkout)]
        rest = before.without(written)
        if len(written) == len(changed):
            parts[source.part] = None if rest is None or source.is_place else rest.digest
        else:
            parts[source.part] = unstable(attempt)
            warnings.append(_warning(source, sorted(set(changed) - set(written)), checkout))
    reads: tuple[Discovered, ...] = (*_absent(looked, checkout), *_left(looked, checkout))
    checkout.digests.save()
    if len(reads) > _MOST_READS:
        reads = (Discovered(path=ALL, what=Seen.UNSTABLE),)
        warnings.append(
            f"It names more than {_MOST_READS} files that were made here or are not there, so that"
            " they are not compared: it runs again next time. Leave them out with --exclude."
        )
    return Settled(_settled_parts(looked, parts), reads, tuple(warnings))


def _folded(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the parts as they are recorded; one for all of a kind, if they are too many."""
    found: dict[str, str] = {}
    for prefix in (INPUT, FOUND):
        own = {part: digest for part, digest in parts.items() if part.startswith(prefix)}
        found.update(folded(own, f"{prefix}*"))
    return {part: recorded(digest) for part, digest in found.items()}


def _settled_parts(looked: Looked, changes: Mapping[str, str | None]) -> dict[str, str | None]:
    if not changes:
        return {}
    before = {source.part: content.digest for source, content in looked.sources}
    after = {part: digest for part, digest in {**before, **changes}.items() if digest is not None}
    was, now = _folded(before), _folded(after)
    return {part: now.get(part) for part in was | now if was.get(part) != now.get(part)}


def _changed(before: Content, now: Content | None) -> list[str]:
    """Return the names below a place at which there is something else than before, or nothing."""
    entries = {} if now is None else now.entries
    return [name for name, digest in before.entries.items() if entries.get(name) != digest]


def _is_written(source: Source, name: str, checkout: Checkout) -> bool:
    """Return whether it is the command that has changed a file."""
    path = source.path if name == ITSELF else f"{source.path}/{name}"
    return source.is_place or (
        not source.is_declared and checkout.made is not None and checkout.made.has(path)
    )


def _warning(source: Source, changed: Sequence[str], checkout: Checkout) -> str:
    places = (source.path if each == ITSELF else f"{source.path}/{each}" for each in changed)
    name = checkout.name_of(next(places))
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return (
        f"{name}{more} changed while this ran, which may have read it: it runs again next time."
        f" If the command writes it itself: --exclude {name!r}."
    )


def _left(looked: Looked, checkout: Checkout) -> Iterator[Discovered]:
    """Yield what was made here before, is named, and is as it was.

    It may be that nobody's command has made it, but a person, while one ran.
    """
    for path, digest in sorted(looked.left.items()):
        if checkout.digests.of(path) == digest:
            place = named(checkout.project.place_of(path))
            yield Discovered(path=place, what=Seen.LEFT, digest=digest)


def _absent(looked: Looked, checkout: Checkout) -> Iterator[Discovered]:
    """Yield what the words name, and was neither there before nor is there now."""
    for path in looked.absent:
        if not Path(path).exists() and checkout.counts(path):
            place = checkout.project.place_of(path)
            yield Discovered(path=named(place), what=Seen.ABSENT)
