"""Telling a file that is gone from a storage that is not mounted, by the folders of its upload.

A folder that is not mounted looks like one in which nothing is left. But an upload makes folders,
and nothing of ours removes one: where none of them exists, nobody can tell.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Self

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class MountCheck:
    """The two folders that show that a file's storage is mounted; one of them is enough.

    Attributes:
        own: The folder that was made for the file; if it exists, the storage is there. `None`: it
            may have existed before the storage was mounted.
        used: A folder that is not empty if the storage is there.
    """

    own: PurePath | None
    used: PurePath

    @classmethod
    def of(cls, path: PurePath, root: PurePath | None) -> Self:
        """Return the folders to look at for a file.

        Args:
            path: The file.
            root: Where the storage of its project begins; it may be another storage.

        >>> root, own = PurePath("/srv"), PurePath("/srv/7/state-05/0198")
        >>> MountCheck.of(own / "a.raw", root) == MountCheck(own, root / "7")
        True
        >>> MountCheck.of(root / "a.raw", root) == MountCheck(None, root)
        True
        """
        folder = path.parent
        if root is not None and root in folder.parents:
            return cls(folder, root / folder.relative_to(root).parts[0])
        return cls(folder if _ID.search(folder.name) else None, folder)

    def next_step(self, check: str) -> str:
        """Return the hint for when neither is found; `check` is the sentence that comes first."""
        return (
            f"{check} If it is, and what was there is gone for good, put any file into"
            f" {self.used}: then it counts as gone."
        )
