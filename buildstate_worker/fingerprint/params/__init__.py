"""The parts of a fingerprint for parameters: a digest of each value, and nothing of secrets.

Values are only ever kept as digests. Of a secret not even that is kept: the digest of a short
password gives the password away.

Equal values have equal digests in every process, whatever its hash seed, locale and Python. What
has no digest is refused, so that no change of it is missed.

- `parts`: the parts of a call, taken before its function can change what it was called with
- `walk`: through a value, whatever it is made of
- `plain`: values that hold no others
- `containers`: values that hold others
- `classes`: what a class is called, and whose it is
- `attributes`: what an instance keeps in its attributes
- `nodes`: digests, and those that wait for a result of a milestone
- `refusal`: what has no digest, and where in a parameter it is
"""

from buildstate_worker.fingerprint.params.parts import ParamDigests, param_parts

__all__ = ["ParamDigests", "param_parts"]
