"""Which words name what a command writes, and what it makes executable."""

import shlex

import pytest

from buildstate_worker.inputs.words.places import modes_of, places_of
from buildstate_worker.inputs.words.script import SimpleCommand


@pytest.mark.parametrize(
    ("command", "places"),
    [
        ("cat a", []),
        ("cp a b", ["b"]),
        ("cp -r a b c", ["c"]),
        ("install -m 755 a b", ["b"]),
        ("mv a b", ["a", "b"]),
        ("tee -a log", ["log"]),
        ("dd if=a of=b", ["b"]),
        ("sed s/a/b/ conf", []),
        ("sed -i s/a/b/ conf", ["s/a/b/", "conf"]),
        ("sed --in-place=.bak s/a/b/ conf", ["s/a/b/", "conf"]),
        ("perl -i -pe x conf", ["x", "conf"]),
        ("gzip disk", ["disk"]),
        ("qemu-img convert -O qcow2 a b", ["b", "qcow2"]),
        ("qemu-img resize a 10G", ["a", "10G"]),
        ("qemu-img info a", []),
        ("curl -o disk https://example.org", ["disk"]),
        ("packer build --output=out x", ["out"]),
        ("mkdir -p out", ["out"]),
    ],
)
def test_what_is_written_is_known(command: str, places: list[str]) -> None:
    assert list(places_of(SimpleCommand(shlex.split(command)))) == places


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("chmod +x a b", ["a", "b"]),
        ("chmod -R 755 a", ["a"]),
        ("chown root a", []),
        ("cat +x a", []),
    ],
)
def test_what_is_made_executable_is_known(command: str, named: list[str]) -> None:
    assert list(modes_of(SimpleCommand(shlex.split(command)))) == named
