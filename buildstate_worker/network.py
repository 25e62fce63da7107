"""Which proxy and whose certificates the environment and the config file name.

They say it for every server; what counts for one is asked with its URL.

- `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`: the proxy that leads to a service at `https://`, at
  `http://`, or at either where its own is not set, as `http://USER:PASSWORD@HOST:PORT`. In lower
  case, too, which comes first. This machine is reached without. Default: none.
- `NO_PROXY`: what is reached without a proxy, with commas between: a domain with all that is below
  it (`corp.example`), `HOST:PORT`, an address, a network (`10.0.0.0/8`), or `*` for everything. In
  lower case, too. Default: nothing.
- `BLDST_CA_BUNDLE`: the certificates of the authorities that are believed, in place of the
  system's: a PEM file, or a folder that OpenSSL has hashed. Default: the profile's `ca_bundle`,
  then `SSL_CERT_FILE`, then `REQUESTS_CA_BUNDLE`, then the system's.
- `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`: for many programs what `BLDST_CA_BUNDLE` is for this one.
  Default: none.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from buildstate_core.errors import InvalidInput

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """A proxy as it was named.

    Attributes:
        url: As it stands in the variable: it may hold a password.
        named_by: The variable.
    """

    url: str = field(repr=False)
    named_by: str

    def __str__(self) -> str:
        """Return what may be shown: where it is, and which variable says so."""
        parts = self.parts()
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return f"{where} ({self.named_by})"

    def parts(self) -> SplitResult:
        """Return its URL, taken apart.

        Raises:
            InvalidInput: It is none of an HTTP proxy.
        """
        url = self.url if "://" in self.url else f"http://{self.url}"
        with suppress(ValueError):
            parts = urlsplit(url)
            is_place = bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
            if is_place and parts.scheme in _PORTS and " " not in url:
                return parts
        seen = "not shown, since it holds a password" if "@" in url else f'"{self.url}"'
        raise InvalidInput(
            f"{self.named_by} is not the URL of an HTTP proxy: {seen}.",
            code="bad-proxy",
            field=self.named_by,
            hint="Write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with %40 for @,"
            " %2F for / and so on in the password. To go without it, name the service's host in"
            " NO_PROXY.",
        )


@dataclass(frozen=True)
class CaBundle:
    """Whose certificates are believed.

    Attributes:
        path: The file, or a folder of them.
        named_by: The variable, or which profile.
        only_for: The URL of the one service for which it was named. `None`: for all.
    """

    path: str
    named_by: str
    only_for: str | None = None

    def __str__(self) -> str:
        """Return what it is, and what says so."""
        return f"{self.path} ({self.named_by})"


@dataclass(frozen=True, kw_only=True)
class Network:
    """How servers are reached. Build it with `load`.

    Attributes:
        proxies: By the scheme of what is to be reached.
        no_proxy: What is reached without them.
        ca_bundles: The first one that is for a server counts.
    """

    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    no_proxy: str = ""
    ca_bundles: tuple[CaBundle, ...] = ()

    @classmethod
    def load(cls, environ: Mapping[str, str], *, of_profile: CaBundle | None = None) -> Self:
        """Read the environment. Nothing is checked before it is used."""
        proxies = {}
        for scheme in _PORTS:
            names = [cased for each in (scheme, "all") for cased in _cased(f"{each}_proxy")]
            named = next((each for each in names if environ.get(each)), None)
            if named is not None:
                proxies[scheme] = Proxy(environ[named].strip(), named)
        own, *common = [
            CaBundle(environ[each], each) if environ.get(each) else None
            for each in ("BLDST_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        ]
        no_proxy = next(filter(None, map(environ.get, _cased("no_proxy"))), "")
        bundles = (each for each in (own, of_profile, *common) if each is not None)
        return cls(proxies=proxies, no_proxy=no_proxy, ca_bundles=tuple(bundles))

    def proxy_for(self, url: str) -> Proxy | None:
        """Return the proxy that leads to a URL; `None` if the way is direct."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return None  # it leads nowhere
        proxy = self.proxies.get(parts.scheme)
        if proxy is None or _is_here(host) or self._is_exempt(host, port):
            return None
        return proxy

    def ca_bundle_for(self, url: str) -> CaBundle | None:
        """Return whose certificates count for a URL; `None` for the system's."""
        return next((each for each in self.ca_bundles if each.only_for in {None, url}), None)

    def _is_exempt(self, host: str, port: int | None) -> bool:
        if not self.no_proxy:
            return False
        # Only now: not everybody has a proxy, and a command is called for each step.
        from urllib.request import (  # type: ignore[attr-defined]  # noqa: PLC0415
            proxy_bypass_environment,
        )

        is_named = proxy_bypass_environment(f"{host}:{port}", {"no": self.no_proxy})
        return bool(is_named) or self._is_in_a_network(host)

    def _is_in_a_network(self, host: str) -> bool:
        address = _address(host)
        if address is not None:
            for each in self.no_proxy.split(","):
                with suppress(ValueError):
                    if address in ip_network(each.strip(), strict=False):
                        return True
        return False


DIRECT: Final = Network()
"""No proxy, and the system's certificates."""


def _cased(name: str) -> tuple[str, str]:
    return name, name.upper()


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    """Whether a host is this machine by what it is called: no proxy could lead to it."""
    address = _address(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    try:
        with socket.socket(family) as probe:
            probe.bind((host, 0))  # only an address of one's own can be taken
    except OSError:
        return False
    return True
