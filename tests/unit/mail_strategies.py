"""Mails for property tests: headers and bodies from the pieces that hurt, and whole MIME trees."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

_HEADER_NAMES = st.sampled_from(
    "From To Cc Subject Date Message-ID In-Reply-To References Reply-To Sender Content-Type Content-Disposition "
    "Content-Transfer-Encoding Content-ID Content-Location Auto-Submitted Return-Path Received Delivered-To List-Id "
    "Authentication-Results X-Failed-Recipients".split()
)
_HEADER_BITS = st.sampled_from(
    [
        *("multipart/mixed", "multipart/related", "multipart/alternative", "multipart/report", "message/rfc822"),
        *("text/html", "text/plain", "application/ms-tnef", "; boundary=b", "; start=<a>", "; format=flowed"),
        *("; charset=utf-7", "; charset=utf-16", "; charset=iso-2022-jp", "; charset=big5", "; charset=x"),
        *("; name*0*=x''%ff", "; name*1=b", "; filename=a.txt", "; filename*=utf-8''%e2%80%ae", "attachment", "inline"),
        *("a@b.example", "<a@b.example>", "=?utf-8?q?=C3=A4=0A?=", "=?utf-7?b?+AAo-?=", "=?x?b?", "=?", "?=", "'"),
        *("base64", "quoted-printable", "x-uuencode", "\x00", "\r", "\n ", "\n", "--", "ä", "\u202e", " ", "\t", "%2F"),
        *("../a", "\x1b$B", "\ud800", "1 Jan 2020 00:00:00", "+9999", "auto-replied", "a" * 300),
        *'"<>()@,;:\\=',
    ]
)
HEADERS = st.lists(st.tuples(_HEADER_NAMES, st.lists(_HEADER_BITS, max_size=12).map("".join)), max_size=12).map(
    lambda fields: "".join(f"{name}: {value}\n" for name, value in fields).encode("utf-8", "surrogatepass")
)
BODIES = st.lists(
    st.sampled_from(
        [
            *(b"--b", b"--b--", b"\n", b"\r\n", b"\r", b"\n\n", b"Content-Type: text/html", b": x", b"text", b"\xff"),
            *(b"\x1b$B", b"begin 644 a\n", b"#86)C\n", b"end\n", b"=ybegin line=1 size=1 name=a\n", b"=yend\n", b"=3D"),
            *(
                b"Content-Type: message/rfc822\n\n",
                b"Content-Transfer-Encoding: base64\n",
                b"QUJD",
                b"==",
                b"> ",
                b"\0",
            ),
            *(b"<p>", b"</p", b"<!--", b"-->", b"<a b='", b"&#0;", b"&#xd800;", b"<style>", b"\x78\x9f\x3e\x22"),
            *("\u202e".encode(), "\u2028".encode(), b"-- \n", b"On 1.1.2020 a wrote:\n", b"550 5.1.1 <a@b.example>\n"),
        ]
    )
).map(b"".join)


@dataclass(frozen=True)
class Leaf:
    """A part with a content of its own."""

    kind: str
    name: str
    content: bytes
    encoding: str

    def render(self, numbers: Iterator[int]) -> bytes:
        next(numbers)
        disposition = f'Content-Disposition: attachment; filename="{self.name}"\n' if self.name else ""
        head = f"Content-Type: {self.kind}; charset=utf-8\n{disposition}Content-Transfer-Encoding: {self.encoding}\n\n"
        if self.encoding == "base64":
            return head.encode() + base64.encodebytes(self.content)
        return head.encode() + binascii.b2a_qp(self.content, istext=False)

    def leaves(self) -> Iterator[Leaf]:
        yield self


@dataclass(frozen=True)
class Node:
    """A multipart."""

    sub: str
    children: tuple[Leaf | Node, ...]

    def render(self, numbers: Iterator[int]) -> bytes:
        boundary = f"b{next(numbers)}="
        pieces = b"".join(b"--" + boundary.encode() + b"\n" + each.render(numbers) + b"\n" for each in self.children)
        return (
            f'Content-Type: multipart/{self.sub}; boundary="{boundary}"\n\n'.encode()
            + pieces
            + f"--{boundary}--\n".encode()
        )

    def leaves(self) -> Iterator[Leaf]:
        for each in self.children:
            yield from each.leaves()


_WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=20)
_ENCODINGS = st.sampled_from(["base64", "quoted-printable"])
_TEXTS = st.builds(
    lambda text, encoding: Leaf(text[0], "", text[1].encode(), encoding),
    st.tuples(st.just("text/plain"), _WORDS) | st.tuples(st.just("text/html"), _WORDS.map("<p>{}</p>".format)),
    _ENCODINGS,
)  # fmt: skip
_FILES = st.builds(
    Leaf, st.sampled_from(["application/pdf", "image/png", "text/csv"]), st.integers(0, 10**6).map("{}.bin".format),
    st.binary(max_size=200), _ENCODINGS,
)  # fmt: skip
TREES = st.recursive(
    _TEXTS | _FILES,
    lambda inner: st.builds(
        Node, st.sampled_from(["mixed", "related", "alternative"]), st.lists(inner, min_size=1, max_size=4).map(tuple)
    ),
    max_leaves=12,
)
