"""Changes to the pipeline in `pipeline/`: those that change its image, and those that do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """One change of one file.

    Attributes:
        file: Relative to the project.
        old: What is replaced; empty for a file that is made.
        new: What stands there instead; `None` for a file that is removed.
    """

    file: str
    old: str
    new: str | None

    def make(self, project: Path) -> None:
        """Change the file."""
        path = project / self.file
        if self.new is None:
            path.unlink()
            return
        if not self.old:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.new)
            return
        text = path.read_text()
        assert text.count(self.old) == 1, (self, text.count(self.old))  # noqa: S101 - a mistake here
        path.write_text(text.replace(self.old, self.new))

    def __str__(self) -> str:
        return f"{self.file}: {self.old!r} → {self.new!r}"


def that_count() -> Iterator[Change]:
    """Yield 60 changes after which the image is another one."""
    for old, new in (
        ("version, settings.MIRROR)", "version, settings.MIRROR, 1)"),
        ("level.value, rules, extra, PORTS)", "rules, level.value, extra, PORTS)"),
        ("extra, PORTS)", "extra, PORTS[::-1])"),
        ("extra, PORTS)", "extra, [each + 1 for each in PORTS])"),
        ("sorted(os.listdir", "len(os.listdir"),
        ("{name: str(size)", "{name: float(size)"),
        ("plan.level.name)", "plan.level.value)"),
        ("PORTS = [22, 443]", "PORTS = [22, 8443]"),
        ("PORTS = [22, 443]", "PORTS = [443, 22]"),
        ('MOTD = "welcome"', 'MOTD = "go away"'),
        ('LOW = "low"', 'LOW = "lower"'),
        ("level: Level = Level.HIGH", "level: Level = Level.LOW"),
        ("checks: int = 3", "checks: int = 4"),
        ('base("9.6")', 'base("9.7")'),
        ('base("9.6")', 'base("9.6 ")'),
        ("Level.LOW)", "Level.HIGH)"),
        ('{"curl", "vim", "git"}', '{"curl", "vim"}'),
        ('{"curl": Decimal("1.50")}', '{"curl": Decimal("1.5")}'),
        ('{"curl": Decimal("1.50")}', '{"vim": Decimal("1.50")}'),
        ('("tcp", 8080, None, b"\\x01")', '("tcp", 8080, None, b"\\x02")'),
        ('("tcp", 8080, None, b"\\x01")', '["tcp", 8080, None, b"\\x01"]'),
        ('("tcp", 8080, None, b"\\x01")', '("tcp", 8080.0, None, b"\\x01")'),
        ('("tcp", 8080, None, b"\\x01")', '("tcp", "8080", None, b"\\x01")'),
        ('("tcp", 8080, None, b"\\x01")', '("tcp", 8080, False, b"\\x01")'),
        ('override = "none"', 'override = "nothing"'),
        ("sealing.seal(checks)", "sealing.seal(checks + 1)"),
    ):
        yield Change("flow.py", old, new)
    for old, new in (
        ("SIZE = 40", "SIZE = 41"),
        ("mirror.example/9", "mirror.example/10"),
        ('"curl": "8.1"', '"curl": "8.2"'),
        ('"git": "2.43"', '"git": "2.44"'),
    ):
        yield Change("settings.py", old, new)
    for old, new in (
        ('UNIT = "GiB"', 'UNIT = "GB"'),
        ("return self.UNIT", "return self.UNIT.lower()"),
        ("self.size = size", "self.size = size + 1"),
        ("self.size * 2", "self.size * 3"),
        ('return "root"', 'return "boot"'),
        ("{self.doubled} {self.unit()}", "{self.doubled}{self.unit()}"),
        ('"\\n".join', '"\\t".join'),
        ('between=","', 'between=";"'),
        ("map(str, part)", "map(repr, part)"),
        ("return path.read_text()", "return path.read_text().upper()"),
        ("class Disk(Base):\n", 'class Disk(Base):\n    UNIT = "TiB"\n\n'),
    ):
        yield Change("tools/disk.py", old, new)
    for old, new in (
        ('@labelled("rpm")', '@labelled("deb")'),
        ('@labelled("rpm")\n', ""),
        ('f"{label}:{function(name)}"', 'f"{label}={function(name)}"'),
        ("settings.RELEASES[name]", "settings.RELEASES[name][::-1]"),
        ('"el9")', '"el8")'),
        ('"-{}".format', '"_{}".format'),
        ("name.strip().lower()", "name.strip().upper()"),
        ("{clean(name)}-{release_of", "{clean(name)}_{release_of"),
    ):
        yield Change("tools/packages.py", old, new)
    for old, new in (
        ('SALT = ("a", 1)', 'SALT = ("b", 1)'),
        ('SALT = ("a", 1)', 'SALT = ("a", 2)'),
        ("range(checks)", "range(1, checks)"),
        (":02d}", ":03d}"),
    ):
        yield Change("tools/sealing.py", old, new)
    yield Change("conf/sshd", "no", "yes")
    yield Change("conf/sshd", "PermitRootLogin no\n", "PermitRootLogin no\n\n")
    yield Change("conf/motd", "hello", "hi")
    yield Change("conf/rules/three", "", "3\n")
    yield Change("conf/rules/two", "", None)
    yield Change("conf/override", "", "by hand\n")
    yield Change("conf/override", "", "")


def that_do_not() -> Iterator[Change]:
    """Yield 40 changes after which the image is the same."""
    for file, docstring in (
        ("flow.py", "A pipeline of five states over four modules, for `mutations.py`."),
        ("settings.py", "Constants that all modules share."),
        ("tools/disk.py", "Disks and their images."),
        ("tools/packages.py", "Packages and their versions."),
        ("tools/sealing.py", "The last steps."),
    ):
        quoted = f'"""{docstring}"""'
        yield Change(file, quoted, f"# A comment.\n{quoted}")
        yield Change(file, quoted, f"{quoted}\n\n\n\n# Another comment.\n")
        yield Change(file, docstring, f"{docstring} More words.")
    for old, new in (
        ("def base(version: str)", "def base(version)"),
        (
            "def harden(disk: Path, level: Level)",
            "def harden(\n    disk: Path,\n    level: Level,\n)",
        ),
        ("extra, PORTS)", "extra, PORTS)  # in order"),
        ('MOTD = "welcome"', "MOTD = 'welcome'"),
        ('MOTD = "welcome"', 'MOTD: str = "welcome"'),
        ('MOTD = "welcome"', 'MOTD = ("wel" "come")'),
        ('{"curl", "vim", "git"}', '{"vim", "git", "curl"}'),
        ('{"curl": Decimal("1.50")}', 'dict(curl=Decimal("1.50"))'),
        ('"""Check it, and seal it."""', '"""Seal it."""'),
        ("import os\nfrom dataclasses", "import os\nimport sys  # noqa: F401\nfrom dataclasses"),
        (
            "import settings\nfrom tools import packages",
            "from tools import packages\nimport settings",
        ),
    ):
        yield Change("flow.py", old, new)
    for old, new in (
        ('UNUSED = "nothing reads this"', 'UNUSED = "changed"'),
        ('{"curl": "8.1", "vim": "9.0"', '{"vim": "9.0", "curl": "8.1"'),
        ("SIZE = 40", "SIZE = (40)"),
    ):
        yield Change("settings.py", old, new)
    for old, new in (
        ("return name * 2", "return name * 3"),
        ("    def decorate(function):\n", "    def decorate(function):\n        # the usual\n"),
    ):
        yield Change("tools/packages.py", old, new)
    for old, new in (
        ("def joined(part, between", "def joined(part: object, between"),
        ("def image(*parts) -> Path:", "def image(*parts: object) -> Path:"),
    ):
        yield Change("tools/disk.py", old, new)
    yield Change("conf/unread", "not read", "still not read")
    yield Change("conf/unread", "", None)
    yield Change("conf/another", "", "nobody reads it\n")
    yield Change("README.md", "", "# A pipeline\n")
    yield Change("scratch/build.log", "", "ignored by git\n")
    yield Change("tools/new.py", "", "VALUE = 1\n")
    yield Change("conf/sshd", "PermitRootLogin no\n", "PermitRootLogin no\n")
