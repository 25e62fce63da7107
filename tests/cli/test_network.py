"""`bldst` behind a proxy: it goes through, and says so where it does not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support import Service
from support.proxy import HttpProxy, proxying

HOST = "http://builds.corp.example:8642"
"""Nobody knows it: only a proxy leads there."""


@pytest.fixture
def proxy(shared_service: Service) -> Iterator[HttpProxy]:
    with proxying(int(shared_service.url.rpartition(":")[2])) as proxy:
        yield proxy


@pytest.mark.usefixtures("configured")
def test_a_command_reaches_the_service_through_the_proxy_of_its_environment(
    process: Callable[..., Any], proxy: HttpProxy
) -> None:
    there = {"BLDST_API_URL": HOST, "http_proxy": proxy.url}
    answer = process("project", "list", "-o", "json", **there)
    assert (answer.code, [each["name"] for each in answer.data]) == (0, ["rhel-base"])
    assert proxy.asked == [f"GET {HOST}/v1/projects?"]
    assert process("server", "status", **there).code == 0


@pytest.mark.usefixtures("configured")
def test_a_service_on_this_machine_is_reached_without(
    process: Callable[..., Any], proxy: HttpProxy
) -> None:
    assert process("project", "list", HTTP_PROXY=proxy.url, ALL_PROXY="socks5://x").code == 0
    assert proxy.asked == []


def test_a_proxy_that_fails_is_named_without_its_password(
    bldst: Callable[..., Any], closed_url: str
) -> None:
    named = closed_url.replace("//", "//me:s3cr3t@")
    answer = bldst("project", "list", BLDST_API_URL=HOST, HTTP_PROXY=named)
    assert (answer.code, answer.out) == (6, "")
    assert f"through the proxy {closed_url} (HTTP_PROXY)" in answer.err
    assert "NO_PROXY" in answer.err
    assert "s3cr3t" not in answer.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTPS_PROXY", "socks5://127.0.0.1:1080"), ("BLDST_CA_BUNDLE", "/no/such.pem")],
)
def test_what_makes_no_sense_is_a_wrong_value(
    bldst: Callable[..., Any], variable: str, value: str
) -> None:
    answer = bldst(
        "project", "list", BLDST_API_URL="https://builds.corp.example", **{variable: value}
    )
    assert answer.code == 2
    assert variable in answer.err
    assert value in answer.err


def test_the_settings_say_which_way_counts(bldst: Callable[..., Any]) -> None:
    environ = {
        "HTTPS_PROXY": "http://me:s3cr3t@proxy:3128",
        "SSL_CERT_FILE": "/etc/corp.pem",
        "BLDST_API_URL": "https://builds.corp.example",
    }
    shown = bldst("config", "show", "-o", "json", **environ)
    assert shown.data["proxy"] == "http://proxy:3128 (HTTPS_PROXY)"
    assert shown.data["ca_bundle"] == "/etc/corp.pem (SSL_CERT_FILE)"
    assert bldst("config", "show", "-o", "json", NO_PROXY="corp.example").data["proxy"] is None
