import os
import socket
import stat
from pathlib import Path

import pytest

from buildstate_core import config as config_module
from buildstate_core.config import LOCAL_URL, ROOT_DATA_DIR, read_config, write_profile
from buildstate_core.errors import InvalidInput
from buildstate_worker.settings import Settings

CONFIG = """
default_profile = "prod"

[profiles.prod]
api_url = "https://builds.example.com/"
api_key = "key-of-prod"

[profiles.local]
api_url = "http://127.0.0.1:8642"
api_key = "key-of-local"

[profiles.without-url]
api_key = "key-without-url"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "config"


def load(folder: Path, config: str | None = CONFIG, **environ: str) -> Settings:
    if config is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config, encoding="utf-8")
    return Settings.load({"BLDST_CONFIG_DIR": str(folder), **environ})


# --- where a value comes from --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "environ", "url", "key"),
    [
        pytest.param(None, {}, LOCAL_URL, None, id="nothing said: the local server"),
        pytest.param("", {}, LOCAL_URL, None, id="an empty file"),
        pytest.param(
            CONFIG, {}, "https://builds.example.com", "key-of-prod", id="the default profile"
        ),
        pytest.param(
            CONFIG, {"BLDST_PROFILE": "local"}, LOCAL_URL, "key-of-local", id="a named profile"
        ),
        pytest.param(
            CONFIG, {"BLDST_PROFILE": "unknown"}, LOCAL_URL, None, id="a profile that is not there"
        ),
        pytest.param(
            CONFIG.replace('default_profile = "prod"', ""),
            {},
            LOCAL_URL,
            "key-of-local",
            id="no default profile: local",
        ),
        pytest.param(
            CONFIG,
            {"BLDST_API_URL": "https://other.example.com/", "BLDST_API_KEY": "mine"},
            "https://other.example.com",
            "mine",
            id="the environment comes first",
        ),
        pytest.param(
            CONFIG,
            {"BLDST_API_KEY": "mine"},
            "https://builds.example.com",
            "mine",
            id="a key of one's own for the profile's server",
        ),
        pytest.param(
            CONFIG,
            {"BLDST_API_URL": "", "BLDST_API_KEY": "", "BLDST_PROFILE": ""},
            "https://builds.example.com",
            "key-of-prod",
            id="empty is not said",
        ),
        pytest.param(
            CONFIG,
            {"BLDST_PROFILE": "without-url"},
            LOCAL_URL,
            "key-without-url",
            id="a profile without a URL is for the local server",
        ),
    ],
)
def test_the_environment_comes_before_the_profile_and_that_before_the_local_server(
    folder: Path, config: str | None, environ: dict[str, str], url: str, key: str | None
) -> None:
    found = load(folder, config, **environ)
    assert (found.api_url, found.api_key) == (url, key)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com",
        "http://builds.example.com",
        "https://builds.example.com:8443",
        "https://builds.example.com.evil.example.com",
        "https://builds.example.com/other",
        LOCAL_URL,
    ],
)
def test_a_stored_key_is_never_sent_to_another_server(folder: Path, url: str) -> None:
    assert load(folder, BLDST_API_URL=url).api_key is None


@pytest.mark.parametrize("url", ["https://builds.example.com", "https://builds.example.com/"])
def test_a_stored_key_is_used_for_its_own_server_however_that_was_named(
    folder: Path, url: str
) -> None:
    assert load(folder, BLDST_API_URL=url).api_key == "key-of-prod"


def test_folders_storage_and_worker_come_from_the_environment(tmp_path: Path) -> None:
    found = load(
        tmp_path / "config",
        BLDST_DATA_DIR=str(tmp_path / "data"),
        BLDST_CACHE_DIR=str(tmp_path / "cache"),
        BLDST_STORAGE_URL="s3://builds",
        BLDST_WORKER="packer-07",
        BLDST_LEASE_SECONDS="5",
    )
    assert found.data_dir == tmp_path / "data"
    assert found.cache_dir == tmp_path / "cache"
    assert found.config_file == tmp_path / "config" / "config.toml"
    assert (found.storage_url, found.worker, found.lease_seconds) == ("s3://builds", "packer-07", 5)


def test_artifacts_go_into_the_data_folder_unless_a_storage_is_named(tmp_path: Path) -> None:
    found = load(tmp_path / "config", BLDST_DATA_DIR=str(tmp_path / "data"))
    assert found.storage_url == (tmp_path / "data" / "artifacts").as_uri()


def test_a_worker_is_named_for_its_host(folder: Path) -> None:
    found = load(folder, None)
    assert (found.worker, found.lease_seconds) == (socket.gethostname(), 60)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "٣"])
def test_a_lease_that_is_no_number_of_seconds_is_refused_by_name(folder: Path, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(folder, BLDST_LEASE_SECONDS=value)
    assert caught.value.field == "BLDST_LEASE_SECONDS"
    assert value in caught.value.message


def test_a_relative_folder_and_a_home_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    found = load(tmp_path, None, BLDST_DATA_DIR="data", BLDST_CACHE_DIR="~/cache")
    assert found.data_dir == tmp_path / "data"
    assert found.cache_dir == tmp_path / "home" / "cache"


@pytest.mark.parametrize(("user", "is_roots"), [(0, True), (1000, False)])
def test_the_data_of_root_lies_where_postgresql_can_reach_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, user: int, *, is_roots: bool
) -> None:
    monkeypatch.setattr(config_module.os, "geteuid", lambda: user)
    assert (load(folder, None).data_dir == ROOT_DATA_DIR) is is_roots


# --- the config file -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[profiles.prod\n", id="no TOML"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"profiles = 1\n", id="profiles are no table"),
        pytest.param(b'[profiles]\nprod = "x"\n', id="a profile is no table"),
        pytest.param(b"[profiles.prod]\napi_key = 1\n", id="a key is no text"),
        pytest.param(b"default_profile = 1\n", id="the default profile is no name"),
    ],
)
def test_a_broken_config_file_is_named(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "config.toml").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        load(folder, None)
    assert str(folder / "config.toml") in caught.value.message
    assert caught.value.hint is not None


def test_a_config_file_that_is_not_there_is_empty(folder: Path) -> None:
    assert read_config(folder / "config.toml") == {}


def test_a_stored_profile_is_what_the_next_process_uses(folder: Path) -> None:
    file = folder / "config.toml"
    write_profile(file, "local", api_url=LOCAL_URL, api_key="new")
    found = load(folder, None)
    assert (found.profile, found.api_url, found.api_key) == ("local", LOCAL_URL, "new")


def test_storing_a_profile_keeps_the_others_and_the_default(folder: Path) -> None:
    folder.mkdir()
    file = folder / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    write_profile(file, "local", api_url=LOCAL_URL, api_key="new")
    config = read_config(file)
    assert config["default_profile"] == "prod"
    assert config["profiles"]["prod"]["api_key"] == "key-of-prod"
    assert config["profiles"]["local"]["api_key"] == "new"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_its_owner_can_read_a_stored_key(folder: Path, umask: int) -> None:
    folder.mkdir()
    file = folder / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    file.chmod(0o644)
    before = os.umask(umask)
    try:
        write_profile(file, "local", api_url=LOCAL_URL, api_key="new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_profile_is_stored_in_one_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    file = folder / "config.toml"
    file.write_text(CONFIG, encoding="utf-8")
    seen: list[tuple[str, int]] = []
    replace = Path.replace

    def watched(draft: Path, target: Path) -> Path:
        seen.append((target.read_text(encoding="utf-8"), stat.S_IMODE(draft.stat().st_mode)))
        assert "new" in draft.read_text(encoding="utf-8")
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", watched)
    write_profile(file, "local", api_url=LOCAL_URL, api_key="new")
    assert seen == [(CONFIG, 0o600)]
    assert [each.name for each in folder.iterdir()] == ["config.toml"]


def test_a_broken_config_file_is_not_overwritten(folder: Path) -> None:
    folder.mkdir()
    file = folder / "config.toml"
    file.write_text("[profiles.prod\n", encoding="utf-8")
    with pytest.raises(InvalidInput):
        write_profile(file, "local", api_url=LOCAL_URL, api_key="new")
    assert file.read_text(encoding="utf-8") == "[profiles.prod\n"


# --- the cache -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "limit"),
    [("", None), ("0", 0), ("1073741824", 2**30), ("50G", 50 * 2**30), ("50 gb", 50 * 10**9)],
)
def test_the_limit_of_the_cache_has_units(folder: Path, value: str, limit: int | None) -> None:
    assert load(folder, BLDST_CACHE_MAX_BYTES=value).cache_max_bytes == limit


@pytest.mark.parametrize("value", ["-1", "much", "5X", "G", "٣", "1e9", "9" * 40])
def test_a_limit_that_is_no_size_is_refused_by_name(folder: Path, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(folder, BLDST_CACHE_MAX_BYTES=value)
    assert caught.value.field == "BLDST_CACHE_MAX_BYTES"
    assert value in caught.value.message


# --- commands that look at handles ---------------------------------------------------------------


def test_a_command_for_a_kind_is_read_as_a_shell_would(folder: Path) -> None:
    loaded = load(
        folder,
        BLDST_PROBE_RBD="rbd-look --pool 'rhel images'",
        BLDST_PROBE_MANAGED_IMAGE="/opt/look",
        BLDST_PROBE_AMI=" ",
    )
    assert loaded.probes == {
        "RBD": ("rbd-look", "--pool", "rhel images"),
        "MANAGED_IMAGE": ("/opt/look",),
    }
    assert load(folder).probes == {}


def test_a_command_that_cannot_be_read_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(folder, BLDST_PROBE_RBD="look 'images")
    assert caught.value.field == "BLDST_PROBE_RBD"
    assert "look 'images" in caught.value.message
