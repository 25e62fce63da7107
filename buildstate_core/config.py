"""Where this user's files of BuildState are, and the profile that says which service to talk to.

It is all that the service and the workers have to know of one machine's configuration, and the
only I/O of this package.

- `BLDST_API_URL`: where the service is. Default: the profile's, then the local server's.
- `BLDST_API_KEY`: the key for the service. Default: the profile's, if that is for the same URL.
- `BLDST_PROFILE`: which profile of the config file. Default: its `default_profile`, then `local`.
- `BLDST_CONFIG_DIR`: the folder of `config.toml`. Default: the user's config folder.
- `BLDST_DATA_DIR`: where the local server keeps its data. Default: the user's data folder; for
  root `/var/lib/buildstate`.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import platformdirs

from buildstate_core.errors import InvalidInput

LOCAL_URL: Final = "http://127.0.0.1:8642"
"""Where `bldst server start` listens unless told otherwise."""

ROOT_DATA_DIR: Final = Path("/var/lib/buildstate")
"""Root's data folder. PostgreSQL never runs as root, and the user it runs as must be able to
reach its data without root's home being opened to others."""

NAME: Final = "buildstate"
"""What the folders of this user are named."""


@dataclass(frozen=True, kw_only=True)
class LocalConfig:
    """The local folders, and the service that the chosen profile names.

    Attributes:
        api_url: The service's base URL, without a trailing slash.
        api_key: The key sent with each request, or `None` when there is none.
        profile: The name of the profile that was looked at, whether or not it exists.
        config_file: Where profiles are kept.
        data_dir: The local server's data folder.
        ca_bundle: The certificates that the profile believes, in place of the system's, of the
            service at `api_url`. `None`: it names none, or is for another service.
    """

    api_url: str
    api_key: str | None
    profile: str
    config_file: Path
    data_dir: Path
    ca_bundle: Path | None = None

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the environment and the config file.

        Raises:
            InvalidInput: The config file is not valid TOML or not of the expected shape.
        """
        config_file = (
            folder(environ, "BLDST_CONFIG_DIR", platformdirs.user_config_path(NAME)) / "config.toml"
        )
        config = read_config(config_file)
        profile = environ.get("BLDST_PROFILE") or config.get("default_profile") or "local"
        stored: Mapping[str, str] = config.get("profiles", {}).get(profile, {})
        stored_url = stored.get("api_url", LOCAL_URL).rstrip("/")
        api_url = (environ.get("BLDST_API_URL") or stored_url).rstrip("/")
        # A stored key is for the stored server: it is not shown to another one.
        own: Mapping[str, str] = stored if api_url == stored_url else {}
        return cls(
            api_url=api_url,
            api_key=environ.get("BLDST_API_KEY") or own.get("api_key"),
            profile=profile,
            config_file=config_file,
            data_dir=folder(environ, "BLDST_DATA_DIR", _default_data_dir()),
            ca_bundle=_beside(config_file, own.get("ca_bundle")),
        )


def folder(environ: Mapping[str, str], variable: str, default: Path) -> Path:
    """Return the folder that a variable names, made absolute, or the default.

    An empty variable counts as not set. `~` is the user's home.
    """
    value = environ.get(variable)
    return Path(value).expanduser().absolute() if value else default


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
            hint='A profile is a table [profiles.NAME] with the strings "api_url" and "api_key",'
            ' and "ca_bundle" if it needs that.',
        )
    return config


def write_profile(config_file: Path, profile: str, *, api_url: str, api_key: str) -> None:
    """Store a profile, keeping the others, in a file that only its owner can read.

    What else the profile says, it still says.

    The file is replaced in one step, so that a reader sees the old one or the new one.
    """
    import tomli_w  # noqa: PLC0415 - only a login or a first start writes

    config = read_config(config_file)
    config.setdefault("default_profile", profile)
    stored = config.setdefault("profiles", {}).setdefault(profile, {})
    stored |= {"api_url": api_url, "api_key": api_key}
    config_file.parent.mkdir(parents=True, exist_ok=True)
    temp = config_file.with_name(f".{config_file.name}.{os.getpid()}")
    temp.touch(mode=0o600)
    temp.write_text(tomli_w.dumps(config), encoding="utf-8")
    temp.replace(config_file)


def _beside(config_file: Path, name: str | None) -> Path | None:
    """Return the path of a file that the config file names; a relative one begins at its folder."""
    return config_file.parent / Path(name).expanduser() if name else None


def _default_data_dir() -> Path:
    return ROOT_DATA_DIR if os.geteuid() == 0 else platformdirs.user_data_path(NAME)
