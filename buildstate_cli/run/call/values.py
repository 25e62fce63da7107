"""The values that go into a call: `--param` and `--param-env`. Of each only a digest is kept."""

from collections.abc import Mapping

Parts = Mapping[str, str]


def value_parts(values: Mapping[str, str | None]) -> tuple[Parts, Parts]:
    """Return the parts for values, as this release makes them and as the one before did."""
    if not values:
        return {}, {}
    # Few calls need them, and they take longer to import than most of what is here.
    from buildstate_worker.fingerprint.params import param_parts  # noqa: PLC0415
    from buildstate_worker.fingerprint.params_1 import param_parts_1  # noqa: PLC0415

    return param_parts(values), param_parts_1(values)
