"""First phase: ask for a state of a build. It is done, or it is ours to run."""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from buildstate_cli.run import probe
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.call.recipe import Recipe, recipe_of
from buildstate_cli.run.site import Site, tell
from buildstate_core.models import ClaimRequest
from buildstate_core.vocabulary import Kind
from buildstate_worker import attempt
from buildstate_worker.attempt import Claimed, Counted, Done
from buildstate_worker.reads import Compared, Scope, compare

_CHANGED_MEANWHILE: Final = "given up: the machine was changed meanwhile"


@dataclass(frozen=True)
class Asked:
    """A state that is ours to run.

    Attributes:
        claimed: The attempt.
        recipe: What goes into it, as it was when it was asked for.
    """

    claimed: Claimed
    recipe: Recipe


def ask(site: Site, prepared: PreparedCall, *, is_rewound: bool) -> Done | Asked:
    """Return that the state is done, or its claim, whose machine is as the claim takes it to be.

    Args:
        site: Where.
        prepared: What.
        is_rewound: Whether a later state starts from before it.

    Raises:
        Refused: Another state has to run first, or a probe could not tell.
        Held: Another worker has it, for longer than the call waits.
    """
    line = prepared.flags.probe
    asking = _Asking(site, prepared, is_rewound=is_rewound)
    while True:
        asked = attempt.ask(
            site.worker,
            site.build.id,
            asking.request,
            wait_seconds=prepared.flags.wait_seconds,
            on_wait=site.on_wait,
            probe=None if line is None else lambda done: _holds(site, done, line),
            compare=asking.compared,
            counted=asking.counted,
        )
        if isinstance(asked, Done):
            return asked
        with ExitStack() as stack:
            stack.enter_context(asked)
            if asking.is_as_said(asked):
                stack.pop_all()
                return Asked(asked, asking.recipe())
            # What was waited for may have taken long.
            asked.fail(_CHANGED_MEANWHILE, is_cancelled=True)
            tell(asked.attempt, _CHANGED_MEANWHILE)


class _Asking:
    """What is asked for, seen anew each time: inputs and the machine may change during a wait."""

    def __init__(self, site: Site, prepared: PreparedCall, *, is_rewound: bool) -> None:
        self._site = site
        self._prepared = prepared
        self._is_rewound = is_rewound
        self._last: ClaimRequest | None = None
        self._recipe: Recipe | None = None

    def request(self) -> ClaimRequest:
        """Return what would run now."""
        site, flags = self._site, self._prepared.flags
        restores = self._prepared.restores
        found = self._recipe = recipe_of(
            self._prepared,
            site.workspace.folder,
            site.session.environ,
            memory=site.reads_folder,
            made=site.made(),
        )
        self._last = ClaimRequest(
            state=flags.state,
            lane=flags.lane,
            kind=self._prepared.kind,
            worker=site.worker.name,
            lease_seconds=flags.lease_seconds or site.session.settings.lease_seconds,
            fingerprint=dict(found.parts),
            older_fingerprint=dict(found.older),
            consumes=tuple(sorted({each.state for each in restores})) if restores else None,
            machine=site.workspace.held(site.build.id, flags.lane),
            inside=site.inside,
            rewound=self._is_rewound,
            max_age_days=flags.counting.max_age_days,
        )
        return self._last

    def recipe(self) -> Recipe:
        """Return what went into the last request."""
        assert self._recipe is not None  # noqa: S101 - it was asked for
        return self._recipe

    def compared(self, done: Done) -> Compared:
        """Compare what was read with what is there now."""
        checkout = self.recipe().checkout
        scope = Scope(
            project=checkout.project,
            known=[self._site.cache_folder],
            leaves_out=checkout.ignored.has,
        )
        return compare(done.reads, scope, digests=checkout.digests, made=self._site.made())

    def counted(self) -> Counted:
        """Return what is known of what is compared, to say it in words."""
        looked, feed = self.recipe().looked, self._prepared.feed
        counting = self._prepared.flags.counting
        return Counted(
            command="the command" if counting.version is None else "the version",
            files=looked.files,
            tools=looked.tools,
            is_piped=feed is not None and feed.is_used_up() and not counting.takes_stdin,
        )

    def is_as_said(self, claimed: Claimed) -> bool:
        """Return whether the machine still holds what it was claimed with, if that is built on."""
        last = self._last
        assert last is not None  # noqa: S101 - it was asked for
        if not claimed.claim.is_in_place or last.kind is Kind.EPHEMERAL:
            return True
        return self._site.workspace.held(self._site.build.id, last.lane) == last.machine


def _holds(site: Site, done: Done, line: str) -> bool:
    is_there = probe.holds(
        done, line, folder=site.workspace.folder, environ=site.environ(done.attempt)
    )
    tell(done.attempt, f"its probe says that it {'holds' if is_there else 'is gone'}")
    return is_there
