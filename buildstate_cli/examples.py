"""One way to use each command: `bldst COMMAND --help` shows it, and so does the reference.

Build 123 and project `rhel-base` stand for those of the reader, as does the artifact's id. The
tests read each line as its command does, and run what needs no service of its own.
"""

from collections.abc import Mapping
from typing import Final

_ARTIFACT: Final = "0199f2c4-7d1e-7a3b-9c55-2f1d6c3b9e41"

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "run": (
        "bldst run 123 --state 25 --artifact out/hard.qcow2 -- ./harden out/base.qcow2",
        "bldst run 123 --state 60 --probe './is-registered' -- ./register out/hard.qcow2",
    ),
    "watch": ("bldst watch 123", "bldst watch 123 --once --output json"),
    "resume": ("bldst resume 123", "bldst resume 123 --list"),
    "plan": ("bldst plan 123",),
    "explain": ("bldst explain 123 25",),
    "demo": ("bldst demo",),
    "waive": ('bldst waive 123 30 --reason "no agents in this image"',),
    "force": ('bldst force 123 25 --reason "the package mirror has new kernels"',),
    "revoke": ('bldst revoke 123 10 --reason "the base image has a backdoor"',),
    "adopt": ('bldst adopt 123 10 out/base.qcow2 --reason "built by hand last week"',),
    "build create": (
        "bldst build create --project rhel-base --platform aws --version 9.6",
        "ID=$(bldst build create --quiet --project rhel-base --platform aws --key nightly)",
    ),
    "build list": ("bldst build list --project rhel-base --status failed",),
    "build get": ("bldst build get 123",),
    "build history": ("bldst build history 123 --state 25",),
    "build add-state": (
        "bldst build add-state 123 --state 10 --status completed --storage-path s3://builds/base.qcow2",
    ),
    "build add-failure": ('bldst build add-failure 123 --state 25 --message "the mirror is down"',),
    "build derive": (
        "bldst build derive 123 --from-state 10 --project rhel-azure --platform azure",
    ),
    "build compare": ("bldst build compare 123 124",),
    "build cancel": ('bldst build cancel 123 --reason "the release was called off"',),
    "build interventions": ("bldst build interventions 123",),
    "artifact push": ("bldst artifact push 123 25 out/hard.qcow2",),
    "artifact create": (
        "bldst artifact create 123 25 --uri s3://builds/hard.qcow2",
        "bldst artifact create 123 25 --uri snap-0abc --storage-type ebs-snapshot",
    ),
    "artifact pull": ("bldst artifact pull 123 10", "bldst artifact pull 123 10 --to images/"),
    "artifact list": ("bldst artifact list 123 --state 10",),
    "artifact show": (f"bldst artifact show {_ARTIFACT}",),
    "artifact verify": ("bldst artifact verify 123", f"bldst artifact verify {_ARTIFACT}"),
    "artifact copy": (f"bldst artifact copy {_ARTIFACT} s3://archive/images/",),
    "artifact hold": (
        f'bldst artifact hold {_ARTIFACT} --reason "the auditors want to see it"',
        f"bldst artifact hold {_ARTIFACT} --release",
    ),
    "artifact delete": (f'bldst artifact delete {_ARTIFACT} --reason "made by mistake"',),
    "artifact gc": ("bldst artifact gc --dry-run", "bldst artifact gc --project rhel-base"),
    "project create": ("bldst project create debian-base --storage-url s3://builds",),
    "project update": ("bldst project update rhel-base --keep-days 14 --auto-resume lost",),
    "project list": ("bldst project list",),
    "project show": ("bldst project show rhel-base --output yaml",),
    "catalog show": ("bldst catalog show rhel-base",),
    "catalog history": ("bldst catalog history rhel-base",),
    "catalog set": ("bldst catalog set rhel-base --file catalog.yml",),
    "catalog insert": ('bldst catalog insert rhel-base --state 27 --name "FIPS mode"',),
    "server start": (
        "bldst server start --background",
        "bldst server start --database-url postgresql://bldst@db/bldst --port 8642",
    ),
    "server stop": ("bldst server stop",),
    "server status": ("bldst server status",),
    "server migrate": ("bldst server migrate --database-url postgresql://bldst@db/bldst",),
    "key create": ("KEY=$(bldst key create --name ci)",),
    "key list": ("bldst key list",),
    "key revoke": ("bldst key revoke ci",),
    "config show": ("bldst config show",),
    "cache show": ("bldst cache show",),
    "cache prune": ("bldst cache prune",),
    "cache verify": ("bldst cache verify",),
}
"""By what follows `bldst`."""
