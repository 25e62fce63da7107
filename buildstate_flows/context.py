"""Opening a build: what milestones are called in."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, environ
from pathlib import Path

from pydantic import ValidationError

from buildstate_core.artifacts import Artifacts
from buildstate_core.client import PATIENT, Client
from buildstate_core.errors import InvalidInput
from buildstate_core.models import BuildCreate, Plan
from buildstate_core.settings import Settings
from buildstate_flows.passes import Pass, open_pass
from buildstate_flows.rewinding import fetch


class OpenBuild:
    """The build that milestones record to.

    Attributes:
        id: Its id.
        number: Its number, as the command line takes it.
        key: What makes the same call on another worker find it.
        url: It in the service.
    """

    def __init__(self, work: Pass) -> None:
        self._pass = work
        self.id = work.build.id
        self.number = work.build.number
        self.key = work.build.key
        self.url = f"{work.client.api_url}/v1/builds/{self.number}"

    @property
    def workdir(self) -> Path:
        """This pass's folder. Without a `workdir` of one's own it is removed at the end."""
        return self._pass.folder

    @property
    def downloads(self) -> tuple[int, ...]:
        """What this pass has downloaded so far: the bytes of each artifact."""
        return tuple(self._pass.shelf.downloads)

    def plan(self) -> Plan:
        """Get what a rerun would do, and why."""
        return self._pass.client.plan(self.number)

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
    workdir: str | PathLike[str] | None = None,
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
        workdir: A folder for files, which is kept. Default: one that is removed at the end.
        settings: Where the service is. Default: as the environment and the config file say.

    Raises:
        InvalidInput: A value is wrong; `field` names it.
        NotFound: There is no such project.
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
    }
    request = _request({name: value for name, value in wanted.items() if value is not None})
    used = settings or Settings.load(environ)
    client = Client(used.api_url, used.api_key, retries=PATIENT)
    work = Pass(
        client.create_build(request),
        client=client,
        artifacts=Artifacts.of_worker(client, used),
        settings=used,
        folder=None if workdir is None else Path(workdir),
        fetch=fetch,
    )
    token = open_pass.set(work)
    try:
        yield OpenBuild(work)
    except BaseException:
        work.close(wait=False)
        raise
    else:
        work.close(wait=True)
    finally:
        open_pass.reset(token)


def current_build() -> OpenBuild:
    """Give the build that is open here, in a flow or in a milestone.

    Raises:
        InvalidInput: There is none.
    """
    return OpenBuild(Pass.current())


def _request(wanted: Mapping[str, object]) -> BuildCreate:
    try:
        request = BuildCreate.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "build"
        raise InvalidInput(
            f"{field} is {first['input']!r}: {first['msg']}.", code="bad-build", field=field
        ) from error
    # A flow that is run again means the same build, also when it names no version.
    return request.model_copy(update={"key": request.key or request.derived_key})
