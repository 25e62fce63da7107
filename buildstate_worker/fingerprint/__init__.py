"""The fingerprint of a milestone: digests of all that goes into it, part by part.

How two fingerprints are compared is a rule: see `buildstate_core.rules.fingerprints`.

- `code`: the function, or the command
- `params`: its parameters
- `inputs`: the files that it reads
"""
