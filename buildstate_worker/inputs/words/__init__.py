"""The files that a command names in its words, and those that its tool reads without being told.

- `script`: a command, and the script in its words, as simple commands
- `places`: which words name what a command writes
- `presets`: what known tools read without being told
- `naming`: what may be the name of a file in a word
- `found`: which of that is there
"""

from buildstate_worker.inputs.words.found import Found, found_in

__all__ = ["Found", "found_in"]
