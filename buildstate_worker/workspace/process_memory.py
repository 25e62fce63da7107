"""What one process remembers of its machines: a flow's, which end with it."""

from typing import Final

from buildstate_core.vocabulary import TRUNK

_MOST_HELD: Final = 1000
"""As many as a claim may name."""


class ProcessMemory:
    """Which steps the machine of each lane holds, by their digests, as long as this process lives.

    Nothing of it is kept in files: the machine of another process begins with nothing. A lane
    begins where the trunk is.
    """

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, ...]] = {}

    def held(self, lane: str) -> tuple[str, ...]:
        """Return the digests of the steps that the machine of a lane holds."""
        return self._held.get(lane, self._held.get(TRUNK, ()))

    def hold(self, lane: str, step: str) -> None:
        """Note that the machine of a lane now holds this step, too."""
        self._held[lane] = (*self.held(lane), step)[-_MOST_HELD:]

    def restore(self, lane: str) -> None:
        """Note that the machine of a lane is put back to recorded artifacts, without any steps."""
        self._held[lane] = ()

    def lose(self, lane: str) -> None:
        """Note that a milestone failed half-way.

        The trunk's machine holds nothing then. A lane's begins anew from where the trunk is, whose
        files it has not touched.
        """
        if lane == TRUNK:
            self._held[TRUNK] = ()
        else:
            self._held.pop(lane, None)
