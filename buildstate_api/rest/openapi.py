"""The OpenAPI document: what FastAPI finds out itself, and what it cannot know.

FastAPI knows what a route answers when all goes well. What goes wrong follows from what an
operation takes, so it is written into the document here, once for all routes.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI

from buildstate_api.rest.problems import MEDIA_TYPE
from buildstate_core.errors import ANSWERED
from buildstate_core.models import Problem

_REF: Final = "#/components/schemas/{model}"

_PROBLEMS: Final = {
    400: "The body is not JSON.",
    401: "The API key is missing, unknown or revoked.",
    404: "There is no such thing.",
    409: "It does not fit what is recorded.",
    412: "It was changed in the meantime.",
    413: "The body is too large.",
    415: "The body's type is not JSON.",
    422: "A value is wrong, or a name is not known; `field` names it.",
    503: "The database cannot be reached; try again.",
}

_FIRST_ERROR: Final = 400
_NAMES_A_BUILD: Final = {"build", "derived_from"}
_BUILD: Final = {"project": "rhel-base", "version": "9.6", "platform": "aws", "os": "rhel-9"}
_IMAGE: Final = {
    "name": "image.qcow2",
    "storage_type": "s3",
    "uri": "s3://builds/rhel-base/123/state-25/image.qcow2",
    "size_bytes": 1073741824,
    "checksum": "sha256:" + "0" * 64,
}
_TOKEN: Final = "the token that the claim was answered with"  # noqa: S105 - says what to put there

EXAMPLES: Final[Mapping[str, Any]] = {
    "Adopt": {"state": 25, "artifacts": [_IMAGE], "reason": "made by hand before the move"},
    "ArtifactCreate": _IMAGE | {"state": 25},
    "ArtifactDelete": {"reason": "it was made from the wrong base image"},
    "ArtifactVerified": {"checksum": _IMAGE["checksum"], "size_bytes": _IMAGE["size_bytes"]},
    "BuildCreate": _BUILD | {"image_type": "base", "labels": {"team": "platform"}},
    "BuildDerive": {"from_state": 40, "platform": "azure"},
    "Cancel": {"reason": "the release was called off"},
    "CatalogSet": {
        "states": [
            {"code": 10, "name": "Base bootable image", "required": True},
            {"code": 100, "name": "Published and delivered", "requires": [10]},
        ]
    },
    "CatalogState": {"code": 42, "name": "VPN setup", "expected_seconds": 300},
    "ClaimRequest": {
        "state": 25,
        "worker": "packer-07",
        "lease_seconds": 60,
        "fingerprint": {"command": "sha256:" + "1" * 64},
    },
    "Complete": {"token": _TOKEN, "artifacts": [_IMAGE]},
    "Fail": {"token": _TOKEN, "message": "dnf: mirror timed out"},
    "Force": {"state": 25, "reason": "the baseline's packages were withdrawn"},
    "Heartbeat": {
        "token": _TOKEN,
        "transfer": {
            "activity": "uploading",
            "name": "image.qcow2",
            "done_bytes": 365072220,
            "total_bytes": 1073741824,
            "seconds_left": 41.0,
        },
    },
    "HoldCreate": {"reason": "a customer asks what went wrong in it"},
    "KeyCreate": {"name": "ci"},
    "Lookup": {"uris": [_IMAGE["uri"]]},
    "ProjectCreate": {"name": "rhel-base", "storage_url": "s3://builds/rhel-base"},
    "ProjectUpdate": {
        "description": "Base images of RHEL",
        "auto_resume": "lost",
        "allowed_places": {"secret": ["s3://vault/"]},
        "retention": {"keep_delivered_builds": 5, "keep_days": 30},
    },
    "Quarantine": {"reason": "artifact_corrupt", "message": "its digest is another one"},
    "Report": {"state": 25, "status": "completed", "artifacts": [_IMAGE]},
    "ResumeCreate": {"lane": "eu-west-1", "reason": "the mirror is back"},
    "Revoke": {"reason": "the mirror was compromised"},
    "Waive": {"state": 80, "reason": "this image is rebuilt every night"},
}
"""One whole body of each request."""


_POINTS_AT_SOMETHING: Final = {
    "if": {"properties": {"kind": {"const": "value"}}, "required": ["kind"]},
    "then": {
        "properties": {"metadata": {"type": "object", "required": ["value"]}},
        "required": ["metadata"],
    },
    "else": {"properties": {"uri": {"type": "string"}}, "required": ["uri"]},
}
_CONDITIONS: Final[Mapping[str, Any]] = {
    "ArtifactCreate": _POINTS_AT_SOMETHING,
    "ArtifactRecord": _POINTS_AT_SOMETHING,
    "Report": {
        "if": {"properties": {"status": {"const": "completed"}}},
        "else": {"properties": {"artifacts": {"maxItems": 0}}},
    },
}
"""What the models demand of fields together."""


class Service(FastAPI):
    """A FastAPI application whose OpenAPI document is complete."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template=_REF)
    schemas["Problem"]["properties"]["error"]["examples"] = [*ANSWERED]
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    for name, condition in _CONDITIONS.items():
        schemas[name] |= condition
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _without_null(parameter["schema"])
            said = {int(status) for status in operation["responses"]} - {422}
            wrong = {status for status in said if status >= _FIRST_ERROR}
            operation["responses"] = {
                **{str(each): operation["responses"][str(each)] for each in sorted(said - wrong)},
                **{str(each): _problem(each) for each in sorted(wrong | {*_what_fails(operation)})},
            }
    return document


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out null: a query or header that is not given is absent, not null."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) != 1:
        return schema
    only: dict[str, Any] = options[0]
    return only | {name: each for name, each in schema.items() if name != "anyOf"}


def _problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {"description": _PROBLEMS[status], "content": content}


def _what_fails(operation: Mapping[str, Any]) -> Iterator[int]:
    takes = {(each["in"], each["name"]) for each in operation.get("parameters", ())}
    if "requestBody" in operation:
        yield from (400, 409, 413, 415)
    if "security" in operation:
        yield 401
    if any(where == "path" or name in _NAMES_A_BUILD for where, name in takes):
        yield 404
    if ("header", "if-match") in takes:
        yield 412
    yield from (422, 503)
