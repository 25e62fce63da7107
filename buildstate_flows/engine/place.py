"""Second phase: have what a function is called with on this worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from buildstate_core.errors import ArtifactLost
from buildstate_flows.artifact import Artifact
from buildstate_flows.engine.arguments import Form, replaced
from buildstate_flows.engine.live_call import LiveCall
from buildstate_flows.engine.results.recorded import stand_in
from buildstate_flows.prefect_api.prefect_runs import say
from buildstate_worker.attempt import check_places


@dataclass(frozen=True)
class Placed:
    """A call that is ours, with its arguments in place.

    Attributes:
        parameters: What the function is called with.
    """

    live: LiveCall
    parameters: Mapping[str, Any]


def put_in_place(live: LiveCall) -> Placed:
    """Download what the function is called with, once what it makes is known to have a place.

    Raises:
        ArtifactLost: What it needs is gone or corrupt. Its attempt is failed.
        ArtifactUnreachable: Something cannot be read from here.
        InvalidInput: What it makes could not be stored.
    """
    say(f"State {live.call.spec.state} runs, {live.why}.")
    _check_place(live)
    as_it_is = live.claimed.claim.is_in_place
    if not as_it_is:
        live.session.machine.restore(live.call.lane)
    try:
        with live.noted():
            return Placed(live, _arguments(live, as_it_is=as_it_is))
    except ArtifactLost as error:
        live.give_up(error)
        raise


def _check_place(live: LiveCall) -> None:
    """Make sure that what will be made can be stored, before work is put into it.

    Whether there will be files is known if the function is annotated so, and is taken for granted
    if the milestone says where they go. What they are called is not known: a template that goes on
    below the name may lead anywhere, so that the upload alone can tell.
    """
    spec, rules = live.call.spec, live.claimed.claim.storage
    options = spec.storage_options
    if not spec.leaves_files and not options.is_about_places:
        return
    own = live.session.settings.storage_url
    location = options.storage or (rules.url if rules else None) or own
    if "/" not in location.partition("{name")[2]:
        check_places(live.claimed, [stand_in(spec.name, options)])


def _arguments(live: LiveCall, *, as_it_is: bool) -> dict[str, Any]:
    def put(value: Any, form: Form) -> Any:
        if not isinstance(value, Artifact) or form is Form.LAZY:
            return value
        path = live.session.results.place(value, live.call.lane, as_it_is=as_it_is)
        return str(path) if form is Form.TEXT and not isinstance(path, Artifact) else path

    forms = live.call.spec.forms
    return {
        name: replaced(value, put, forms.get(name, Form.PATH))
        for name, value in live.call.parameters.items()
    }
