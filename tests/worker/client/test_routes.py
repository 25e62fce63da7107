"""The way to the service: real proxies, real TLS, and what is said where it ends."""

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from support import Service
from support.ports import free_port
from support.proxy import HttpProxy, proxying

from buildstate_api.rest.problems import problem_response
from buildstate_core.errors import InvalidInput, NotFound, Unreachable
from buildstate_core.models import ProjectCreate
from buildstate_worker.client import ONCE, PATIENT, Client
from buildstate_worker.network import Network

from .web import Web

HOST = "builds.corp.example"
"""Nobody knows it: only a proxy leads there."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(tmp_path / "corp.pem")
    return str(tmp_path / "corp.pem")


def speaking_for(
    authority: trustme.CA, *names: str, until: datetime | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, not_after=until).configure_cert(context)
    return context


@pytest.fixture
def secure_web(authority: trustme.CA) -> Iterator[Web]:
    """A server of HTTPS that knows no build."""
    with Web(speaking_for(authority, HOST, "127.0.0.1")).running() as web:
        web.on(404, bytes(problem_response(NotFound("No such build.")).body))
        yield web


@pytest.fixture
def proxy(web: Web) -> Iterator[HttpProxy]:
    """A proxy that leads to the server without TLS."""
    web.on(404, bytes(problem_response(NotFound("No such build.")).body))
    with proxying(web.server.server_port) as proxy:
        yield proxy


@pytest.fixture
def tunnel(secure_web: Web) -> Iterator[HttpProxy]:
    """A proxy that leads to the server with TLS."""
    with proxying(secure_web.server.server_port) as proxy:
        yield proxy


Reach = Callable[..., Unreachable]


@pytest.fixture
def ask(make_client: Callable[..., Client]) -> Callable[..., None]:
    """Ask a service for a build, in an environment."""

    def get(url: str, **environ: str) -> None:
        network = Network.load(environ)
        make_client(url, "s3cret", network=network, retries=ONCE).get_build(1)

    return get


@pytest.fixture
def ends(ask: Callable[..., None]) -> Reach:
    """Ask in vain, and give what is said of that."""

    def get(url: str, **environ: str) -> Unreachable:
        with pytest.raises(Unreachable) as raised:
            ask(url, **environ)
        return raised.value

    return get


class TestThroughAProxy:
    def test_a_service_without_tls_is_asked_by_forwarding(
        self, proxy: HttpProxy, web: Web, ask: Callable[..., None]
    ) -> None:
        with pytest.raises(NotFound):
            ask(f"http://{HOST}:8642", HTTP_PROXY=proxy.url)
        assert proxy.asked == [f"GET http://{HOST}:8642/v1/builds/1"]
        assert web.asked[0][2]["Host"] == f"{HOST}:8642"

    def test_a_service_with_tls_is_asked_through_a_tunnel(
        self, tunnel: HttpProxy, secure_web: Web, bundle: str, ask: Callable[..., None]
    ) -> None:
        with pytest.raises(NotFound):
            ask(f"https://{HOST}", HTTPS_PROXY=tunnel.url, BLDST_CA_BUNDLE=bundle)
        assert tunnel.asked == [f"CONNECT {HOST}:443"]
        assert secure_web.asked[0][2]["Authorization"] == "Bearer s3cret"

    def test_the_proxy_itself_may_speak_tls(
        self,
        secure_web: Web,
        authority: trustme.CA,
        bundle: str,
        ask: Callable[..., None],
        ends: Reach,
    ) -> None:
        tls = speaking_for(authority, "127.0.0.1")
        with proxying(secure_web.server.server_port, tls=tls) as proxy:
            with pytest.raises(NotFound):
                ask(f"https://{HOST}", HTTPS_PROXY=proxy.url, SSL_CERT_FILE=bundle)
            assert proxy.asked == [f"CONNECT {HOST}:443"]
            error = ends(f"https://{HOST}", HTTPS_PROXY=proxy.url)
            assert error.code == "certificate-not-believed"
            assert f"The certificate of the proxy {proxy.url} (HTTPS_PROXY)" in error.message

    def test_the_real_service_works_through_one(
        self, service: Service, make_client: Callable[..., Client]
    ) -> None:
        with proxying(int(service.url.rpartition(":")[2])) as proxy:
            network = Network.load({"ALL_PROXY": proxy.url})
            client = make_client(f"http://{HOST}", service.key, network=network)
            client.create_project(ProjectCreate(name="rhel-base"))
            assert [each.name for each in client.list_projects()] == ["rhel-base"]
        assert len(proxy.asked) == 2

    def test_this_machine_is_asked_directly(
        self, web: Web, proxy: HttpProxy, ask: Callable[..., None]
    ) -> None:
        with pytest.raises(NotFound):
            ask(web.url, HTTP_PROXY=proxy.url, ALL_PROXY="nonsense://")
        assert (proxy.asked, len(web.asked)) == ([], 1)

    @pytest.mark.parametrize("credentials", ["me:s3/cr@t", "token:"])
    def test_a_user_and_a_password_are_told_to_it_alone(
        self,
        credentials: str,
        proxy: HttpProxy,
        tunnel: HttpProxy,
        secure_web: Web,
        bundle: str,
        ask: Callable[..., None],
    ) -> None:
        proxy.credentials = tunnel.credentials = credentials
        user = credentials.replace("/", "%2F").replace("@", "%40")
        with pytest.raises(NotFound):
            ask(f"http://{HOST}", HTTP_PROXY=f"http://{user}@127.0.0.1:{proxy.port}")
        with pytest.raises(NotFound):
            ask(
                f"https://{HOST}",
                HTTPS_PROXY=f"http://{user}@127.0.0.1:{tunnel.port}",
                REQUESTS_CA_BUNDLE=bundle,
            )
        assert "Proxy-Authorization" not in secure_web.asked[0][2]


class TestAProxyThatFails:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_nobody_listens_there(self, scheme: str, ends: Reach) -> None:
        where = f"127.0.0.1:{free_port()}"
        variable = f"{scheme}_proxy"
        error = ends(f"{scheme}://{HOST}", **{variable: f"http://me:s3cr3t@{where}"})
        assert (error.code, error.field) == ("proxy-failed", variable)
        assert error.message == (
            f"The service at {scheme}://{HOST} cannot be reached through the proxy"
            f" http://{where} ({variable}): Connection refused."
        )
        assert "NO_PROXY" in (error.hint or "")
        assert "s3cr3t" not in str(error)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_it_wants_a_password(
        self, scheme: str, proxy: HttpProxy, tunnel: HttpProxy, ends: Reach
    ) -> None:
        used = proxy if scheme == "http" else tunnel
        used.credentials = "me:right"
        error = ends(f"{scheme}://{HOST}", ALL_PROXY=f"http://me:wrong@127.0.0.1:{used.port}")
        assert (error.code, error.field) == ("proxy-failed", "ALL_PROXY")
        assert f"through the proxy {used.url} (ALL_PROXY)" in error.message
        assert "USER:PASSWORD" in (error.hint or "")
        assert "wrong" not in str(error)

    def test_it_refuses_to_lead_there(self, tunnel: HttpProxy, ends: Reach) -> None:
        tunnel.refuses_with = 403
        error = ends(f"https://{HOST}", HTTPS_PROXY=tunnel.url)
        assert error.code == "proxy-failed"
        assert "403" in error.message

    def test_it_answers_itself(self, proxy: HttpProxy, ends: Reach) -> None:
        proxy.refuses_with = 403
        error = ends(f"http://{HOST}", HTTP_PROXY=proxy.url)
        assert error.code == "bad-answer"
        assert f"through the proxy {proxy.url} (HTTP_PROXY) with HTTP 403" in error.message
        assert "NO_PROXY" in (error.hint or "")

    def test_one_that_makes_no_sense_is_refused_before_anything_is_sent(
        self, ask: Callable[..., None]
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            ask(f"https://{HOST}", HTTPS_PROXY="socks5://127.0.0.1:1080")
        assert (refused.value.code, refused.value.field) == ("bad-proxy", "HTTPS_PROXY")


class TestCertificates:
    @pytest.mark.parametrize("variable", ["BLDST_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
    def test_an_authority_of_one_s_own_is_believed(
        self, variable: str, secure_web: Web, bundle: str, ask: Callable[..., None]
    ) -> None:
        with pytest.raises(NotFound):
            ask(secure_web.url, **{variable: bundle})

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="hashes are made by openssl")
    def test_a_folder_that_openssl_has_hashed_will_do(
        self, secure_web: Web, bundle: str, tmp_path: Path, ask: Callable[..., None], ends: Reach
    ) -> None:
        folder = tmp_path / "certs"
        folder.mkdir()
        shutil.copy(bundle, folder)
        assert f"{folder} (REQUESTS_CA_BUNDLE)" in str(
            ends(secure_web.url, REQUESTS_CA_BUNDLE=str(folder))
        )
        subprocess.run(["openssl", "rehash", folder], check=True)
        with pytest.raises(NotFound):
            ask(secure_web.url, REQUESTS_CA_BUNDLE=str(folder))

    def test_an_unknown_authority_is_told_with_what_was_believed(
        self, secure_web: Web, tmp_path: Path, ends: Reach
    ) -> None:
        error = ends(secure_web.url)
        assert error.code == "certificate-not-believed"
        assert f"The certificate of the service at {secure_web.url} is not believed" in str(error)
        assert "checked with the system's certificates" in error.message
        assert "Set BLDST_CA_BUNDLE" in (error.hint or "")

        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        error = ends(secure_web.url, SSL_CERT_FILE=str(other))
        assert f"checked with {other} (SSL_CERT_FILE)" in error.message
        assert "Set BLDST_CA_BUNDLE" in (error.hint or "")

    def test_one_behind_a_proxy_names_both(self, tunnel: HttpProxy, ends: Reach) -> None:
        error = ends(f"https://{HOST}", HTTPS_PROXY=tunnel.url)
        assert f"the service at https://{HOST} through the proxy {tunnel.url}" in error.message
        assert "It may be the proxy's" in (error.hint or "")

    def test_one_for_another_host_or_out_of_time_is_not_mended_by_a_bundle(
        self, authority: trustme.CA, bundle: str, ends: Reach
    ) -> None:
        with Web(speaking_for(authority, "other.example")).running() as web:
            error = ends(web.url, BLDST_CA_BUNDLE=bundle)
            assert "certificate is not valid for '127.0.0.1'" in error.message
            assert "BLDST_CA_BUNDLE" not in (error.hint or "")
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        with Web(speaking_for(authority, "127.0.0.1", until=long_ago)).running() as web:
            error = ends(web.url, BLDST_CA_BUNDLE=bundle)
            assert "expired" in error.message
            assert "clock" in (error.hint or "")

    def test_what_will_not_change_is_not_tried_again(
        self, secure_web: Web, tunnel: HttpProxy, make_client: Callable[..., Client]
    ) -> None:
        tunnel.refuses_with = 407
        network = Network.load({"HTTPS_PROXY": tunnel.url})
        for url, network_used in ((f"https://{HOST}", network), (secure_web.url, Network())):
            client = make_client(url, network=network_used, retries=PATIENT)
            with pytest.raises(Unreachable):
                client.get_build(1)
        assert len(tunnel.asked) == 1

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (None, "cannot be read: No such file or directory"),
            ("", "has no certificates in PEM"),
            ("hello", "has no certificates in PEM"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "in PEM"),
        ],
    )
    def test_a_bundle_that_is_none_is_named(
        self, content: str | None, why: str, tmp_path: Path, ask: Callable[..., None]
    ) -> None:
        file = tmp_path / "broken.pem"
        if content is not None:
            file.write_text(content)
        with pytest.raises(InvalidInput) as refused:
            ask(f"https://{HOST}", BLDST_CA_BUNDLE=str(file))
        assert (refused.value.code, refused.value.field) == ("bad-ca-bundle", "BLDST_CA_BUNDLE")
        assert f"{file} (BLDST_CA_BUNDLE)" in refused.value.message
        assert why in refused.value.message

    def test_a_bundle_does_not_matter_where_there_is_no_tls(
        self, web: Web, ask: Callable[..., None]
    ) -> None:
        web.on(404, bytes(problem_response(NotFound("No such build.")).body))
        with pytest.raises(NotFound):
            ask(web.url, BLDST_CA_BUNDLE="/nowhere.pem")
