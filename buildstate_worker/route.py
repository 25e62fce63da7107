"""The way to one service, and the sentences about where on it a request has ended."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import SplitResult, unquote

import urllib3
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import MaxRetryError, ProxyError
from urllib3.util.ssl_ import create_urllib3_context

from buildstate_core.errors import InvalidInput, Unreachable
from buildstate_worker.network import CaBundle, Network, Proxy

_TIMEOUT: Final = urllib3.Timeout(connect=5, read=30)
_REFUSED_TUNNEL: Final = re.compile(r"Tunnel connection failed: (4\d\d)")
_WANTS_A_PASSWORD: Final = 407
_OUT_OF_TIME: Final = {9, 10}
"""OpenSSL's codes of certificates that are not valid yet, or not any more."""
_FOR_ANOTHER_HOST: Final = {62, 64}
"""Of those that are for another name, or address."""


class Retry(urllib3.Retry):
    """Tries again after what may be better the next time, which a certificate is not."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Count a failure, or end with it."""
        if _pool is not None and error is not None and _is_settled(error):
            raise MaxRetryError(_pool, url or "", error) from error
        return super().increment(method, url, response, error, _pool, _stacktrace)


@dataclass(frozen=True)
class Route:
    """The way to one service.

    Attributes:
        api_url: Where it is.
        proxy: What leads there; `None` if the way is direct.
        ca_bundle: Whose certificates are believed; `None`: those that the system says.
    """

    api_url: str
    proxy: Proxy | None
    ca_bundle: CaBundle | None

    @classmethod
    def to(cls, api_url: str, network: Network) -> Self:
        """Find the way to a service."""
        return cls(api_url, network.proxy_for(api_url), network.ca_bundle_for(api_url))

    def pool(self) -> urllib3.PoolManager:
        """Return what connects along it.

        Raises:
            InvalidInput: The proxy or the certificates that were named cannot be used.
        """
        proxy = None if self.proxy is None else self.proxy.parts()
        is_encrypted = self.api_url.startswith("https:") or (proxy and proxy.scheme == "https")
        context = _context(self.ca_bundle) if self.ca_bundle and is_encrypted else None
        options: dict[str, Any] = {"timeout": _TIMEOUT, "maxsize": 8, "ssl_context": context}
        if proxy is None:
            return urllib3.PoolManager(**options)
        return urllib3.ProxyManager(
            f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}",
            proxy_headers=_who_asks(proxy),
            proxy_ssl_context=context,
            **options,
        )

    def failed(self, error: urllib3.exceptions.HTTPError) -> Unreachable:
        """Return the error for a request that had no answer."""
        causes = list(_causes(error))
        certificate = next((e for e in causes if isinstance(e, ssl.SSLCertVerificationError)), None)
        is_the_proxy = self.proxy is not None and any(isinstance(e, ProxyError) for e in causes)
        if certificate is not None:
            return self._not_believed(certificate, is_of_the_proxy=is_the_proxy)
        if is_the_proxy:
            return self._proxy_failed(_said(causes[-1]), status=_tunnel_status(causes))
        return Unreachable(
            f"The service at {self.api_url} cannot be reached{self._through}: {_said(causes[-1])}.",
            hint="Check that it runs and that BLDST_API_URL is right: bldst server status",
        )

    def no_problem(self, status: int) -> Unreachable:
        """Return the error for an answer that no BuildState service gives."""
        if self.proxy is not None and status == _WANTS_A_PASSWORD:
            return self._proxy_failed("it wants a user and a password", status=status)
        return Unreachable(
            f"{self.api_url} answered{self._through} with HTTP {status} and no problem document.",
            code="bad-answer",
            hint="Is there a proxy between, or another program at this address?"
            if self.proxy is None
            else "Is it the proxy that answers, or another program at this address? To go without"
            " the proxy, name the service's host in NO_PROXY.",
        )

    @property
    def _through(self) -> str:
        return "" if self.proxy is None else f" through the proxy {self.proxy}"

    def _proxy_failed(self, why: str, *, status: int | None) -> Unreachable:
        assert self.proxy is not None  # noqa: S101 - it failed
        name = self.proxy.named_by
        return Unreachable(
            f"The service at {self.api_url} cannot be reached{self._through}: {why}.",
            code="proxy-failed",
            field=name,
            hint=f"Put its user and password into {name}: http://USER:PASSWORD@HOST:PORT"
            if status == _WANTS_A_PASSWORD
            else f"Check {name}. To go without the proxy, name the service's host in NO_PROXY.",
        )

    def _not_believed(
        self, error: ssl.SSLCertVerificationError, *, is_of_the_proxy: bool
    ) -> Unreachable:
        whose = f"the proxy {self.proxy}" if is_of_the_proxy else f"the service at {self.api_url}"
        through = "" if is_of_the_proxy else self._through
        bundle = self.ca_bundle or "the system's certificates"
        if error.verify_code in _OUT_OF_TIME:
            hint = "Have it renewed. Is this machine's clock right?"
        elif error.verify_code in _FOR_ANOTHER_HOST:
            hint = "Use a name that it is for, or have it made for this one."
        else:
            hint = (
                "Set BLDST_CA_BUNDLE to a PEM file with the certificate of the authority that"
                " signed it."
            )
            if through:
                hint += " It may be the proxy's, if that reads along."
        return Unreachable(
            f"The certificate of {whose}{through} is not believed: {_verdict(error)}. It was"
            f" checked with {bundle}.",
            code="certificate-not-believed",
            hint=hint,
        )


def _who_asks(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    who = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return dict(urllib3.make_headers(proxy_basic_auth=who))


def _context(bundle: CaBundle) -> ssl.SSLContext:
    context = create_urllib3_context()
    is_folder = Path(bundle.path).is_dir()
    try:
        context.load_verify_locations(**{"capath" if is_folder else "cafile": bundle.path})
    except (OSError, ValueError) as error:
        why = "has no certificates in PEM"
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            why = f"cannot be read: {error.strerror}"
        raise InvalidInput(
            f"{bundle} {why}.",
            code="bad-ca-bundle",
            field=bundle.named_by,
            hint="Name a PEM file with the certificates of the authorities to believe, or leave it"
            " out for the system's.",
        ) from error
    return context


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error of urllib3, and what it was made of, down to the first cause."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        held = (getattr(seen, "reason", None), getattr(seen, "original_error", None), *seen.args)
        seen = next((each for each in held if isinstance(each, BaseException)), None)


def _is_settled(error: Exception) -> bool:
    causes = list(_causes(error))
    is_refused = _tunnel_status(causes) is not None
    return is_refused or any(isinstance(e, ssl.SSLCertVerificationError) for e in causes)


def _tunnel_status(causes: list[BaseException]) -> int | None:
    """Return with which status a proxy refused to lead to the service, if that is final."""
    refused = _REFUSED_TUNNEL.search(str(causes[-1]))
    return None if refused is None else int(refused[1])


def _said(error: BaseException) -> str:
    text = str(error)
    return text.rpartition(": ")[2].rpartition("] ")[2].rstrip(".") or type(error).__name__


def _verdict(error: ssl.SSLCertVerificationError) -> str:
    first, _, rest = error.verify_message.rstrip(".").partition(" ")
    return f"{first if first.isupper() else first.lower()} {rest}"
