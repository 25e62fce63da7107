"""How a worker stores what a milestone makes: the same options in a terminal and in Prefect."""

from dataclasses import dataclass

from buildstate_core.vocabulary import Compression, Sensitivity


@dataclass(frozen=True, kw_only=True)
class StorageOptions:
    """How a file or folder is stored. None of it decides whether a milestone is unchanged.

    Attributes:
        storage: Where to put it instead of the project's storage: a folder or a template.
        compression: How to store it; `None` for what the project says.
        sensitivity: Who may see it. A project says where each label may be stored.
    """

    storage: str | None = None
    compression: Compression | None = None
    sensitivity: Sensitivity = Sensitivity.INTERNAL

    @property
    def is_about_places(self) -> bool:
        """Whether they say something about where files may be stored."""
        return self.storage is not None or self.sensitivity is not Sensitivity.INTERNAL
