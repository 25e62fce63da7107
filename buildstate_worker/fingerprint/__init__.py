"""The fingerprint of a milestone: digests of all that goes into it, part by part.

How two fingerprints are compared is a rule: see `buildstate_core.rules.fingerprints`.

- `code`: the code that a function reaches
- `command`, `tools`: the words of a command, the versions of its tools
- `params`: its parameters
- `params_1`, `inputs_1`: parameters and inputs as the last release recorded them
"""
