"""What one process was told by its environment and its config file, read once.

Nothing else in BuildState reads `os.environ` for settings: an entry point calls
`Settings.load(os.environ)` and passes the result on.

- `BLDST_API_URL`: where the service is. Default: the profile's, then the local server's.
- `BLDST_API_KEY`: the key for the service. Default: the profile's, if that is for the same URL.
- `BLDST_PROFILE`: which profile of the config file. Default: its `default_profile`, then `local`.
- `BLDST_CONFIG_DIR`: the folder of `config.toml`. Default: the user's config folder.
- `BLDST_DATA_DIR`: where the local server keeps its data. Default: the user's data folder; for
  root `/var/lib/buildstate`.
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

import os
import shlex
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs

from buildstate_core.errors import InvalidInput
from buildstate_core.sizes import parse_size

LOCAL_URL: Final = "http://127.0.0.1:8642"
"""Where `bldst server start` listens unless told otherwise."""

ROOT_DATA_DIR: Final = Path("/var/lib/buildstate")
"""Root's data folder. PostgreSQL never runs as root, and the user it runs as must be able to
reach its data without root's home being opened to others."""

_NAME = "buildstate"
_PROBE: Final = "BLDST_PROBE_"


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Build it with `load`; give it on as an argument.

    Attributes:
        api_url: The service's base URL, without a trailing slash.
        api_key: The key sent with each request, or `None` when there is none.
        profile: The name of the profile that was looked at, whether or not it exists.
        config_file: Where profiles are kept.
        data_dir: The local server's data folder.
        cache_dir: The folder of pulled artifacts.
        storage_url: Where artifacts go when the project names no storage.
        worker: This worker's name.
        lease_seconds: After how long without a heartbeat a claim is lost.
        cache_max_bytes: What pulled artifacts may take up. `None`: a tenth of the cache's disk.
        probes: The words of the commands that look at handles, by the end of their variable's name.
    """

    api_url: str
    api_key: str | None
    profile: str
    config_file: Path
    data_dir: Path
    cache_dir: Path
    storage_url: str
    worker: str
    lease_seconds: int
    cache_max_bytes: int | None = None
    probes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment and the config file.

        Raises:
            InvalidInput: The config file is not valid TOML or not of the expected shape, or a
                number or a command in the environment is none.
        """
        data_dir = _folder(environ, "BLDST_DATA_DIR", _default_data_dir())
        config_file = (
            _folder(environ, "BLDST_CONFIG_DIR", platformdirs.user_config_path(_NAME))
            / "config.toml"
        )
        config = read_config(config_file)
        profile = environ.get("BLDST_PROFILE") or config.get("default_profile") or "local"
        stored: Mapping[str, str] = config.get("profiles", {}).get(profile, {})
        stored_url = stored.get("api_url", LOCAL_URL).rstrip("/")
        api_url = (environ.get("BLDST_API_URL") or stored_url).rstrip("/")
        # A stored key is for the stored server: it is not shown to another one.
        stored_key = stored.get("api_key") if api_url == stored_url else None
        return cls(
            api_url=api_url,
            api_key=environ.get("BLDST_API_KEY") or stored_key,
            profile=profile,
            config_file=config_file,
            data_dir=data_dir,
            cache_dir=_folder(environ, "BLDST_CACHE_DIR", platformdirs.user_cache_path(_NAME)),
            storage_url=environ.get("BLDST_STORAGE_URL") or (data_dir / "artifacts").as_uri(),
            worker=environ.get("BLDST_WORKER") or socket.gethostname(),
            lease_seconds=_seconds(environ, "BLDST_LEASE_SECONDS", 60),
            cache_max_bytes=_size(environ, "BLDST_CACHE_MAX_BYTES"),
            probes=_probes(environ),
        )


def sftp_files(environ: Mapping[str, str]) -> tuple[Path | None, Path | None]:
    """Give the private key and the known host keys to use in place of what SSH uses."""

    def named(variable: str) -> Path | None:
        value = environ.get(variable)
        return Path(value).expanduser() if value else None

    return named("BLDST_SFTP_KEY"), named("BLDST_SFTP_KNOWN_HOSTS")


def read_config(config_file: Path) -> dict[str, Any]:
    """Read the config file; a missing one is empty.

    Raises:
        InvalidInput: It is not valid TOML, or a profile in it is not a table of strings.
    """
    try:
        config = tomllib.loads(config_file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The config file {config_file} is not valid TOML: {error}.",
            code="bad-config",
            hint="Correct it, or remove it and log in again.",
        ) from error
    profiles = config.get("profiles", {})
    well_formed = isinstance(profiles, dict) and all(
        isinstance(profile, dict) and all(isinstance(value, str) for value in profile.values())
        for profile in profiles.values()
    )
    if not well_formed or not isinstance(config.get("default_profile", ""), str):
        raise InvalidInput(
            f"The config file {config_file} is not of the expected shape.",
            code="bad-config",
            hint='A profile is a table [profiles.NAME] with the strings "api_url" and "api_key".',
        )
    return config


def write_profile(config_file: Path, profile: str, *, api_url: str, api_key: str) -> None:
    """Store a profile, keeping the others, in a file that only its owner can read.

    The file is replaced in one step, so that a reader sees the old one or the new one.
    """
    import tomli_w  # noqa: PLC0415 - only a login or a first start writes

    config = read_config(config_file)
    config.setdefault("default_profile", profile)
    config.setdefault("profiles", {})[profile] = {"api_url": api_url, "api_key": api_key}
    config_file.parent.mkdir(parents=True, exist_ok=True)
    draft = config_file.with_name(f".{config_file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(tomli_w.dumps(config), encoding="utf-8")
    draft.replace(config_file)


def _default_data_dir() -> Path:
    return ROOT_DATA_DIR if os.geteuid() == 0 else platformdirs.user_data_path(_NAME)


def _folder(environ: Mapping[str, str], variable: str, default: Path) -> Path:
    value = environ.get(variable)
    return Path(value).expanduser().absolute() if value else default


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
                f"{variable} is {line!r}, which is no command: {error}.",
                field=variable,
                hint="Write it as for a shell, with every quote closed. To use a pipe or a"
                " variable, put it in a script.",
            ) from error
    return found
