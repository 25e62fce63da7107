"""A newcomer's shell."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_HOME,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)
from support import short_folder
from support.ports import free_port

from .snippets import ROOT, Shell

# The generator of the reference is no part of the distribution.
sys.path.append(str(ROOT))


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """A newcomer's environment: no settings, an empty home, a free port."""
    with short_folder() as folder:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BLDST_", "PREFECT"))}
        environ = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
            "BLDST_DATA_DIR": str(folder / "data"),
            "BLDST_CONFIG_DIR": str(folder / "config"),
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_PORT": str(free_port()),
        }
        try:
            yield environ
        finally:
            subprocess.run(["bldst", "server", "stop"], env=environ, check=False, timeout=120)


@pytest.fixture
def _own_prefect(environ: dict[str, str], tmp_path: Path, prefect_home: Path) -> Iterator[None]:
    """Have the snippets use a Prefect of their own, which a busy machine may take long to start."""
    own = {
        PREFECT_HOME: shutil.copytree(prefect_home, tmp_path / "prefect"),
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 150,
        PREFECT_SERVER_ANALYTICS_ENABLED: False,
    }
    environ |= {setting.name: str(value) for setting, value in own.items()}
    # For those in Python, whose process has read its settings already.
    with temporary_settings(own):
        yield


@pytest.fixture
def shell(environ: dict[str, str], tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path, environ)
    yield shell
    shell.close()
