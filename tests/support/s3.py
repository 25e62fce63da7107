"""An S3 server with IAM, EC2 and STS beside it, and the users that it knows."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import urllib3

from support.programs import SERVERS, running

REGION = "us-east-1"
ROLE_TRUST = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@dataclass(frozen=True)
class Keys:
    """What a client signs its requests with."""

    id: str = "testing"
    secret: str = "testing"
    token: str = ""
    owner: str = ""
    """The user or role."""

    @property
    def as_arguments(self) -> dict[str, str]:
        given = {"aws_access_key_id": self.id, "aws_secret_access_key": self.secret}
        return {**given, "aws_session_token": self.token} if self.token else given


ANYONE = Keys()
"""What a server takes that does not check."""


@dataclass
class S3:
    """A running server. At first it serves everyone.

    Attributes:
        admin: The keys of a user who may do everything.
    """

    port: int
    folder: Path
    admin: Keys = ANYONE

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environ(self, keys: Keys = ANYONE, *, url: str = "") -> dict[str, str]:
        """The client's environment; `url` is that of a proxy."""
        session = {"AWS_SESSION_TOKEN": keys.token} if keys.token else {}
        return {
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_ACCESS_KEY_ID": keys.id,
            "AWS_SECRET_ACCESS_KEY": keys.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **session,
        }

    def client(self, service: str = "s3", keys: Keys | None = None) -> Any:
        """A client, by default the administrator's."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            **(keys or self.admin).as_arguments,
        )

    def make_user(self, *actions: str) -> Keys:
        """A user who may do this, such as `s3:*` or `s3:Get*`, once access is enforced."""
        name = f"builder-{uuid4().hex[:8]}"
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="s3", PolicyDocument=_allow(actions))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], owner=name)

    def make_session(self, *actions: str) -> Keys:
        """Temporary credentials of a role that may do this."""
        name = f"build-role-{uuid4().hex[:8]}"
        iam = self.client("iam")
        trust = _document(ROLE_TRUST)
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=_allow(actions))
        sts = self.client("sts")
        made = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], name)

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Check signatures and policies until the end of the block."""
        self._check_after("0")
        try:
            yield
        finally:
            self._check_after("inf")

    def limit(self, keys: Keys, *actions: str) -> None:
        """Let a user do no more than this from now on."""
        self.client("iam").put_user_policy(
            UserName=keys.owner, PolicyName="s3", PolicyDocument=_allow(actions)
        )

    def limit_session(self, keys: Keys, *actions: str) -> None:
        """Let temporary credentials do no more than this from now on."""
        self.client("iam").put_role_policy(
            RoleName=keys.owner, PolicyName="s3", PolicyDocument=_allow(actions)
        )

    def delete_key(self, keys: Keys) -> None:
        """Take a user's key away: it is not known any more."""
        self.client("iam").delete_access_key(UserName=keys.owner, AccessKeyId=keys.id)

    def expire(self, session: Keys) -> None:
        """Let a session's token have expired, enforcing or not."""
        with (self.folder / "expired_tokens").open("a") as file:
            file.write(f"{session.token}\n")

    def renew(self) -> None:
        """Let all expired tokens be good again, as if they were new ones."""
        (self.folder / "expired_tokens").write_text("")

    def _check_after(self, requests: str) -> None:
        # Not as a form, or the server would take its body apart.
        urllib3.request(
            "POST",
            f"{self.url}/moto-api/reset-auth",
            body=requests,
            headers={"Content-Type": "text/plain"},
            timeout=60,
        )


def _allow(actions: Sequence[str]) -> str:
    return _document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """Run a server; only its list of expired tokens is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "expired_tokens").touch()
    command = [sys.executable, SERVERS / "s3.py", folder]
    with running(command, announces=r"listening on port (\d+)") as port:
        server = S3(port, folder)
        server.admin = server.make_user("*")
        yield server
