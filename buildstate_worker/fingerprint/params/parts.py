"""The parts of a call, taken before its function can change what it was called with."""

from collections.abc import Callable, Mapping
from typing import Any

from buildstate_core.rules.fingerprints import recorded
from buildstate_worker.fingerprint.params.nodes import sealed
from buildstate_worker.fingerprint.params.walk import SECRETS, Code, Walk


def _no_result(_: object) -> bool:
    return False


class ParamDigests:
    """What parameters were when it was made, whatever happens to them afterwards.

    Args:
        params: The parameters that count, by name.
        is_result: Whether a value is the result of a milestone, whose content may be another one
            by the time that the parts are asked for.
        code: Returns the digest of what a function or a class does. Without it functions and
            classes of the project have no digest, and the classes of values count by name only.

    Raises:
        InvalidInput: A value has no digest; `field` names the parameter, the message the place.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        is_result: Callable[[object], bool] = _no_result,
        code: Code | None = None,
    ) -> None:
        walk = Walk(is_result=is_result, code=code)
        self._nodes = {
            name: walk.param(name, value)
            for name, value in params.items()
            if not isinstance(value, SECRETS)
        }

    def parts(self, stand_in: Callable[[Any], object] = lambda value: value) -> dict[str, str]:
        """Return a part for each parameter that is no secret.

        Args:
            stand_in: Returns what stands for a result: plain data.
        """
        walk = Walk(is_result=_no_result, code=None)

        def digest_of(result: object) -> bytes:
            return walk.digest(stand_in(result))

        return {
            f"param:{name}": recorded(sealed(each, digest_of).hex())
            for name, each in self._nodes.items()
        }


def param_parts(params: Mapping[str, Any], *, code: Code | None = None) -> dict[str, str]:
    """Return a part for each parameter that is no secret. Those inside a value do not count.

    Args:
        params: The parameters that count, by name.
        code: Returns the digest of what a function or a class does.

    Raises:
        InvalidInput: A value has no digest.

    >>> sorted(param_parts({"os": "rhel", "size": 8}))
    ['param:os', 'param:size']
    """
    return ParamDigests(params, code=code).parts()
