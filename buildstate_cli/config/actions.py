"""The settings in force."""

from typing import Final

from pydantic import JsonValue

from buildstate_cli.config import view as configuration
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_worker.network import CaBundle, Proxy
from buildstate_worker.settings import Settings

_SHOWN_OF_KEY: Final = 12
_LONG_ENOUGH: Final = 32
"""Below this many characters even a key's beginning would give too much of it away."""


def show_all(session: Session, output: Format) -> None:
    """Print the settings; never the key itself."""
    show(_described(session.settings), output, configuration.one)


def _described(settings: Settings) -> dict[str, JsonValue]:
    return {
        "api_url": settings.api_url,
        "api_key": _beginning(settings.api_key),
        "proxy": _if_any(settings.network.proxy_for(settings.api_url)),
        "ca_bundle": _if_any(settings.network.ca_bundle_for(settings.api_url)),
        "profile": settings.profile,
        "config_file": str(settings.config_file),
        "data_dir": str(settings.data_dir),
        "cache_dir": str(settings.cache_dir),
        "cache_max_bytes": settings.cache_max_bytes,
        "storage_url": settings.storage_url,
        "worker": settings.worker,
    }


def _if_any(named: Proxy | CaBundle | None) -> str | None:
    return None if named is None else str(named)


def _beginning(key: str | None) -> str | None:
    if key is None:
        return None
    return f"{key[:_SHOWN_OF_KEY]}…" if len(key) >= _LONG_ENOUGH else "…"
