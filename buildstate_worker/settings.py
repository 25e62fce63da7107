"""What one worker was told by its environment and its config file, read once.

Nothing else on a worker reads `os.environ` for settings: an entry point calls
`Settings.load(os.environ)` and passes the result on. Which service it talks to, and where its
files are, is in `buildstate_core.config`; how it gets there is in `buildstate_worker.network`.

- `BLDST_CACHE_DIR`: where pulled artifacts are cached. Default: the user's cache folder.
- `BLDST_CACHE_MAX_BYTES`: what pulled artifacts may take up there: `50G` (1024³ bytes each),
  `50GB` (1000³ each), or a number of bytes; `0` keeps none. Default: a tenth of that disk.
- `BLDST_STORAGE_URL`: where artifacts go if the project names no storage. Default: a folder in the
  data folder.
- `BLDST_LEASE_SECONDS`: after how long without a heartbeat a claim is lost. Default: 60.
- `BLDST_WORKER`: this worker's name in claims and history. Default: the host's name.
- `BLDST_SFTP_KEY`: the private key file for `sftp://`. Default: the agent's, `~/.ssh/config`'s and
  those in `~/.ssh`.
- `BLDST_SFTP_KNOWN_HOSTS`: the file of host keys that `sftp://` believes. Default:
  `~/.ssh/config`'s, or `~/.ssh/known_hosts`.
- `BLDST_PROBE_<KIND>`: the command that looks at handles of a kind, such as `BLDST_PROBE_RBD`; in
  capitals, with `_` for `-`, `.` and `+`. Default: what looks at that kind without one.
"""

import shlex
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Self

import platformdirs

from buildstate_core.config import NAME, LocalConfig, folder
from buildstate_core.errors import InvalidInput
from buildstate_core.units import parse_size
from buildstate_worker.network import CaBundle, Network

_PROBE: Final = "BLDST_PROBE_"


@dataclass(frozen=True, kw_only=True)
class Settings(LocalConfig):
    """The settings of one worker. Build it with `load`, and pass it on as an argument.

    Attributes:
        cache_dir: The folder of pulled artifacts.
        storage_url: Where artifacts go when the project names no storage.
        worker: This worker's name.
        lease_seconds: After how long without a heartbeat a claim is lost.
        cache_max_bytes: What pulled artifacts may take up. `None`: a tenth of the cache's disk.
        probes: The words of the commands that look at handles, by the end of their variable's name.
        network: The proxies, and the certificates that are believed.
    """

    cache_dir: Path
    storage_url: str
    worker: str
    lease_seconds: int
    cache_max_bytes: int | None = None
    probes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    network: Network = field(default_factory=Network)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment and the config file.

        Raises:
            InvalidInput: The config file is not valid TOML or not of the expected shape, or a
                number or a command in the environment cannot be read.
        """
        local = LocalConfig.load(environ)
        return cls(
            **asdict(local),
            cache_dir=folder(environ, "BLDST_CACHE_DIR", platformdirs.user_cache_path(NAME)),
            storage_url=environ.get("BLDST_STORAGE_URL") or (local.data_dir / "artifacts").as_uri(),
            worker=environ.get("BLDST_WORKER") or socket.gethostname(),
            lease_seconds=_seconds(environ, "BLDST_LEASE_SECONDS", 60),
            cache_max_bytes=_size(environ, "BLDST_CACHE_MAX_BYTES"),
            probes=_probes(environ),
            network=Network.load(environ, of_profile=_ca_bundle(local)),
        )


def sftp_files(environ: Mapping[str, str]) -> tuple[Path | None, Path | None]:
    """Return the private key and the known host keys to use in place of what SSH uses."""

    def named(variable: str) -> Path | None:
        value = environ.get(variable)
        return Path(value).expanduser() if value else None

    return named("BLDST_SFTP_KEY"), named("BLDST_SFTP_KNOWN_HOSTS")


def _ca_bundle(local: LocalConfig) -> CaBundle | None:
    if local.ca_bundle is None:
        return None
    named_by = f"ca_bundle of the profile {local.profile}"
    return CaBundle(str(local.ca_bundle), named_by, only_for=local.api_url)


def _seconds(environ: Mapping[str, str], variable: str, default: int) -> int:
    value = environ.get(variable)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise InvalidInput(
            f"{variable} is {value!r}; use a whole number of seconds above 0.", field=variable
        )
    return int(value)


def _size(environ: Mapping[str, str], variable: str) -> int | None:
    value = environ.get(variable)
    if not value:
        return None
    size = parse_size(value)
    if size is None:
        raise InvalidInput(
            f"{variable} is {value!r}; use a size such as 50G, or a number of bytes.",
            field=variable,
        )
    return size


def _probes(environ: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found = {}
    for variable, line in environ.items():
        if not variable.startswith(_PROBE) or not line.strip():
            continue
        try:
            found[variable.removeprefix(_PROBE)] = tuple(shlex.split(line))
        except ValueError as error:
            raise InvalidInput(
                f"{variable} is {line!r}, which cannot be read as a command: {error}.",
                field=variable,
                hint="Write it as for a shell, with every quote closed. To use a pipe or a"
                " variable, put it in a script.",
            ) from error
    return found
