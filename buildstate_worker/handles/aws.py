"""Probes of what EC2 keeps: AMIs and EBS snapshots.

The account and the region are for botocore to find, as for S3; a handle's attribute `region` comes
first.

EC2 also answers "not found" to a request from another region or account. So an id is only gone if
it was looked for in the region, and by the account, that were recorded.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_worker.handles.failures import gone, unreachable
from buildstate_worker.handles.ref import HandleRef
from buildstate_worker.storage.s3.failures import (
    CHECK_CREDENTIALS,
    EXPIRED,
    FAILURES,
    code_of,
    told_by_client,
)
from buildstate_worker.storage.s3.session import AwsClients

_CHECK_REGION: Final = (
    "Check the region (the handle's attribute region, or AWS_DEFAULT_REGION), AWS_ENDPOINT_URL and"
    " the network on this worker, then try again."
)
_TRY_LATER: Final = "Try again later."
_NOT_TAKEN: Final = (
    "EC2 does not take this worker's credentials",
    f"{CHECK_CREDENTIALS} A clock that is wrong (timedatectl) has the same effect.",
)
_BUSY: Final = ("EC2 is too busy", _TRY_LATER)
_SAYINGS: Final = {
    "AuthFailure": _NOT_TAKEN,
    "InvalidClientTokenId": _NOT_TAKEN,
    "SignatureDoesNotMatch": _NOT_TAKEN,
    "IncompleteSignature": _NOT_TAKEN,
    "RequestExpired": EXPIRED,
    "ExpiredToken": EXPIRED,
    "OptInRequired": ("this account does not use that region", _CHECK_REGION),
    "RequestLimitExceeded": _BUSY,
    "Throttling": _BUSY,
    "Unavailable": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalError": _BUSY,
    "503": _BUSY,
}
"""By EC2's error codes."""

_DENIED: Final = frozenset({"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"})
_IDENTITY: Final = re.compile(r"in (?P<region>\S+) of (?P<owner>\S+), ")


class _Ec2Probe:
    """What both probes have in common: asking EC2, and what its answers mean."""

    operation: str
    answer: str
    prefix: str

    def __init__(self) -> None:
        self._aws = AwsClients()

    def _found(self, handle: HandleRef, ids: str, **asked: object) -> Any:
        """Return EC2's description of the handle; `None` if its answer holds none.

        Args:
            handle: The handle.
            ids: The name of the operation's parameter for ids.
            asked: The operation's other parameters.

        Raises:
            ArtifactLost: It does not exist.
            ArtifactUnreachable: Nobody can tell.
        """
        resource = _resource_of(handle)
        if not resource.startswith(self.prefix) or "," in handle.id:
            raise unreachable(
                handle,
                f"its id is not one that EC2 has for such a thing, as in {self.prefix}0abc",
                hint="Record each as a handle of its own, with its region as an attribute.",
            )
        try:
            client = self._aws.get("ec2", region=_region_of(handle))
            answer = getattr(client, self.operation)(**{ids: [resource]}, **asked)
        except (*FAILURES, ResponseParserError) as error:
            raise self._failure(handle, error) from error
        if self.answer not in answer:
            raise _not_ec2(handle)
        return next(iter(answer[self.answer]), None)

    def _failure(self, handle: HandleRef, error: Exception) -> ArtifactLost | ArtifactUnreachable:
        code = code_of(error) or ""
        if code.endswith(".Malformed") or (
            code == "InvalidParameterValue" and _resource_of(handle) in _said(error)
        ):
            return gone(handle, f"it never was one; EC2 knows no such id: {_said(error)}")
        if code.endswith((".NotFound", ".Unavailable")):
            return self._gone(handle)
        action = "".join(each.capitalize() for each in self.operation.split("_"))
        return _untold(handle, error, action=f"ec2:{action}")

    def _gone(self, handle: HandleRef) -> ArtifactLost | ArtifactUnreachable:
        """Return the error for an id that EC2 does not know: gone, or asked in the wrong place."""
        try:
            region = self._aws.get("ec2", region=_region_of(handle)).meta.region_name
            recorded = _IDENTITY.match(handle.identity or "")
            if recorded is None and _region_of(handle) is None:
                return unreachable(
                    handle,
                    f"EC2 in {region} does not know it, and in which region it was made is not"
                    " recorded",
                    hint="Set AWS_DEFAULT_REGION to the region where it was made. If it is surely"
                    " gone, have it made again: bldst force",
                )
            if recorded is None:
                return gone(handle, f"EC2 in {region} does not know it")
            if recorded["region"] != region:
                return unreachable(
                    handle,
                    f"it was recorded in {recorded['region']}, and this worker looks in {region}",
                    hint="Set AWS_DEFAULT_REGION, or record handles with an attribute region.",
                )
            account = self._aws.get("sts", region=region).get_caller_identity()["Account"]
        except (*FAILURES, ResponseParserError, KeyError) as error:
            return _untold(handle, error, action="sts:GetCallerIdentity")
        if recorded["owner"] != account:
            return unreachable(
                handle,
                f"EC2 in {region} shows none to account {account}, and it belongs to account"
                f" {recorded['owner']}",
                hint="Use credentials of that account (AWS_PROFILE), or have it shared. If it is"
                " surely gone, have it made again: bldst force",
            )
        return gone(handle, f"EC2 in {region} does not know it")

    def _place(self, handle: HandleRef, found: Any) -> str:
        region = self._aws.get("ec2", region=_region_of(handle)).meta.region_name
        return f"in {region} of {found.get('OwnerId')}, "


class AmiProbe(_Ec2Probe):
    """Looks at AMIs. It needs ec2:DescribeImages."""

    operation = "describe_images"
    answer = "Images"
    prefix = "ami-"

    def identity_of(self, handle: HandleRef) -> str:
        """Return when an AMI was made, for what, and from which snapshots; see `Probe`."""
        # One that is disabled is not shown unless it is asked for.
        found = self._found(handle, "ImageIds", IncludeDisabled=True, IncludeDeprecated=True)
        if found is None:  # deregistered a short time ago
            raise self._gone(handle)
        state = found.get("State")
        if state == "pending":  # its snapshots are not all there yet
            return ""
        if state == "available":
            snapshots = _snapshots_of(found)
            made = (found.get("CreationDate"), found.get("Architecture"), *snapshots)
            return self._place(handle, found) + _listed(made)
        if state in {"failed", "error", "invalid", "deregistered"}:
            why = str(found.get("StateReason", {}).get("Message") or "").strip().rstrip(".")
            raise gone(handle, f"its state is {state}{f', since {why}' if why else ''}")
        raise unreachable(
            handle,
            f"its state is {state}",
            hint=f"Enable it: aws ec2 enable-image --image-id {_resource_of(handle)}"
            if state == "disabled"
            else _TRY_LATER,
        )


class SnapshotProbe(_Ec2Probe):
    """Looks at EBS snapshots. It needs ec2:DescribeSnapshots."""

    operation = "describe_snapshots"
    answer = "Snapshots"
    prefix = "snap-"

    def identity_of(self, handle: HandleRef) -> str:
        """Return when a snapshot was begun, and how large its volume was; see `Probe`."""
        found = self._found(handle, "SnapshotIds")
        if found is None:
            raise unreachable(
                handle,
                "EC2 knows it, but does not show it to this account",
                hint=f"{CHECK_CREDENTIALS} Or have the snapshot shared with this account.",
            )
        state = found.get("State")
        if state in {"pending", "completed"}:
            begun = found.get("StartTime")
            made = (begun and begun.isoformat(), f"{found.get('VolumeSize')} GiB")
            return self._place(handle, found) + _listed(made)
        if state == "error":
            why = str(found.get("StateMessage") or "").strip().rstrip(".")
            raise gone(handle, f"its state is error{f', since {why}' if why else ''}")
        raise unreachable(
            handle,
            f"its state is {state}",
            hint="It is in the recycle bin. Take it out: aws ec2"
            f" restore-snapshot-from-recycle-bin --snapshot-id {_resource_of(handle)}"
            if state == "recoverable"
            else _TRY_LATER,
        )


def _region_of(handle: HandleRef) -> str | None:
    region = handle.attributes.get("region") or handle.id.rpartition(":")[0]
    return region if isinstance(region, str) and region else None


def _resource_of(handle: HandleRef) -> str:
    """Return the id as EC2 knows it; Packer puts the region before it: `eu-west-1:ami-0abc`."""
    return handle.id.rpartition(":")[2]


def _snapshots_of(image: Any) -> list[str]:
    """Return the ids of the snapshots that an AMI is made of; EC2 lists them in any order."""
    disks = (each.get("Ebs", {}) for each in image.get("BlockDeviceMappings", ()))
    return sorted(each["SnapshotId"] for each in disks if each.get("SnapshotId"))


def _listed(facts: Sequence[object]) -> str:
    made, *rest = map(str, facts)
    return ", ".join([f"made {made}", *rest])


def _untold(handle: HandleRef, error: Exception, *, action: str) -> ArtifactUnreachable:
    code = code_of(error)
    if isinstance(error, ResponseParserError):
        return _not_ec2(handle)
    if code is None:
        why, hint = told_by_client(error, otherwise=_CHECK_REGION)
        return unreachable(handle, why, hint=hint)
    if error.operation_name.startswith("AssumeRole"):  # type: ignore[attr-defined] # it has a code
        why, hint = "the role of AWS_PROFILE cannot be assumed", CHECK_CREDENTIALS
    elif code in _DENIED:
        # The rest of what EC2 says is a page of encoded text.
        hint = f"Allow {action} for this worker's user or role."
        return unreachable(handle, f"this worker may not ask ({code})", hint=hint)
    elif code in _SAYINGS:
        why, hint = _SAYINGS[code]
    elif not code or code.isdigit():
        return _not_ec2(handle)
    else:
        return unreachable(handle, _said(error), hint=_CHECK_REGION)
    return unreachable(handle, f"{why}: {_said(error)}", hint=hint)


def _said(error: Exception) -> str:
    assert isinstance(error, ClientError)  # noqa: S101 - it has a code
    details = error.response.get("Error", {})
    text = str(details.get("Message") or "").strip().rstrip(".")
    return " ".join(part for part in (text, f"({details.get('Code')})") if part)


def _not_ec2(handle: HandleRef) -> ArtifactUnreachable:
    return unreachable(handle, "what answers there does not speak EC2", hint=_CHECK_REGION)
