"""A project's rules for its artifacts, for people."""

from collections.abc import Mapping, Sequence

from buildstate_cli.output import formats
from buildstate_core.models import Retention
from buildstate_core.vocabulary import Sensitivity


def policy(retention: Retention | None) -> str:
    """Return for how long artifacts are kept.

    >>> print(policy(Retention()))
    5 delivered builds keep all checkpoints
    what builds delivered is kept for ever
    everything else is kept for 30 days
    the bytes stay 24 hours longer
    """
    if retention is None:
        return "none: everything is kept for ever"
    builds = retention.keep_delivered_builds
    keep = "keeps" if builds == 1 else "keep"
    delivered = "" if retention.keep_delivered else "not "
    return "\n".join(
        (
            f"{formats.count(builds, 'delivered build')} {keep} all checkpoints",
            f"what builds delivered is {delivered}kept for ever",
            f"everything else is kept for {formats.count(retention.keep_days, 'day')}",
            f"the bytes stay {formats.count(retention.grace_hours, 'hour')} longer",
        )
    )


def places(allowed: Mapping[Sensitivity, Sequence[str]]) -> str:
    """Return where artifacts of each label may be stored; nothing if all may be anywhere.

    >>> places({Sensitivity.SECRET: ["s3://vault/", "file:///safe/"]})
    'secret: s3://vault/, file:///safe/'
    """
    return "\n".join(
        f"{label}: {', '.join(prefixes) or 'nowhere'}" for label, prefixes in allowed.items()
    )
