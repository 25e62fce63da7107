"""What type checkers make of milestones. Checked by mypy and pyright, not run."""

from pathlib import Path
from typing import Any, assert_type

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from buildstate_core.vocabulary import Compression, Kind, Sensitivity
from buildstate_flows import (
    BuildStateServer,
    Handle,
    Milestone,
    OpenBuild,
    build,
    current_build,
    milestone,
)


@milestone(state=10, retries=2, tags=["base"])
def base(release: str) -> Path:
    return Path(release)


@milestone(state=50, kind="checkpoint", inputs=["playbook.yml"])
async def application(image: Path, *, level: int = 1) -> dict[str, Path]:
    return {str(level): image}


@milestone(state=60, kind=Kind.EFFECT, lane="{region}")
def register(image: Path, region: str) -> Handle:
    return Handle("ami", image.name, region=region)


@register.probe
def is_registered(ami: Handle) -> bool:
    return bool(ami.id)


@milestone(state=30, code="ignore", version="3", ignore=["image"])
def step(image: Path) -> None:
    image.touch()


@milestone(state=45, discover=False)
def unseen() -> None: ...


@milestone(
    state=40,
    ignore_reads=["cache/*"],
    storage="s3://vault",
    compression="none",
    sensitivity="secret",
)
def keys() -> dict[str, Path]:
    return {}


def calls() -> None:
    accepts_any(base)
    assert_type(base("9.6"), Path)
    assert_type(base.fn("9.6"), Path)
    assert_type(base("9.6", return_state=True), State[Path])
    assert_type(base.submit("9.6"), PrefectFuture[Path])
    accepts_any(register.with_options(lane="eu", retries=3, ignore=()))
    assert_type(register.with_options(lane="eu")(base("9.6"), "eu"), Handle)
    assert_type(step(base("9.6")), None)
    accepts_any(unseen.with_options(discover=True, ignore_reads=("cache/*",)))
    accepts_any(keys.with_options(storage=None, compression=None, sensitivity="public"))
    accepts_any(keys.with_options(compression=Compression.ZSTD, sensitivity=Sensitivity.INTERNAL))


async def async_calls() -> None:
    assert_type(await application(base("9.6"), level=2), dict[str, Path])


def accepts_any(task: Milestone[..., Any]) -> None:
    assert_type(task.spec.state, int)


def builds() -> None:
    with build("rhel-base", "9.6", platform="aws", labels={"team": "platform"}) as this:
        assert_type(this, OpenBuild)
        assert_type(this.number, int)
        assert_type(this.downloads, tuple[int, ...])
    assert_type(current_build().workdir, Path)
    server = BuildStateServer(api_url="http://127.0.0.1:8642")
    with build("rhel-aws", derive_from="rhel-common/9.6", state=40, server=server):
        assert_type(is_registered(Handle("ami", "ami-0")), bool)
    with build("rhel-aws", derive_from=123, server="images") as derived:
        assert_type(derived, OpenBuild)


def mistakes() -> None:
    base(9.6)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    base.with_options(cache_key_fn=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    milestone(state="25")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    milestone(state=25, kind="stp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    milestone(state=25, code="none")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    milestone(state=25, storage=Path("vault"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    milestone(state=25, compression="gzip")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    base.with_options(sensitivity=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
