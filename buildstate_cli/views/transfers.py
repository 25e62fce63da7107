"""How far transfers are, in a sentence."""

from collections.abc import Mapping
from typing import Final

from buildstate_cli.views import words
from buildstate_core.models import Transfer, TransferSeen
from buildstate_core.vocabulary import Activity

DONE: Final[Mapping[Activity, str]] = {
    Activity.UPLOADING: "uploaded",
    Activity.DOWNLOADING: "downloaded",
}
"""What has been done, once it has."""


def under_way(transfer: Transfer | TransferSeen) -> str:
    """Say what moves, how far it is, and how long it will take.

    >>> under_way(
    ...     Transfer(
    ...         activity=Activity.UPLOADING,
    ...         name="image.qcow2",
    ...         done_bytes=1_503_238_554,
    ...         total_bytes=4_402_341_479,
    ...         seconds_left=41.2,
    ...     )
    ... )
    'uploading image.qcow2: 34 %, 1.4 of 4.1 GiB, 41 s left'
    """
    percent = _percent(transfer)
    how_far = f"{percent}, " if percent else ""
    amount = words.amount(transfer.done_bytes, transfer.total_bytes)
    return f"{transfer.activity} {transfer.name}: {how_far}{amount}{_left(transfer)}"


def in_short(transfer: Transfer | TransferSeen) -> str:
    """Say the same where there is little room: `uploading image.qcow2 34 %, 41 s left`."""
    how_far = _percent(transfer) or words.size(transfer.done_bytes)
    return f"{transfer.activity} {transfer.name} {how_far}{_left(transfer)}"


def over(transfer: Transfer, seconds: float) -> str:
    """Say that it is done, and how long it took."""
    size = words.size(transfer.done_bytes)
    return f"{DONE[transfer.activity]} {transfer.name}: {size} in {words.duration(seconds)}"


def _percent(transfer: Transfer | TransferSeen) -> str:
    if not transfer.total_bytes:
        return ""
    # What is "about so many" bytes, as a folder's archive, is not done before it is done.
    return f"{min(transfer.done_bytes * 100 // transfer.total_bytes, 100)} %"


def _left(transfer: Transfer | TransferSeen) -> str:
    if transfer.seconds_left is None:
        return ""
    return f", {words.about(transfer.seconds_left)} left"
