"""What one call of `bldst` knows about where it runs.

- `BLDST_DEBUG`: `1` shows the traceback of an internal error. Default: it is not shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from buildstate_worker.settings import Settings


@dataclass(frozen=True)
class Session:
    """The environment that `main` was started in; every command finds it in `ctx.obj`."""

    environ: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The settings, read when first asked for: a broken config file does not break `--help`.

        Raises:
            InvalidInput: The config file is not valid.
        """
        return Settings.load(self.environ)

    @property
    def spool_folder(self) -> Path:
        """Where plain reports wait while the service cannot be reached."""
        return self.settings.data_dir / "spool"

    @property
    def is_debugging(self) -> bool:
        """Whether an internal error shows its traceback."""
        return self.environ.get("BLDST_DEBUG", "") not in {"", "0"}
