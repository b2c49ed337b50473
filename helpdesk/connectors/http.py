"""The one guarded door for outgoing HTTP: what the desk asks of hosts that people or providers name.

A request can be aimed at the desk's own network by whoever chooses the address (server-side request forgery), so the
door resolves the name itself, refuses every address that isn't public, and connects to the very address that it has
checked: a name that answers differently the second time gains nothing. No cookies, no proxies of the environment, no
compressed bodies, no redirect unless asked for. Each wait is limited, and so is the whole request.
"""

import http.client
import io
import ipaddress
import json
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from django.conf import settings

from mail_gateway.errors import OutcomeUnknown, Permanent, Temporary
from mail_gateway.tls import make_context

USER_AGENT = "Luotsi"
MAX_BYTES = 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_SPACE_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_DEFAULT_PORTS = {"https": 443, "http": 80}
#: IPv4 inside IPv6 for networks without IPv4 (RFC 6052): what counts is the address inside.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for finding and reaching the host, for each read, and for everything together."""

    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered, whatever its status. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_good(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """The body as JSON. Raises Temporary when it is none: an error page of something in between."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Temporary(f"The answer (status {self.status}) is not JSON.") from error


@dataclass(slots=True)
class _Deadline:
    """When the whole request has to be over."""

    limits: Limits
    ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.ends_at = time.monotonic() + self.limits.total_s

    def wait(self, most_s: float) -> float:
        """How long the next step may take. Raises TimeoutError when no time is left."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {self.limits.total_s:g} s")
        return min(most_s, left)


def get(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    redirects: int = 0,
    max_bytes: int = MAX_BYTES,
    limits: Limits | None = None,
    ca_file: Path | None = None,
) -> Answer:
    """GET; up to ``redirects`` hops are followed, each of them checked like the first. Errors as in `send`."""
    here, own = url, dict(headers or {})
    for _ in range(redirects + 1):
        answer = send("GET", here, headers=own, max_bytes=max_bytes, limits=limits, ca_file=ca_file)
        target = answer.headers.get("location", "")
        if not redirects or answer.status not in _REDIRECTS or not target:
            return answer
        there = urljoin(here, target)
        if _origin(urlsplit(there)) != _origin(urlsplit(here)):
            own = {name: value for name, value in own.items() if name.lower() not in _CREDENTIALS}
        here = there
    raise Permanent(f"{_shown_host(url)} redirects more than {redirects} times.")


def post_form(
    url: str, *, fields: Mapping[str, str], limits: Limits | None = None, ca_file: Path | None = None
) -> Answer:
    """POST ``fields`` as a form. A redirect is an answer like any other. Errors as in `send`."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    body = urlencode(dict(fields)).encode("ascii")
    return send("POST", url, headers=headers, body=body, limits=limits, ca_file=ca_file)


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    max_bytes: int = MAX_BYTES,
    limits: Limits | None = None,
    ca_file: Path | None = None,
) -> Answer:
    """One request, one answer of any status.

    Raises Permanent when the door doesn't let it through (scheme, address, size), Temporary when the host can't be
    reached or breaks off; where the host has had the whole request of something other than GET, it is OutcomeUnknown.
    ``ca_file``: see `mail_gateway.tls`. Errors name the host, never the path or the body.
    """
    place = _checked(url)
    deadline = _Deadline(limits or Limits())
    family = Temporary
    own = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close", **(headers or {})}
    try:
        with _connect(place, deadline, ca_file) as sock:
            connection = _speak(sock, place, deadline)
            target = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
            connection.request(method, target, body=body if body or method != "GET" else None, headers=own)
            family = Temporary if method == "GET" else OutcomeUnknown
            return _read(connection.getresponse(), place, max_bytes)
    except ssl.SSLCertVerificationError as error:
        raise Temporary(f"{place.hostname}: its certificate is not valid: {error.verify_message}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise family(f"{place.hostname}: {_words(error)}") from error
    except (ValueError, UnicodeError) as error:  # a header or an address that can't be written
        raise Permanent(f"{place.hostname}: the request can't be made: {type(error).__name__}.") from error


def _checked(url: str) -> SplitResult:
    """The parts of an address that may be asked at all. Raises Permanent."""
    try:
        place = urlsplit(url)
        host, port = place.hostname or "", place.port
    except ValueError as error:
        raise Permanent("This is not an address of the web.") from error
    if not host or _SPACE_OR_CONTROL.search(url) or not url.isascii() or port == 0:
        raise Permanent("This is not an address of the web.")
    if place.username is not None or place.password is not None:
        raise Permanent("An address with a user name in it is not asked.")
    if place.scheme != "https" and not (place.scheme == "http" and _is_inner(host)):
        raise Permanent(f"{host} is only asked over https.")
    return place


def _is_inner(host: str) -> bool:
    """Whether the settings allow this host to be inside, and to be spoken to without TLS."""
    return host in settings.HTTP_INNER_HOSTS


def _connect(place: SplitResult, deadline: _Deadline, ca_file: Path | None) -> socket.socket:
    """A line to an address that was checked; TLS is verified against the host's name."""
    host, port = place.hostname or "", _port(place)
    sock = _dial(_addresses(host, port, deadline), port, deadline)
    if place.scheme == "http":
        return sock
    try:
        sock.settimeout(deadline.wait(deadline.limits.connect_s))
        return make_context(ca_file=ca_file).wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _speak(sock: socket.socket, place: SplitResult, deadline: _Deadline) -> http.client.HTTPConnection:
    """HTTP on a line that is open already."""
    connection = http.client.HTTPConnection(place.hostname or "", _port(place))
    connection.default_port = _DEFAULT_PORTS[place.scheme]  # so that Host carries no port where none is needed
    connection.auto_open = 0  # it never looks the name up by itself
    connection.sock = cast("socket.socket", _TimedSocket(sock, deadline))
    return connection


def _addresses(host: str, port: int, deadline: _Deadline) -> Sequence[Address]:
    """Where the host is. Raises Permanent if any of it is not public, Temporary if nobody knows."""
    answers: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    # The resolver takes no time limit; a thread that waits in vain ends with the resolver's own patience.
    threading.Thread(target=ask, name="http-name", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.wait(deadline.limits.connect_s))
    except queue.Empty as error:
        raise TimeoutError("its name is not answered for") from error
    if isinstance(found, UnicodeError):
        raise Permanent(f"{host} is not the name of a host.") from found
    if isinstance(found, OSError):
        raise Temporary(f"The name {host} is not known: {found.strerror or found}.") from found
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not _is_inner(host) and not all(is_public(address) for address in addresses):
        raise Permanent(f"{host} is inside a network that is not public, and is not asked.")
    return list(dict.fromkeys(addresses))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the open internet: not this machine, not its network, nothing reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _dial(addresses: Sequence[Address], port: int, deadline: _Deadline) -> socket.socket:
    """The first of the addresses that answers."""
    failure: OSError = OSError("it has no address")
    for address in addresses:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(deadline.wait(deadline.limits.connect_s))
            sock.connect((str(address), port))
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _read(response: http.client.HTTPResponse, place: SplitResult, max_bytes: int) -> Answer:
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise Permanent(f"{place.hostname} answers with more than {max_bytes} bytes.")
    if response.length:  # what is still missing of Content-Length; read() with a number doesn't complain by itself
        raise http.client.IncompleteRead(body)
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, body)


class _TimedReader(io.RawIOBase):
    """Reads a socket until the deadline: a host that sends one byte every few seconds doesn't hold us."""

    def __init__(self, sock: socket.socket, deadline: _Deadline) -> None:
        super().__init__()
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._sock.settimeout(self._deadline.wait(self._deadline.limits.read_s))
        return self._sock.recv_into(buffer)


@dataclass(slots=True)
class _TimedSocket:
    """As much of a socket as http.client uses, every wait of it limited."""

    sock: socket.socket
    deadline: _Deadline

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(self.deadline.wait(self.deadline.limits.read_s))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self.sock, self.deadline))

    def close(self) -> None:
        """Nothing: http.client lets go of the line before it has read a body; `send` closes it."""


def _port(place: SplitResult) -> int:
    return place.port or _DEFAULT_PORTS[place.scheme]


def _origin(place: SplitResult) -> tuple[str, str]:
    return place.scheme, place.netloc


def _shown_host(url: str) -> str:
    return urlsplit(url).hostname or "The host"


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time."
    if isinstance(error, http.client.HTTPException):
        return f"the answer is not HTTP, or broke off ({type(error).__name__})."
    return f"can't be reached: {getattr(error, 'strerror', None) or str(error) or type(error).__name__}."
