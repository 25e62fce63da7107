"""The part of a fingerprint that says what runs: the code that a function reaches.

- `code_of`: the digest of all that a function reaches in the user's project
- `ProcessState`: what a milestone left in the process besides what it returned
- `recorder_1`: how the first recorder digested code, for attempts that it recorded
"""

from buildstate_worker.fingerprint.code.code_of import Code, code_of
from buildstate_worker.fingerprint.code.process_state import ProcessState
from buildstate_worker.fingerprint.code.recorder_1 import code_parts

__all__ = ["Code", "ProcessState", "code_of", "code_parts"]
