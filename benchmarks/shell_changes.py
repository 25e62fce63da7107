"""Changes to the pipeline in `shell/`: those that change its image, and those that do not."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PIPELINE: Final = "pipeline"


@dataclass(frozen=True)
class Change:
    """One change of a checkout or of the environment.

    Attributes:
        name: What it does, for people.
        make: Makes it: called with the checkout, and the environment of its commands.
    """

    name: str
    make: Callable[[Path, dict[str, str]], object]

    def __str__(self) -> str:
        return self.name


def text(file: str, old: str, new: str) -> Change:
    """Return the change of a text in a file."""

    def make(project: Path, _: dict[str, str]) -> None:
        path = project / file
        content = path.read_text()
        assert content.count(old) == 1, (file, old)  # noqa: S101 - a mistake here
        path.write_text(content.replace(old, new))

    return Change(f"{file}: {old!r} → {new!r}", make)


def added(file: str, content: str) -> Change:
    """Return that a file comes up."""
    return Change(f"{file} comes up", lambda project, _: _write(project / file, content))


def removed(file: str) -> Change:
    """Return that a file goes away."""
    return Change(f"{file} goes away", lambda project, _: (project / file).unlink())


def renamed(old: str, new: str) -> Change:
    """Return that a file has another name."""
    return Change(f"{old} is {new}", lambda project, _: (project / old).rename(project / new))


def mode(file: str, bits: int) -> Change:
    """Return that a file has other permissions."""
    return Change(f"{file} has mode {bits:o}", lambda project, _: (project / file).chmod(bits))


def variable(name: str, value: str) -> Change:
    """Return that a variable of the environment has a value."""
    return Change(f"{name}={value}", lambda _, environ: environ.update({name: value}))


def touched(file: str) -> Change:
    """Return that a file has another time."""
    return Change(f"{file} is touched", lambda project, _: os.utime(project / file, (1, 1)))


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def that_count() -> Iterator[Change]:
    """Yield 50 changes after which the image is another one."""
    yield from _of_scripts()
    yield from _of_words()
    yield from _of_inputs()
    yield from _of_the_rest()


def _of_scripts() -> Iterator[Change]:
    yield text("Makefile", "SIZE = 40", "SIZE = 41")
    yield text("Makefile", "disk of", "a disk of")
    yield text("Makefile", "from $(MIRROR)", "by $(MIRROR)")
    yield text("settings.mk", "example/9", "example/10")
    yield text("settings.mk", "MIRROR = ", "SIZE = 50\nMIRROR = ")
    harden = "scripts/harden.sh"
    yield text(harden, 'echo "$1" >>', 'echo "level $1" >>')
    yield text(harden, 'cat "$3" >>', 'sort "$3" "$3" >>')
    yield text(harden, 'echo "$1" >> out/hard\n', "")
    yield text(harden, "set -e\n", "set -e\numask 022\n: > out/base\n")
    yield text("scripts/install", "packages/*.list", "packages/b*.list")
    yield text("scripts/install", ":-none}", ":-none}.")
    yield text("scripts/install", 'cat "$1" > out/full', "echo anew > out/full")
    yield text("scripts/install", "channel $", "channel: $")
    configure = "scripts/configure.sh"
    yield text(configure, "welcome", "go away")
    yield text(configure, "motd: ", "motd ")
    yield text(configure, "tools/packer version >> out/conf\n", "")
    yield text(configure, "cat out/full >", "tac out/full >")
    yield text("tools/packer", "packer 1.9", "packer 1.10")
    yield text("tools/packer", 'echo "$each"', 'echo "- $each"')
    yield text("tools/packer", "cat ../out/conf\n", "cat ../out/conf ../out/conf\n")


def _of_words() -> Iterator[Change]:
    yield text(PIPELINE, "--level=low", "--level=high")
    yield text(PIPELINE, "--level=low", "--level=''")
    yield text(PIPELINE, "-f conf/sshd", "-f conf/../Makefile")
    yield text(PIPELINE, "install out/hard", "install out/base")
    yield text(PIPELINE, "make -s base", "make -s base SIZE=60")
    yield text(PIPELINE, "make -s base", "make -s base MIRROR=here")
    yield text(PIPELINE, "build . >", "build ../templates >")
    yield text(PIPELINE, "build . > ../out/image", "version > ../out/image")
    yield text(PIPELINE, "< scripts/configure.sh", "< scripts/plain.sh")
    yield text(PIPELINE, "scripts/harden.sh --level=low", "scripts/harden.sh x")


def _of_inputs() -> Iterator[Change]:
    yield text("conf/sshd", "no", "yes")
    yield text("conf/sshd", "PermitRootLogin no\n", "PermitRootLogin no\n\n")
    yield text("packages/base.list", "8.1", "8.2")
    yield text("packages/extra.list", "vim", "emacs")
    yield added("packages/more.list", "git 2.43\n")
    yield removed("packages/extra.list")
    yield renamed("packages/extra.list", "packages/a.list")
    yield text("templates/main.hcl", "qemu", "vbox")
    yield text("templates/size.hcl", "2048", "4096")
    yield text("templates/kickstart.tpl", "1", "2")
    yield added("templates/zone.hcl", 'zone = "a"\n')
    yield added("templates/empty.hcl", "")
    yield removed("templates/size.hcl")
    yield renamed("templates/size.hcl", "templates/memory.hcl")


def _of_the_rest() -> Iterator[Change]:
    yield mode("templates/main.hcl", 0o755)
    yield mode("templates/kickstart.tpl", 0o700)
    yield variable("CHANNEL", "beta")
    yield variable("CHANNEL", "stable ")
    yield added("GNUmakefile", "base:\n\t@mkdir -p out\n\t@echo gnu > out/base\n")
    yield added("makefile", "base:\n\t@mkdir -p out\n\t@echo lower > out/base\n")


def that_do_not() -> Iterator[Change]:
    """Yield 30 changes after which the image is the same."""
    for file in ("Makefile", "scripts/harden.sh", "conf/sshd", "packages/base.list"):
        yield touched(file)
    for file in ("templates/main.hcl", "scripts/configure.sh", "tools/packer", "pipeline"):
        yield touched(file)
    yield mode("scripts/harden.sh", 0o600)
    yield mode("conf/sshd", 0o440)
    yield mode("scripts/install", 0o700)
    yield mode("templates/size.hcl", 0o664)
    yield mode("packages/base.list", 0o666)
    yield mode("tools/packer", 0o775)
    yield text("NOTES", "nothing", "no state")
    yield text("packages/notes.txt", "no list", "none")
    yield added("conf/unused", "nothing names it\n")
    yield added("README", "words\n")
    yield added("packages/list", "no list either\n")
    yield added("templates/.git/config", "[core]\n")
    yield added("scratch/log", "git ignores it\n")
    yield added("templates/scratch/log", "git ignores it\n")
    yield added(".bldst/anything", "ours\n")
    yield Change("an empty folder", lambda project, _: (project / "templates/empty").mkdir())
    yield variable("UNUSED", "1")
    yield variable("LANG", "C")
    yield variable("TZ", "Asia/Tokyo")
    yield text(PIPELINE, "# Five states", "# These are five states")
    yield text(PIPELINE, "--artifact out/hard -- bash", "--artifact  out/hard  --  bash")
    yield text(PIPELINE, "--input packages/*.list", "--input ./packages/*.list")
