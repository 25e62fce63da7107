"""What is seen of AMIs and EBS snapshots, and what is made of what EC2 says."""

import socket
from pathlib import Path

import pytest
from support.ec2 import IMAGE_ANSWER, REFUSAL, SNAPSHOT_ANSWER, Ec2
from support.s3_front import Front, always

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable
from buildstate_worker.handles import HandleRef, Probes
from buildstate_worker.storage.s3 import session as aws_session

HERE = {"region": "us-east-1"}
AMI = HandleRef("ami", "ami-0123456789abcdef0", HERE)
SNAPSHOT = HandleRef("ebs-snapshot", "snap-0123456789abcdef0", HERE)
BOTH = pytest.mark.parametrize(
    "handle", [pytest.param(AMI, id="ami"), pytest.param(SNAPSHOT, id="ebs-snapshot")]
)
ACCOUNT = "123456789012"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, so that a test need not wait for more."""
    monkeypatch.setattr(aws_session, "LOOKS", 1)


def lost(handle: HandleRef) -> ArtifactLost:
    with pytest.raises(ArtifactLost) as caught:
        Probes().check(handle)
    assert handle.id in caught.value.message
    return caught.value


def unreachable(handle: HandleRef) -> ArtifactUnreachable:
    with pytest.raises(ArtifactUnreachable) as caught:
        Probes().check(handle)
    assert handle.id in caught.value.message
    return caught.value


# ---- what is there ----


@pytest.mark.usefixtures("worker")
def test_an_ami_is_known_by_when_and_from_what_it_was_made(ec2: Ec2) -> None:
    first, second = ec2.make_ami("rhel-9"), ec2.make_ami("rhel-10")
    seen = Probes().check(HandleRef("ami", first))
    assert seen is not None
    with ec2.client() as client:
        (made,) = client.describe_images(ImageIds=[first])["Images"]
    snapshot = made["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert seen.startswith(f"in us-east-1 of {ACCOUNT}, made {made['CreationDate']}")
    assert seen.endswith(f"{made['Architecture']}, {snapshot}")
    assert Probes().check(HandleRef("ami", first, identity=seen)) == seen
    assert Probes().check(HandleRef("ami", second)) != seen


@pytest.mark.usefixtures("worker")
def test_a_snapshot_is_known_by_when_it_was_made_and_how_large(ec2: Ec2) -> None:
    small, large = ec2.make_snapshot(8), ec2.make_snapshot(9)
    seen = Probes().check(HandleRef("ebs-snapshot", small))
    assert seen is not None
    assert seen.startswith(f"in us-east-1 of {ACCOUNT}, made 20")
    assert seen.endswith("8 GiB")
    assert Probes().check(HandleRef("ebs-snapshot", large)) != seen
    assert Probes().check(HandleRef("ebs", small)) == seen


@pytest.mark.usefixtures("worker")
def test_what_plain_reports_call_ebs_may_be_a_volume_which_nothing_looks_at() -> None:
    assert not Probes().knows(HandleRef("ebs", "vol-0abc"))
    assert Probes().check(HandleRef("ebs", "vol-0abc")) is None


def test_the_order_in_which_snapshots_are_listed_does_not_matter(front: Front) -> None:
    disk = "<item><ebs><snapshotId>{}</snapshotId></ebs></item>"
    seen = set()
    for order in (("snap-1", "snap-2"), ("snap-2", "snap-1")):
        disks = "".join(map(disk.format, order))
        facts = (
            f"<imageState>available</imageState><blockDeviceMapping>{disks}</blockDeviceMapping>"
        )
        front.refuse(always, 200, "", body=IMAGE_ANSWER.format(f"<item>{facts}</item>"))
        seen.add(Probes().check(AMI))
    assert len(seen) == 1


def test_an_ami_that_is_still_being_made_is_there_but_not_known_yet(front: Front) -> None:
    item = "<item><imageState>pending</imageState></item>"
    front.refuse(always, 200, "", body=IMAGE_ANSWER.format(item))
    assert Probes().check(AMI) is None


@pytest.mark.usefixtures("worker")
def test_a_region_may_stand_before_the_id_as_packer_writes_it(
    ec2: Ec2, worker: pytest.MonkeyPatch
) -> None:
    ami = ec2.make_ami()
    worker.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Probes().check(HandleRef("ami", f"us-east-1:{ami}")) is not None


# ---- what is gone ----


@BOTH
@pytest.mark.usefixtures("worker")
def test_what_ec2_does_not_know_is_gone(handle: HandleRef) -> None:
    error = lost(handle)
    assert error.reason == "artifact_gone"
    assert "EC2 in us-east-1 does not know it" in error.message


@pytest.mark.usefixtures("worker")
def test_a_deregistered_ami_is_gone(ec2: Ec2) -> None:
    ami = HandleRef("ami", ec2.make_ami())
    seen = Probes().check(ami)
    ec2.deregister(ami.id)
    assert lost(HandleRef("ami", ami.id, identity=seen)).reason == "artifact_gone"


def test_an_ami_that_is_not_listed_any_more_is_gone(front: Front) -> None:
    front.refuse(always, 200, "", body=IMAGE_ANSWER.format(""))
    assert lost(AMI).reason == "artifact_gone"


@pytest.mark.parametrize(
    ("handle", "code", "says"),
    [
        pytest.param(AMI, "InvalidAMIID.Malformed", "so it is", id="ami"),
        pytest.param(SNAPSHOT, "InvalidSnapshotID.Malformed", "so it is", id="ebs-snapshot"),
        pytest.param(
            SNAPSHOT, "InvalidParameterValue", f"Value ({SNAPSHOT.id}) is invalid", id="value"
        ),
    ],
)
def test_an_id_that_ec2_cannot_read_never_was_one(
    front: Front, handle: HandleRef, code: str, says: str
) -> None:
    front.refuse(always, 400, "", body=REFUSAL.format(code, says))
    error = lost(handle)
    assert error.reason == "artifact_gone"
    assert "it never was one" in error.message
    assert code in error.message


@pytest.mark.parametrize("state", ["failed", "error", "invalid", "deregistered"])
def test_an_ami_that_will_never_start_is_gone(front: Front, state: str) -> None:
    reason = "<stateReason><message>no such snapshot.</message></stateReason>"
    item = f"<item><imageState>{state}</imageState>{reason}</item>"
    front.refuse(always, 200, "", body=IMAGE_ANSWER.format(item))
    assert lost(AMI).message.endswith(f"its state is {state}, since no such snapshot.")


def test_a_snapshot_that_failed_is_gone(front: Front) -> None:
    item = "<item><status>error</status><statusMessage>no key</statusMessage></item>"
    front.refuse(always, 200, "", body=SNAPSHOT_ANSWER.format(item))
    assert lost(SNAPSHOT).message.endswith("its state is error, since no key.")


# ---- what nobody can tell ----


@pytest.mark.usefixtures("worker")
def test_a_disabled_ami_can_be_enabled(ec2: Ec2) -> None:
    ami = HandleRef("ami", ec2.make_ami())
    with ec2.client() as client:
        client.disable_image(ImageId=ami.id)
    assert f"enable-image --image-id {ami.id}" in str(unreachable(ami).hint)


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        pytest.param("recoverable", "restore-snapshot-from-recycle-bin", id="in the bin"),
        pytest.param("recovering", "later", id="on its way out of it"),
    ],
)
def test_a_snapshot_in_the_recycle_bin_can_be_taken_out(
    front: Front, state: str, hint: str
) -> None:
    item = f"<item><status>{state}</status></item>"
    front.refuse(always, 200, "", body=SNAPSHOT_ANSWER.format(item))
    assert hint in str(unreachable(SNAPSHOT).hint)


def test_a_snapshot_that_is_not_shown_may_be_another_accounts(front: Front) -> None:
    front.refuse(always, 200, "", body=SNAPSHOT_ANSWER.format(""))
    assert "does not show it to this account" in unreachable(SNAPSHOT).message


@pytest.mark.usefixtures("worker")
def test_what_was_recorded_in_another_region_is_not_gone(
    ec2: Ec2, worker: pytest.MonkeyPatch
) -> None:
    ami = ec2.make_ami()
    seen = Probes().check(HandleRef("ami", ami))
    worker.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    error = unreachable(HandleRef("ami", ami, identity=seen))
    assert "recorded in us-east-1, and this worker looks in eu-west-1" in error.message
    assert Probes().check(HandleRef("ami", ami, {"region": "us-east-1"}, seen)) == seen


@BOTH
@pytest.mark.usefixtures("worker")
def test_what_was_made_nobody_knows_where_is_not_gone(handle: HandleRef) -> None:
    error = unreachable(HandleRef(handle.kind, handle.id))
    assert "in which region it was made is not recorded" in error.message
    assert "bldst force" in str(error.hint)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("kind", ["ami", "ebs-snapshot"])
@pytest.mark.parametrize("id_", ["rhel-base", "-x", "vol-0abc", "us-east-1:ami-1,eu-west-1:ami-2"])
def test_an_id_of_something_else_is_not_gone(kind: str, id_: str) -> None:
    assert "is not one that EC2 has" in unreachable(HandleRef(kind, id_)).message


@BOTH
@pytest.mark.usefixtures("worker")
def test_what_belongs_to_another_account_is_not_gone(handle: HandleRef) -> None:
    seen = "in us-east-1 of 999999999999, made long ago"
    error = unreachable(HandleRef(handle.kind, handle.id, identity=seen))
    assert f"shows none to account {ACCOUNT}" in error.message
    assert "AWS_PROFILE" in str(error.hint)


@pytest.mark.parametrize(
    ("handle", "action"),
    [
        pytest.param(AMI, "ec2:DescribeImages", id="ami"),
        pytest.param(SNAPSHOT, "ec2:DescribeSnapshots", id="ebs-snapshot"),
    ],
)
def test_who_may_not_ask_is_told_the_permission(
    ec2: Ec2, worker: pytest.MonkeyPatch, handle: HandleRef, action: str
) -> None:
    with ec2.server.enforcing():
        for name, value in ec2.server.environ(ec2.server.make_user("s3:*")).items():
            worker.setenv(name, value)
        error = unreachable(handle)
        assert f"Allow {action}" in str(error.hint)
        assert len(error.message) < 200
        for name, value in ec2.server.environ(ec2.server.make_user(action)).items():
            worker.setenv(name, value)
        assert lost(handle).reason == "artifact_gone"


@pytest.mark.parametrize(
    ("status", "code", "says", "hint"),
    [
        pytest.param(403, "UnauthorizedOperation", "may not ask", "ec2:Describe", id="denied"),
        pytest.param(401, "AuthFailure", "does not take", "timedatectl", id="credentials"),
        pytest.param(400, "RequestExpired", "have expired", "Renew", id="expired"),
        pytest.param(401, "OptInRequired", "does not use that region", "REGION", id="region"),
        pytest.param(503, "RequestLimitExceeded", "too busy", "later", id="busy"),
        pytest.param(400, "InvalidParameterValue", "so it is", "region", id="another value"),
        pytest.param(418, "Teapot", "so it is (Teapot)", "AWS_ENDPOINT_URL", id="unheard of"),
    ],
)
@BOTH
@pytest.mark.usefixtures("impatient")
def test_every_refusal_has_its_sentence(
    front: Front, handle: HandleRef, status: int, code: str, says: str, hint: str
) -> None:
    front.refuse(always, status, "", body=REFUSAL.format(code, "so it is."))
    error = unreachable(handle)
    assert says in error.message
    assert hint in str(error.hint)


@BOTH
@pytest.mark.parametrize("status", [200, 404, 405])
@pytest.mark.parametrize("body", ["<html><body>It works!</body></html>", "It works!"])
@pytest.mark.usefixtures("impatient")
def test_a_web_server_is_not_taken_for_an_ec2_that_lost_something(
    front: Front, handle: HandleRef, status: int, body: str
) -> None:
    front.refuse(always, status, "", body=body)
    assert "does not speak EC2" in unreachable(handle).message


@BOTH
@pytest.mark.usefixtures("impatient")
def test_an_ec2_that_does_not_answer_is_unreachable(
    worker: pytest.MonkeyPatch, handle: HandleRef
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        worker.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{held.getsockname()[1]}")
        assert "network" in str(unreachable(handle).hint)


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        pytest.param("AWS_DEFAULT_REGION", "region", id="region"),
        pytest.param("AWS_ACCESS_KEY_ID", "credentials", id="credentials"),
    ],
)
def test_what_the_environment_lacks_is_named(
    worker: pytest.MonkeyPatch, variable: str, says: str
) -> None:
    worker.delenv(variable)
    worker.setenv("AWS_EC2_METADATA_DISABLED", "true")
    error = unreachable(HandleRef("ami", AMI.id))
    assert says in error.message
    assert variable in str(error.hint)


@pytest.mark.usefixtures("worker")
def test_a_region_that_is_none_is_named() -> None:
    error = unreachable(HandleRef("ami", AMI.id, {"region": "eu west"}))
    assert "eu west" in error.message
    assert "attribute region" in str(error.hint)


@pytest.mark.usefixtures("impatient")
def test_a_role_that_cannot_be_assumed_is_not_taken_for_a_permission(
    front: Front, worker: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile builder]\nrole_arn = arn:aws:iam::123456789012:role/builder\n"
        "source_profile = keys\n"
        "[profile keys]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    worker.delenv("AWS_ACCESS_KEY_ID")
    worker.setenv("AWS_CONFIG_FILE", str(config))
    worker.setenv("AWS_PROFILE", "builder")
    front.refuse(always, 403, "", body=REFUSAL.format("AccessDenied", "not trusted"))
    error = unreachable(AMI)
    assert "the role of AWS_PROFILE cannot be assumed" in error.message
    assert "DescribeImages" not in str(error)
