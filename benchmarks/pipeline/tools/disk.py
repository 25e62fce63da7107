"""Disks and their images."""

from pathlib import Path

from buildstate_flows import workdir


class Base:
    """What every disk has."""

    UNIT = "GiB"

    def unit(self):
        """Return its unit."""
        return self.UNIT


class Disk(Base):
    """A disk of some size."""

    def __init__(self, size):
        self.size = size

    @property
    def doubled(self):
        """Twice its size."""
        return self.size * 2

    @staticmethod
    def label():
        """Return what it is called."""
        return "root"

    def described(self):
        """Return it in words."""
        return f"{self.label()} {self.doubled} {self.unit()}"


def image(*parts) -> Path:
    """Write an image that is made of some parts."""
    path = workdir() / "image.raw"
    path.write_text("\n".join(joined(each) for each in parts))
    return path


def joined(part, between=","):
    """Return a part as a text."""
    return between.join(map(str, part)) if isinstance(part, list) else str(part)


def content_of(path: Path) -> str:
    """Return what an image is made of."""
    return path.read_text()
