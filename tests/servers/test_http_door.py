"""The door for outgoing HTTP, against real sockets: what it asks, whom it refuses, and that nobody holds it."""

import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from helpdesk.connectors import http
from mail_gateway.errors import Permanent, Temporary
from tests.servers.certificates import make_certificates
from tests.servers.raw_http import says, serve

HASTE = http.Limits(connect_s=2.0, read_s=0.2, total_s=0.3)


@pytest.fixture(autouse=True)
def _inner_hosts(settings: Settings) -> None:
    settings.HTTP_INNER_HOSTS = frozenset({"127.0.0.1", "inner.example"})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`somewhere.example` and `inner.example` are 127.0.0.1; the names that were looked up, in order."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1" if host.endswith(".example") else host, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


class TestARequest:
    def test_says_who_we_are_and_carries_nothing_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

        with serve(says("200 OK", "Set-Cookie: a=b", body=b'{"answer": 42}')) as server:
            http.get(f"http://127.0.0.1:{server.port}/")
            answer = http.get(f"http://127.0.0.1:{server.port}/path?query=1")

        assert answer.json() == {"answer": 42}
        assert server.requests[1].splitlines()[0] == b"GET /path?query=1 HTTP/1.1"
        assert b"User-Agent: Luotsi" in server.requests[1]
        assert b"Accept-Encoding: identity" in server.requests[1]
        assert b"ookie" not in server.requests[1]

    def test_posts_a_form(self) -> None:
        with serve(says("400 Bad Request", body=b"{}")) as server:
            answer = http.post_form(f"http://127.0.0.1:{server.port}/token", fields={"a": "b c&d", "ä": "€"})

        assert (answer.status, answer.is_good) == (400, False)
        assert server.requests[0].endswith(b"\r\n\r\na=b+c%26d&%C3%A4=%E2%82%AC")

    def test_looks_a_name_up_once_and_goes_where_it_was_checked(self, names: list[str]) -> None:
        with serve(says("200 OK")) as server:
            assert http.get(f"http://inner.example:{server.port}/").is_good

        assert names == ["inner.example"]
        assert f"Host: inner.example:{server.port}".encode() in server.requests[0]

    def test_checks_the_certificate_against_the_name(self, tmp_path: Path, names: list[str]) -> None:
        made = make_certificates(tmp_path)
        with serve(says("200 OK"), context=made.server_context()) as server:
            assert http.get(f"https://127.0.0.1:{server.port}/", ca_file=made.ca_file).is_good
            with pytest.raises(Temporary, match="certificate is not valid"):
                http.get(f"https://inner.example:{server.port}/", ca_file=made.ca_file)
            with pytest.raises(Temporary, match="certificate is not valid"):
                http.get(f"https://127.0.0.1:{server.port}/")

        assert len(server.requests) == 1


class TestTheDoorRefuses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://public.example/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "gopher://127.0.0.1/",
            "//127.0.0.1/",
            "https://",
            "https://user:word@public.example/",
            "https://127.0.0.1@public.example/",
            "https://public.example/a b",
            "https://public.example/\r\nHost: other",
            "https://public.example:99999/",
            "https://public.example:0/",
            "https://[::1/",
            "https://püblic.example/",
        ],
    )
    def test_an_address_that_is_none_for_it(self, url: str, names: list[str]) -> None:
        with pytest.raises(Permanent):
            http.get(url)

        assert names == []

    @pytest.mark.parametrize(
        "host",
        ["localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"],
    )
    def test_this_machine_however_it_is_written(self, host: str) -> None:
        with pytest.raises((Permanent, Temporary), match=r"not public|not known"):
            http.get(f"https://{host}/")

    def test_a_name_that_leads_inside(self, names: list[str]) -> None:
        with serve(says("200 OK")) as server:
            with pytest.raises(Permanent, match=r"somewhere\.example is inside"):
                http.get(f"https://somewhere.example:{server.port}/")

        assert server.requests == []

    def test_a_name_of_which_only_one_address_leads_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def look_up(host: str, port: int, **options: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("9.9.9.9", "10.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

        with pytest.raises(Permanent, match="not public"):
            http.get("https://mixed.example/")

    @pytest.mark.parametrize(
        "address",
        """0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.168.1.1 192.0.2.1 198.18.0.1 224.0.0.1
        240.0.0.1 255.255.255.255 :: ::1 fe80::1 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001:db8::1 ::ffff:10.0.0.1
        ::ffff:169.254.169.254 2002:7f00:1:: 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe""".split(),
    )
    def test_addresses_that_are_not_public(self, address: str) -> None:
        assert not http.is_public(ipaddress.ip_address(address))

    @pytest.mark.parametrize("address", ["9.9.9.9", "142.250.74.46", "2620:fe::fe", "64:ff9b::808:808"])
    def test_no_public_address(self, address: str) -> None:
        assert http.is_public(ipaddress.ip_address(address))

    def test_a_header_that_smuggles_another(self) -> None:
        with serve(says("200 OK")) as server, pytest.raises(Permanent):
            http.get(f"http://127.0.0.1:{server.port}/", headers={"X-A": "b\r\nX-C: d"})


class TestARedirect:
    def test_is_an_answer_unless_it_is_asked_to_be_followed(self) -> None:
        with serve(says("302 Found", "Location: /elsewhere")) as server:
            assert http.get(f"http://127.0.0.1:{server.port}/").headers["location"] == "/elsewhere"
            assert http.post_form(f"http://127.0.0.1:{server.port}/", fields={}).status == 302

        assert len(server.requests) == 2

    def test_is_checked_like_the_first_address(self) -> None:
        for target in ("https://169.254.169.254/latest/", "http://public.example/", "file:///etc/passwd"):
            with serve(says("302 Found", f"Location: {target}")) as server:
                with pytest.raises(Permanent):
                    http.get(f"http://127.0.0.1:{server.port}/", redirects=3)

    def test_ends_after_so_many(self) -> None:
        with serve(says("302 Found", "Location: /again")) as server:
            with pytest.raises(Permanent, match="more than 2 times"):
                http.get(f"http://127.0.0.1:{server.port}/", redirects=2)

        assert len(server.requests) == 3

    def test_takes_no_credentials_to_another_host(self, names: list[str]) -> None:
        with serve(says("200 OK")) as there:
            with serve(says("302 Found", f"Location: http://inner.example:{there.port}/")) as here:
                headers = {"Authorization": "Bearer secret", "X-Kept": "yes"}
                http.get(f"http://127.0.0.1:{here.port}/", headers=headers, redirects=1)

        assert b"secret" in here.requests[0]
        assert b"secret" not in there.requests[0]
        assert b"X-Kept" in there.requests[0]


def silent(write: Callable[[bytes], None], is_closing: threading.Event) -> None:
    is_closing.wait()


def drips(start: bytes) -> Callable[[Callable[[bytes], None], threading.Event], None]:
    """An answer that never ends, one byte at a time."""

    def answer(write: Callable[[bytes], None], is_closing: threading.Event) -> None:
        write(start)
        while not is_closing.wait(0.02):
            write(b"x")

    return answer


class TestARudeHost:
    def test_is_left_when_it_says_nothing(self) -> None:
        with serve(silent) as server:
            with pytest.raises(Temporary, match="no answer in time"):
                http.get(f"http://127.0.0.1:{server.port}/", limits=HASTE)

    @pytest.mark.parametrize(
        "start", [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
    )
    def test_is_left_when_it_never_ends(self, start: bytes) -> None:
        began = time.monotonic()

        with serve(drips(start)) as server, pytest.raises(Temporary, match="in time"):
            http.get(f"http://127.0.0.1:{server.port}/", limits=HASTE)

        assert time.monotonic() - began < 10

    @pytest.mark.parametrize("has_length", [True, False])
    def test_is_not_read_beyond_the_cap(self, has_length: bool) -> None:
        head = b"Content-Length: 9999999\r\n" if has_length else b""
        answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + b"x" * 100_000

        with serve(lambda write, is_closing: write(answer)) as server:
            with pytest.raises(Permanent, match="more than 5000 bytes"):
                http.get(f"http://127.0.0.1:{server.port}/", max_bytes=5000)

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"220 smtp.example ESMTP\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
            b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        ],
    )
    def test_that_breaks_off_or_speaks_no_http_can_be_asked_again(self, answer: bytes) -> None:
        with serve(lambda write, is_closing: write(answer)) as server:
            with pytest.raises(Temporary):
                http.get(f"http://127.0.0.1:{server.port}/")

    def test_that_does_not_listen_can_be_asked_again(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

        with pytest.raises(Temporary, match="can't be reached"):
            http.get(f"http://127.0.0.1:{port}/")

    def test_that_has_no_name_can_be_asked_again(self) -> None:
        with pytest.raises(Temporary, match="not known"):
            http.get("https://nobody.invalid/")

    def test_whose_name_is_not_answered_for_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        is_over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: is_over.wait() and [])

        with pytest.raises(Temporary, match="in time"):
            http.get("https://slow.example/", limits=http.Limits(connect_s=0.05))
        is_over.set()

    def test_gives_no_json_where_there_is_none(self) -> None:
        with serve(says("502 Bad Gateway", body=b"<html>")) as server:
            with pytest.raises(Temporary, match="status 502"):
                http.get(f"http://127.0.0.1:{server.port}/").json()
