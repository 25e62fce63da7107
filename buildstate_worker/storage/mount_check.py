"""What shows that a storage is there although a file in it is not: the folders of its upload.

A folder that is not mounted looks like one in which nothing is left. But an upload makes folders,
and nothing of ours removes one: where none of them is, nobody can tell.
"""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Self

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Traces:
    """Where to look for a storage in which a file is missing; one of the two is enough.

    Attributes:
        own: The folder that was made for the file. `None`: it may be older than the storage.
        used: The folder in which there is something if the storage is there.
    """

    own: PurePath | None
    used: PurePath

    @classmethod
    def of(cls, path: PurePath, root: PurePath | None) -> Self:
        """Give those of a file.

        Args:
            path: The file.
            root: Where the storage of its project begins; it may be another storage.

        >>> root, own = PurePath("/srv"), PurePath("/srv/7/state-05/0198")
        >>> Traces.of(own / "a.raw", root) == Traces(own, root / "7")
        True
        >>> Traces.of(root / "a.raw", root) == Traces(None, root)
        True
        """
        folder = path.parent
        if root is not None and root in folder.parents:
            return cls(folder, root / folder.relative_to(root).parts[0])
        return cls(folder if _ID.search(folder.name) else None, folder)

    def what_to_do(self, check: str) -> str:
        """Say what to do where there are none, after what is to be checked first."""
        return (
            f"{check} If it is, and what was there is gone for good, put any file into"
            f" {self.used}: then it counts as gone."
        )
