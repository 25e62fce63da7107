"""First phase: ask for a state of a build. It is done, or it is ours to run."""

from contextlib import ExitStack
from typing import Final

from buildstate_cli.run import probe
from buildstate_cli.run.prepare import PreparedCall
from buildstate_cli.run.site import Site, tell
from buildstate_core.models import ClaimRequest
from buildstate_core.vocabulary import Kind
from buildstate_worker import attempt
from buildstate_worker.attempt import Claimed, Done

_CHANGED_MEANWHILE: Final = "given up: the machine was changed meanwhile"


def ask(site: Site, prepared: PreparedCall, *, is_rewound: bool) -> Done | Claimed:
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
    while True:
        request = _request(site, prepared, is_rewound=is_rewound)
        asked = attempt.ask(
            site.worker,
            site.build.id,
            request,
            wait_seconds=prepared.flags.wait_seconds,
            on_wait=site.on_wait,
            probe=None if line is None else lambda done: _holds(site, done, line),
        )
        if isinstance(asked, Done):
            return asked
        with ExitStack() as stack:
            stack.enter_context(asked)
            if _is_as_said(site, asked, request):
                stack.pop_all()
                return asked
            # What was waited for may have taken long.
            asked.fail(_CHANGED_MEANWHILE, is_cancelled=True)
            tell(asked.attempt, _CHANGED_MEANWHILE)


def _request(site: Site, prepared: PreparedCall, *, is_rewound: bool) -> ClaimRequest:
    flags, restores = prepared.flags, prepared.restores
    return ClaimRequest(
        state=flags.state,
        lane=flags.lane,
        kind=prepared.kind,
        worker=site.worker.name,
        lease_seconds=flags.lease_seconds or site.session.settings.lease_seconds,
        fingerprint=dict(prepared.fingerprint),
        consumes=tuple(sorted({each.state for each in restores})) if restores else None,
        machine=site.workspace.held(site.build.id, flags.lane),
        rewound=is_rewound,
    )


def _is_as_said(site: Site, claimed: Claimed, request: ClaimRequest) -> bool:
    """Return whether the machine still holds what it was claimed with, if that is built on."""
    if not claimed.claim.is_in_place or request.kind is Kind.EPHEMERAL:
        return True
    return site.workspace.held(site.build.id, request.lane) == request.machine


def _holds(site: Site, done: Done, line: str) -> bool:
    is_there = probe.holds(
        done, line, folder=site.workspace.folder, environ=site.environ(done.attempt)
    )
    tell(done.attempt, f"its probe says that it {'holds' if is_there else 'is gone'}")
    return is_there
