"""Which proxy and whose certificates the environment names, and for what."""

import socket
from pathlib import Path

import pytest

from buildstate_core.config import write_profile
from buildstate_core.errors import InvalidInput
from buildstate_worker.network import DIRECT, Network
from buildstate_worker.settings import Settings

SERVICE = "https://builds.corp.example"
PROXY = "http://proxy.corp.example:3128"


def way(url: str, **environ: str) -> str | None:
    proxy = Network.load(environ).proxy_for(url)
    return None if proxy is None else str(proxy)


class TestProxies:
    @pytest.mark.parametrize(
        ("environ", "shown"),
        [
            pytest.param({}, None, id="none"),
            pytest.param({"HTTPS_PROXY": PROXY}, f"{PROXY} (HTTPS_PROXY)", id="for https"),
            pytest.param({"HTTP_PROXY": PROXY}, None, id="the other scheme's"),
            pytest.param({"ALL_PROXY": PROXY}, f"{PROXY} (ALL_PROXY)", id="for all"),
            pytest.param({"https_proxy": PROXY}, f"{PROXY} (https_proxy)", id="lower case"),
            pytest.param(
                {"HTTPS_PROXY": "http://a", "https_proxy": "http://b", "ALL_PROXY": "http://c"},
                "http://b (https_proxy)",
                id="lower case comes first",
            ),
            pytest.param(
                {"HTTPS_PROXY": "http://a", "all_proxy": "http://c"},
                "http://a (HTTPS_PROXY)",
                id="the scheme's own comes first",
            ),
            pytest.param(
                {"https_proxy": "", "HTTPS_PROXY": PROXY}, f"{PROXY} (HTTPS_PROXY)", id="empty"
            ),
            pytest.param(
                {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128 (HTTPS_PROXY)", id="no scheme"
            ),
            pytest.param(
                {"HTTPS_PROXY": "https://me:s3cret@proxy:3128/"},
                "https://proxy:3128 (HTTPS_PROXY)",
                id="a password is not shown",
            ),
        ],
    )
    def test_the_first_that_is_named_counts(
        self, environ: dict[str, str], shown: str | None
    ) -> None:
        assert way(SERVICE, **environ) == shown

    def test_each_scheme_has_its_own(self) -> None:
        environ = {"HTTP_PROXY": "http://a", "HTTPS_PROXY": "http://b"}
        assert way("http://builds.corp.example", **environ) == "http://a (HTTP_PROXY)"
        assert way(SERVICE, **environ) == "http://b (HTTPS_PROXY)"

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:8642",
            "http://127.8.9.1",
            "http://localhost:8642",
            "http://LOCALHOST",
            "http://build.localhost",
            "http://[::1]:8642",
            "http://0.0.0.0:8642",
        ],
    )
    def test_this_machine_is_never_reached_through_one(self, url: str) -> None:
        assert way(url, HTTP_PROXY=PROXY, ALL_PROXY=PROXY) is None

    def test_nor_is_an_address_of_its_own(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # nothing is sent
            except OSError:
                pytest.skip("this machine has no address but loopback")
            own = probe.getsockname()[0]
        assert way(f"http://{own}:8642", HTTP_PROXY=PROXY) is None
        assert way("http://192.0.2.1:8642", HTTP_PROXY=PROXY) is not None

    @pytest.mark.parametrize("url", ["http://[::1", "http://x:99999", "no scheme", "ftp://x", ""])
    def test_a_url_that_leads_nowhere_needs_none(self, url: str) -> None:
        assert way(url, HTTP_PROXY=PROXY) is None

    @pytest.mark.parametrize(
        ("no_proxy", "is_direct"),
        [
            ("builds.corp.example", True),
            ("corp.example", True),
            (".corp.example", True),
            ("BUILDS.corp.example", True),
            ("other.example, corp.example", True),
            ("builds.corp.example:443", True),
            ("builds.corp.example:8443", False),
            ("*", True),
            ("orp.example", False),
            ("ds.corp.example", False),
            ("other.example", False),
            ("127.0.0.1,localhost", False),
            ("10.0.0.0/8", False),
            (",,", False),
            ("", False),
        ],
    )
    def test_what_no_proxy_names_is_reached_without(
        self, no_proxy: str, *, is_direct: bool
    ) -> None:
        for variable in ("NO_PROXY", "no_proxy"):
            way_there = way(SERVICE, HTTPS_PROXY=PROXY, **{variable: no_proxy})
            assert (way_there is None) is is_direct

    @pytest.mark.parametrize(
        ("host", "no_proxy", "is_direct"),
        [
            ("192.0.2.7", "192.0.2.0/24", True),
            ("192.0.2.7", "192.0.2.1/24", True),
            ("192.0.2.7", "10.0.0.0/8, 192.0.2.7", True),
            ("192.0.2.7", "192.0.2.0/30", False),
            ("192.0.2.7", "2001:db8::/32", False),
            ("192.0.2.7", "192.0.2.0/x", False),
            ("[2001:db8::7]", "2001:db8::/32", True),
            ("[2001:db8::7]", "2001:db8::7", True),
        ],
    )
    def test_no_proxy_names_networks_too(
        self, host: str, no_proxy: str, *, is_direct: bool
    ) -> None:
        way_there = way(f"https://{host}:8642", HTTPS_PROXY=PROXY, NO_PROXY=no_proxy)
        assert (way_there is None) is is_direct

    @pytest.mark.parametrize(
        "url",
        [
            "socks5://proxy:1080", "http://", "http://proxy:port", "http://proxy:99999", "://",
            "http://proxy:0", "http://pro xy", "http://proxy/path", "http://[::1",
        ],
    )  # fmt: skip
    def test_a_url_that_makes_no_sense_is_refused_by_its_variable(self, url: str) -> None:
        proxy = Network.load({"HTTPS_PROXY": url}).proxy_for(SERVICE)
        assert proxy is not None
        with pytest.raises(InvalidInput) as refused:
            proxy.parts()
        assert (refused.value.code, refused.value.field) == ("bad-proxy", "HTTPS_PROXY")
        assert f'"{url}"' in refused.value.message

    def test_a_password_that_makes_no_sense_is_not_repeated(self) -> None:
        proxy = Network.load({"HTTPS_PROXY": "http://me:s3/cr#t@proxy:3128"}).proxy_for(SERVICE)
        assert proxy is not None
        with pytest.raises(InvalidInput) as refused:
            proxy.parts()
        assert "s3" not in str(refused.value)
        assert "s3" not in repr(proxy)


class TestCertificates:
    def test_the_first_that_is_named_counts(self) -> None:
        environ = {"REQUESTS_CA_BUNDLE": "/r", "SSL_CERT_FILE": "/s", "BLDST_CA_BUNDLE": "/b"}
        for variable in reversed(environ):
            assert str(Network.load(environ).ca_bundle_for(SERVICE)).endswith(f"({variable})")
            environ[variable] = ""
        assert Network.load(environ) == DIRECT

    def test_a_profile_names_its_own_for_its_own_service(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text(
            f'[profiles.local]\napi_url = "{SERVICE}/"\napi_key = "k"\nca_bundle = "corp.pem"\n'
        )
        environ = {"BLDST_CONFIG_DIR": str(tmp_path), "SSL_CERT_FILE": "/s"}
        network = Settings.load(environ).network
        expected = f"{tmp_path / 'corp.pem'} (ca_bundle of the profile local)"
        assert str(network.ca_bundle_for(SERVICE)) == expected
        assert str(network.ca_bundle_for("https://other.example")) == "/s (SSL_CERT_FILE)"

        own = Settings.load({**environ, "BLDST_CA_BUNDLE": "/b"}).network
        assert str(own.ca_bundle_for(SERVICE)) == "/b (BLDST_CA_BUNDLE)"
        other = Settings.load({**environ, "BLDST_API_URL": "https://other.example"})
        assert other.ca_bundle is None

    def test_a_stored_key_leaves_them_in_the_profile(self, tmp_path: Path) -> None:
        file = tmp_path / "config.toml"
        file.write_text(f'[profiles.local]\napi_url = "{SERVICE}"\nca_bundle = "/corp.pem"\n')
        write_profile(file, "local", api_url=SERVICE, api_key="new")
        loaded = Settings.load({"BLDST_CONFIG_DIR": str(tmp_path)})
        assert (loaded.api_key, loaded.ca_bundle) == ("new", Path("/corp.pem"))
