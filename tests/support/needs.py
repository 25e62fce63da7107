"""What tests need beside the service and its PostgreSQL, found by what they start.

A test needs a server if it, or a fixture that it asks for, names what starts one. So nobody keeps
a list of tests, and `make test-fast` leaves out what is new as well.
"""

from types import CodeType
from typing import Final

import pytest

STARTERS: Final = {
    "prefect_server": "prefect",
    "migrated_home": "prefect",
    "s3_server": "storages",
    "ec2_server": "storages",
    "azurite": "storages",
    "gcs_server": "storages",
    "sftp_server": "storages",
    "openssh_server": "storages",
    "machines": "processes",
    "Shell": "processes",
    "ServiceProcess": "processes",
    "EmbeddedPostgres": "processes",
    "own_cluster": "processes",
}
"""What starts something when it is called, or asked for; and the mark of the tests that do so."""

MARKS: Final = {
    "prefect": "needs a Prefect server",
    "storages": "needs storage servers",
    "processes": "needs programs in processes of their own: bldst, a service, a PostgreSQL",
    "endurance": "repeats something for as long as it takes to trust it",
}


def mark_needs(item: pytest.Item) -> None:
    """Mark a test with what it needs."""
    for need in sorted({STARTERS[name] for name in _uses(item) if name in STARTERS}):
        item.add_marker(need)


def _uses(item: pytest.Item) -> set[str]:
    assert isinstance(item, pytest.Function)
    wanted = set(item.fixturenames)
    if hasattr(item, "callspec"):  # `request.getfixturevalue(request.param)`
        wanted |= {each for each in item.callspec.params.values() if isinstance(each, str)}
    names = _names(item.function.__code__)
    seen: set[str] = set()
    while new := wanted - seen:
        seen |= new
        for name in new:
            for fixture in item.session._fixturemanager.getfixturedefs(name, item) or ():
                wanted |= set(fixture.argnames)
                names |= _names(fixture.func.__code__)
    return names | wanted


def _names(code: CodeType) -> set[str]:
    """The names that a function uses, and the functions within it."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*map(_names, inner))
