"""A pipeline of five states over four modules, for `mutations.py`."""

import os
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path

import settings
from tools import packages
from tools.disk import Disk, content_of, image

from buildstate_flows import milestone


class Level(Enum):
    """How much is locked down."""

    LOW = "low"
    HIGH = "high"


@dataclass
class Plan:
    """What is installed."""

    names: set[str]
    sizes: dict[str, Decimal] = field(default_factory=dict)
    level: Level = Level.HIGH


PORTS = [22, 443]
MOTD = "welcome"


@milestone(state=10)
def base(version: str) -> Path:
    """Make the base image."""
    return image(Disk(size=settings.SIZE).described(), version, settings.MIRROR)


@milestone(state=25)
def harden(disk: Path, level: Level) -> Path:
    """Lock it down."""
    rules = Path("conf/sshd").read_text()
    extra = sorted(os.listdir("conf/rules"))
    return image(content_of(disk), level.value, rules, extra, PORTS)


@milestone(state=50)
def install(disk: Path, plan: Plan) -> Path:
    """Install the packages."""
    names = [packages.versioned(each) for each in sorted(plan.names)]
    sizes = {name: str(size) for name, size in sorted(plan.sizes.items())}
    return image(content_of(disk), names, sizes, plan.level.name)


@milestone(state=60)
def configure(disk: Path, options: tuple[object, ...]) -> Path:
    """Configure it; a local override wins, if there is one."""
    try:
        override = Path("conf/override").read_text()
    except FileNotFoundError:
        override = "none"
    return image(content_of(disk), options, override, MOTD, Path("conf/motd").read_text())


@milestone(state=90)
def seal(disk: Path, *, checks: int = 3) -> Path:
    """Check it, and seal it."""
    from tools import sealing

    return image(content_of(disk), sealing.seal(checks))


def main() -> Path:
    """Take one image from 0 to 90."""
    disk = harden(base("9.6"), Level.LOW)
    plan = Plan(names={"curl", "vim", "git"}, sizes={"curl": Decimal("1.50")})
    disk = configure(install(disk, plan), ("tcp", 8080, None, b"\x01"))
    return seal(disk)
