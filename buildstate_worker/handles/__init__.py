"""Handles: things outside that are an id to us, and whether they are still there.

    probes = Probes(settings.probes)
    probes.check(HandleRef("ami", "ami-0abc", {"region": "eu-west-1"}))

- `ref`: what a handle is referred to by
- `probes`: what a `Probe` has to do, and which one looks at which kind
- `aws`: AMIs and EBS snapshots
- `command`: every other kind, by a command of the worker's administrator; `exit_status`: what its
  exit status says
- `failures`: the sentences: gone, another thing, nobody can tell

Importing this loads no cloud's library: `aws` is loaded when the first AMI is looked at.
"""

from buildstate_worker.handles.probes import Probe, Probes, variable_for
from buildstate_worker.handles.ref import HandleRef, ref_of

__all__ = ["HandleRef", "Probe", "Probes", "ref_of", "variable_for"]
