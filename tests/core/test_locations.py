"""Where artifacts are put, and which URIs can have been made by us."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstate_core.locations import (
    Made,
    canonical,
    check_location,
    check_place,
    is_allowed,
    read_back,
    root_of,
    upload_of,
    uri_of,
)

FOLDERS = ["s3://builds", "file:///srv/images/", "/srv/images", "az://box/a b"]
TEMPLATES = [
    "s3://builds/{project}/{build}/state-{state:02d}/{attempt}/{name}",
    "gs://b/{project}-images/{lane}/{attempt}-{name}",
    "sftp://nas/srv/{attempt}/{name}",
]
ATTEMPT = "0198a8c5-7d3e-7000-8000-000000000000"
TEMP = ".buildstate-0123456789abcdef0123456789abcdef.part"
words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    location=st.sampled_from(FOLDERS + TEMPLATES),
    project=words,
    build=st.integers(1, 10**9),
    state=st.integers(0, 100),
    lane=st.one_of(st.just(""), words),
    owner=st.uuids(),
    how=st.sampled_from(["", "pushed", "adopted"]),
    name=words,
)
def test_what_was_made_from_a_location_is_recognised(
    location: str,
    project: str,
    build: int,
    state: int,
    lane: str,
    owner: UUID,
    how: str,
    name: str,
) -> None:
    check_location(location)
    attempt = upload_of(owner, how) if how else f"{owner}"
    uri = uri_of(
        location,
        project=project,
        build=build,
        state=state,
        lane=lane,
        attempt=attempt,
        name=name,
    )
    made = read_back(location, uri)
    assert made is not None
    assert (made.attempt, made.owner, made.name) == (attempt, f"{owner}", name)
    assert made.build == (build if "{build}" in location or location in FOLDERS else None)
    assert uri.startswith(f"{root_of(location)}/")


@pytest.mark.parametrize(
    "uri",
    [
        "s3://builds/image.raw",
        "s3://builds/7/state-25/image.raw",
        "s3://builds/7/state-25/not-an-id/image.raw",
        f"s3://builds/7/state-25/{ATTEMPT}/deep/er/image.raw",
        f"s3://other/7/state-25/{ATTEMPT}/image.raw",
    ],
)
def test_what_others_keep_there_is_not_taken_for_ours(uri: str) -> None:
    assert read_back("s3://builds", uri) is None


@pytest.mark.parametrize(
    "location",
    ["/srv/my images", "file:///srv/my images", "file:///srv/my%20images/", "file:/srv/my images"],
)
def test_a_folder_is_known_however_it_is_spelled(location: str) -> None:
    listed = f"file:///srv/my%20images/7/state-25/eu/{ATTEMPT}/image.raw"
    assert read_back(location, listed) == Made(ATTEMPT, "image.raw", 7)
    assert read_back(location, listed.replace("my%20images", "my-images")) is None


@pytest.mark.parametrize(
    ("location", "uri", "build"),
    [
        ("s3://b", f"s3://b/7/state-25/{ATTEMPT}/{TEMP}", 7),
        ("s3://b", f"s3://b/7/state-25/eu/{ATTEMPT}/{TEMP}", 7),
        ("s3://b/{build}/{attempt}/{name}.img", f"s3://b/7/{ATTEMPT}/{TEMP}", 7),
        ("s3://b/{attempt}/{name}", f"s3://b/{ATTEMPT}/{TEMP}", None),
    ],
)
def test_a_draft_is_known_by_its_folder(location: str, uri: str, build: int | None) -> None:
    assert read_back(location, uri, is_temp=True) == Made(ATTEMPT, TEMP, build)


def test_a_draft_in_a_folder_that_is_not_its_attempts_own_is_nobodys() -> None:
    template = "s3://b/{build}/{attempt}-{name}"
    assert read_back(template, f"s3://b/7/{TEMP}", is_temp=True) is None


def test_an_upload_of_an_older_release_does_not_tell_whose_it_is() -> None:
    made = read_back("s3://b", f"s3://b/7/state-25/pushed-{ATTEMPT}/image.raw")
    assert made is not None
    assert made.owner is None


@pytest.mark.parametrize(
    "uri",
    [
        "/srv/my images/ü.raw",
        "//srv/my images/ü.raw",
        "/srv/./my images//ü.raw/",
        "/srv/other/../my images/ü.raw",
        "file:/srv/my%20images/%C3%BC.raw",
        "file:///srv/my images/%c3%bc.raw",
        "FILE://LocalHost/srv/%6Dy%20images/ü.raw",
        "file:///srv/x%2F..%2fmy%20images/ü.raw",
    ],
)
def test_all_spellings_of_a_file_have_one_canonical_form(uri: str) -> None:
    assert canonical(uri) == "file:///srv/my%20images/%C3%BC.raw"


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        pytest.param("/srv/a%20b", "file:///srv/a%2520b", id="a bare path is not encoded"),
        pytest.param("file:///%ff%00", "file:///%FF%00", id="a name that is no text"),
        pytest.param("/", "file:///", id="the root"),
        pytest.param("file://NAS/srv//a", "file://NAS/srv//a", id="a file of another machine"),
        pytest.param("sftp://Me@NAS:22//srv/./A/", "sftp://Me@nas:22/srv/A", id="sftp"),
        pytest.param("sftp://NAS", "sftp://nas", id="a server alone"),
        pytest.param("S3://Builds//a/../b%2F/", "s3://Builds//a/../b%2F/", id="a bucket and a key"),
        pytest.param("HTTPS://Web?Q=A", "https://web?Q=A", id="a query"),
        pytest.param("EBS:snap-0Abc", "ebs:snap-0Abc", id="an id with a scheme"),
        pytest.param("snap-0Abc", "snap-0Abc", id="an id"),
    ],
)
def test_a_canonical_form_keeps_what_its_storage_tells_apart(uri: str, wanted: str) -> None:
    assert canonical(uri) == wanted


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(["", "/", "file:", "file://", "file:///", "sftp://H/", "s3://B/", "x:"]),
    st.text(alphabet="aB/.%2fF20e?#@: ü", max_size=20),
)
def test_a_canonical_form_is_its_own(start: str, rest: str) -> None:
    once = canonical(start + rest)
    assert canonical(once) == once


@pytest.mark.parametrize("place", ["file:///srv/vault", "/srv/vault/", "FILE:/srv//vault"])
@pytest.mark.parametrize("uri", ["/srv/vault/a", "file:///srv/%76ault/a", "file:///srv/./vault/a"])
def test_a_place_on_a_disk_is_known_however_it_and_the_file_are_spelled(
    place: str, uri: str
) -> None:
    assert is_allowed(uri, [place])
    assert not is_allowed(uri.replace("ault/a", "ault-public/a"), [place])


@pytest.mark.parametrize("root", ["s3://vault", "file:///srv/vault", "/srv/vault"])
@pytest.mark.parametrize(
    "steps",
    ["..", ".%2e", "%2E.", "%2e%2e", "%252e%252e", "a%2f..%2f..", "..%2fb", "a\\..\\..", "..%5cb"],
)
def test_what_steps_up_is_in_no_place_however_the_dots_are_written(root: str, steps: str) -> None:
    assert not is_allowed(f"{root}/{steps}/public/a", [root])
    assert is_allowed(f"{root}/..a/b..%2f/a", [root])


@pytest.mark.parametrize(
    ("place", "says"),
    [("foo", "is no storage"), ("s3://", "is no storage"), ("s3://b/{project}", "is a folder")],
)
def test_what_is_no_place_is_refused(place: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_place(place)


@pytest.mark.parametrize(
    ("written", "comes_out"),
    [("{build}", "7"), ("{build:03}", "007"), ("{build:012d}", "000000000007"), ("{build:d}", "7")],
)
def test_a_number_has_the_width_that_the_template_says(written: str, comes_out: str) -> None:
    template = f"s3://b/{written}/{{attempt}}/{{name}}"
    check_location(template)
    uri = uri_of(
        template, project="p", build=7, state=25, lane="", attempt=ATTEMPT, name="image.raw"
    )
    assert uri == f"s3://b/{comes_out}/{ATTEMPT}/image.raw"
    assert read_back(template, uri) == Made(ATTEMPT, "image.raw", 7)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("s3://b/{name}", "lacks {attempt}"),
        ("s3://b/{attempt}", "lacks {name}"),
        ("s3://b/{date}/{attempt}/{name}", "{date} is not known"),
        ("s3://b/{attempt}/{name", "cannot be read"),
        ("{project}/{attempt}/{name}", "is no storage"),
        ("s3://{project}/{attempt}/{name}", "begin with a storage"),
        ("s3://b/{attempt.__class__}/{name}", "{attempt.__class__} is not known"),
        ("s3://b/{}/{attempt}/{name}", "{} is not known"),
        ("s3://b/{attempt:.7}/{name}", "{attempt} is inserted unchanged"),
        ("s3://b/{attempt:>9000000000000000000}/{name}", "{attempt} is inserted unchanged"),
        ("s3://b/{attempt}/{name:2}", "{name} is inserted unchanged"),
        ("s3://b/{attempt}/{name!r}", "{name} is inserted unchanged"),
        ("s3://b/{build!s}/{attempt}/{name}", "{build} is inserted unchanged"),
        ("s3://b/{state:0900000000000000000d}/{attempt}/{name}", "{state} can only have a width"),
        ("s3://b/{build:x}/{attempt}/{name}", "{build} can only have a width"),
        ("s3://b/{build:{state}}/{attempt}/{name}", "{build} can only have a width"),
        ("s3://b/{state:c}/{attempt}/{name}", "{state} can only have a width"),
    ],
)
def test_a_template_that_will_not_do_is_refused(template: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_location(template)
