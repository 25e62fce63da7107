"""Opening a build: what milestones are called in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, environ
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import ValidationError

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, BuildCreate, Plan
from buildstate_core.models.names import given_lane
from buildstate_core.models.refusals import refusal
from buildstate_flows.engine.cancellation import ending_by
from buildstate_flows.engine.execute import fetch
from buildstate_flows.engine.session import BuildSession
from buildstate_flows.engine.worker_process import entered, tell_others
from buildstate_flows.prefect_api.flow_run_report import FlowRunReport
from buildstate_flows.prefect_api.transfers import log
from buildstate_flows.server import BuildStateServer
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.client import PATIENT, Client
from buildstate_worker.settings import Settings


class OpenBuild:
    """The build that milestones record to.

    Attributes:
        id: Its id.
        number: Its number, as the command line takes it.
        key: What makes the same call on another worker find it.
        url: It in the service.
    """

    def __init__(self, session: BuildSession) -> None:
        self._session = session
        self.id = session.build.id
        self.number = session.build.number
        self.key = session.build.key
        self.url = _url(session.client, session.build)

    @property
    def workdir(self) -> Path:
        """This pass's folder. Without a `workdir` of one's own it is removed at the end."""
        return self._session.folder

    @property
    def downloads(self) -> tuple[int, ...]:
        """What this pass has downloaded so far: the bytes of each artifact."""
        return tuple(self._session.results.downloads)

    def plan(self) -> Plan:
        """Get what a rerun would do, and why."""
        return self._session.client.plan(self.number)

    def __repr__(self) -> str:
        return f"<OpenBuild {self.number} {self.key}>"


@contextmanager
def build(
    project: str,
    version: str | None = None,
    *,
    platform: str | None = None,
    os: str | None = None,
    image_type: str | None = None,
    key: str | None = None,
    labels: Mapping[str, str] | None = None,
    restart: bool = False,
    derive_from: str | int | None = None,
    state: int | None = None,
    lane: str | None = None,
    workdir: str | PathLike[str] | None = None,
    server: str | BuildStateServer | None = None,
    settings: Settings | None = None,
) -> Iterator[OpenBuild]:
    """Open a build: the one with this key, or a new one. Milestones inside record to it.

    The same call on any worker means the same build, so that a rerun continues it. The end of the
    block waits for milestones that were submitted in it.

    Args:
        project: Its project, which has to exist.
        version: What is built; as any word.
        platform: What it is built for: `aws`, `azure`.
        os: What it is an image of: `rhel-9`.
        image_type: Which of several: `base`, `cis`.
        key: What makes it "the same build". Default: made from the four above.
        labels: For a new build.
        restart: Supersede the build with this key by a new one.
        derive_from: The build that a new one starts from: its number, id, or `PROJECT/KEY`. What
            it has done is skipped, and its artifacts are used.
        state: The checkpoint of that build to start from. Default: its resume point.
        lane: The lane of that build to start from. Default: the trunk.
        workdir: A folder for files, which is kept. Default: one that is removed at the end.
        server: Where the service is: a Prefect block, or the name of one.
        settings: The same, in full. Default: as the environment and the config file say.

    Raises:
        InvalidInput: A value is wrong; `field` names it.
        NotFound: There is no such project.
        Conflict: The build with this key is another one: of another version, platform, OS or image
            type, or it starts from somewhere else. The message has both values.
        Unreachable: The service does not answer, for about a minute.
    """
    wanted = {
        "project": project,
        "version": version,
        "platform": platform,
        "os": os,
        "image_type": image_type,
        "key": key,
        "labels": None if labels is None else dict(labels),
        "restart": restart or None,
        **_origin(derive_from, state, lane),
    }
    request = _request({name: value for name, value in wanted.items() if value is not None})
    used = _settings(server, settings)
    client = Client.of_worker(used, retries=PATIENT)
    found = client.create_build(request)
    session = BuildSession(
        found,
        client=client,
        artifacts=Artifacts.of_worker(client, used, on_transfer=log),
        settings=used,
        folder=None if workdir is None else Path(workdir),
        fetch=fetch,
        report=FlowRunReport.here(client, found, url=_url(client, found)),
    )
    with _opened(session):
        yield OpenBuild(session)


def current_build() -> OpenBuild:
    """Return the build that is open here, in a flow or in a milestone.

    Raises:
        InvalidInput: There is none.
    """
    return OpenBuild(BuildSession.current())


@contextmanager
def _opened(session: BuildSession) -> Iterator[None]:
    """Let milestones record to a session in the block; wait for them, and close it at the end."""
    began = monotonic()
    try:
        with entered(session):
            yield
            session.wait()
    except BaseException as error:
        # A submitted milestone does not learn that its flow is stopped: Prefect waits for it, and
        # then kills it. After an ordinary error it may as well do its work.
        ending = ending_by(error, since=began)
        if ending is not None:
            tell_others(session, ending)
            session.end_all(ending)
        raise
    finally:
        if session.report is not None:
            session.report.close()
        session.close()


def _url(client: Client, found: Build) -> str:
    return f"{client.api_url}/v1/builds/{found.number}"


def _settings(server: str | BuildStateServer | None, settings: Settings | None) -> Settings:
    if server is None:
        return settings or Settings.load(environ)
    if settings is not None:
        raise InvalidInput(
            "Both server and settings say where the service is.",
            code="two-servers",
            field="server",
            hint="Give one of them.",
        )
    block = _block(server) if isinstance(server, str) else server
    return block.settings(Settings.load(environ))


def _block(name: str) -> BuildStateServer:
    try:
        block: Any = BuildStateServer.load(name, _sync=True)  # type: ignore[call-arg]
    except ValueError as error:
        raise InvalidInput(
            f"There is no block buildstate-server/{name} in Prefect.",
            code="no-such-block",
            field="server",
            hint=f'Save one: BuildStateServer(api_url="…", api_key="…").save("{name}")',
        ) from error
    assert isinstance(block, BuildStateServer)  # noqa: S101 - it was asked for one
    return block


def _origin(
    derive_from: str | int | None, state: int | None, lane: str | None
) -> dict[str, object]:
    if derive_from is None:
        if state is not None or lane is not None:
            raise InvalidInput(
                "A build has no state or lane of its own; those say where one that it derives from"
                " is left.",
                code="no-origin",
                field="derive_from",
                hint='Give derive_from="PROJECT/KEY" too; milestones name their state and lane.',
            )
        return {}
    return {
        "derived_from": str(derive_from),
        "derived_state": state,
        "derived_lane": None if lane is None else given_lane(lane),
    }


def _request(wanted: Mapping[str, object]) -> BuildCreate:
    try:
        request = BuildCreate.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "build"
        raise refusal(first, field) from error
    # A flow that is run again means the same build, also when it names no version.
    return request.model_copy(update={"key": request.key or request.derived_key})
