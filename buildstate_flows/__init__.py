"""BuildState for Prefect: functions as milestones of an image build that resumes anywhere.

    from buildstate_flows import Handle, build, milestone, workdir

- `milestone`: makes a function one state of a build; it is a Prefect task as well
- `build`: opens the build that milestones record to
- `current_build`: the open build, for a function that wants its folder or its number
- `workdir`: the folder of the attempt that calls it, where no other one writes
- `Handle`: what a milestone returns for a thing that is not bytes to us, such as an AMI
- `Artifact`: what it gives for a file or folder: a path that is downloaded when it is needed
- `BuildStateServer`: a Prefect block that says where the service is
"""

from buildstate_flows.artifact import Artifact
from buildstate_flows.build import OpenBuild, build, current_build
from buildstate_flows.handle import Handle
from buildstate_flows.milestone import Milestone, milestone
from buildstate_flows.server import BuildStateServer
from buildstate_flows.workdir import workdir

__all__ = [
    "Artifact",
    "BuildStateServer",
    "Handle",
    "Milestone",
    "OpenBuild",
    "build",
    "current_build",
    "milestone",
    "workdir",
]
