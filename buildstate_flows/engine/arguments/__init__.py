"""What milestones are called with: results of others, found in it and put in it.

- `forms`: in which form a function takes an artifact
- `finding`: all results in a value
- `replacing`: a value with other things in the place of results

Results are found in containers, mappings (their keys, too), dataclasses, models, attributes of the
project's objects, partials, bound methods, closures and defaults. Those in objects, closures and
defaults cannot be replaced without changing what the flow itself holds: the function gets the lazy
artifact, which is downloaded when it is first read. Results in the globals that a function reads
are found by whoever reads its code.
"""

from buildstate_flows.engine.arguments.finding import Result, is_result, results_in
from buildstate_flows.engine.arguments.forms import Form, forms_of, leaves_files
from buildstate_flows.engine.arguments.replacing import replaced

__all__ = ["Form", "Result", "forms_of", "is_result", "leaves_files", "replaced", "results_in"]
