"""Mails that were made to stop a desk: each exhausts something that a parser has too little of."""

import base64
import io
import struct
import zipfile
from collections.abc import Callable, Iterator

_MIB = 1024 * 1024
_MIXED = b'multipart/mixed; boundary="x"'


def _mail(body: bytes = b"Hello.\r\n", *, headers: bytes = b"", content: bytes = b"text/plain; charset=utf-8") -> bytes:
    return (
        b"From: Mallory <mallory@evil.example>\r\nTo: support@luotsi.example\r\n" + headers + b"MIME-Version: 1.0\r\n"
        b"Content-Type: " + content + b"\r\n\r\n" + body
    )


def _folded(name: bytes, word: bytes, times: int) -> bytes:
    """A mail with a header of many lines, each with its number in it."""
    return _mail(headers=name + b": " + b"\r\n ".join(word % number for number in range(times)) + b"\r\n")


def _deep_parts() -> bytes:
    opened = b"".join(
        b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (level, level + 1) for level in range(1000)
    )
    return _mail(opened + b"--b1000\r\n\r\nthe innermost\r\n", content=b'multipart/mixed; boundary="b0"')


def _forwarded(depth: int) -> bytes:
    mail = _mail(b"the innermost\r\n")
    for _ in range(depth):
        mail = _mail(mail, content=b"message/rfc822")
    return mail


def _zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.txt", b"\0" * (20 * _MIB))
    return _attached(file.getvalue(), name=b"photos.zip", content=b"application/zip")


def _attached(raw: bytes, *, name: bytes, content: bytes) -> bytes:
    coded = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    return _mail(
        b'--x\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--x\r\nContent-Type: %s; name="%s"\r\n'
        b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n%s--x--\r\n"
        % (content, name, coded),
        content=_MIXED,
    )


def _tnef() -> bytes:
    attributes = b"".join(struct.pack("<BII", level, 0x00069003, 0xFFFFFFFF) for level in (1, 2)) * 2000
    return _attached(
        struct.pack("<IH", 0x223E9F78, 1) + attributes, name=b"winmail.dat", content=b"application/ms-tnef"
    )


def _boundary_in_itself() -> bytes:
    part = b'--a\r\nContent-Type: multipart/mixed; boundary="a"\r\n\r\n'
    return _mail(part * 5000 + b"--a--\r\n", content=b'multipart/mixed; boundary="a"')


def _html(body: bytes) -> bytes:
    return _mail(body, content=b"text/html; charset=utf-8")


def _report() -> bytes:
    told = b"".join(
        b"Final-Recipient: rfc822; u%d@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" % n for n in range(50_000)
    )
    return _mail(
        b"--x\r\n\r\nfailed\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n" + told + b"--x--\r\n",
        content=b'multipart/report; report-type=delivery-status; boundary="x"',
    )


def _coded(encoding: bytes, body: bytes, content: bytes = b"text/plain; charset=utf-8") -> bytes:
    return _mail(body, headers=b"Content-Transfer-Encoding: " + encoding + b"\r\n", content=content)


#: Each is made when it is its turn: together they would take as much memory as they hope to.
KILLERS: dict[str, Callable[[], bytes]] = {
    "parts a thousand deep": _deep_parts,
    "100,000 parts": lambda: _mail(b"--x\r\n\r\na\r\n" * 100_000, content=_MIXED),
    "a subject of a megabyte": lambda: _mail(headers=b"Subject: " + b"x" * _MIB + b"\r\n"),
    "a folded subject of a megabyte": lambda: _mail(headers=b"Subject: x" + b"\r\n x" * (_MIB // 4) + b"\r\n"),
    "100,000 divs deep": lambda: _html(b"<div>" * 100_000 + b"x" + b"</div>" * 100_000),
    "10,000 tables deep": lambda: _html(b"<table><tr><td>" * 10_000 + b"x"),
    "utf-7": lambda: _mail(b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-\r\n", content=b"text/html; charset=utf-7"),
    "unicode_escape": lambda: _mail(b"\\x3cscript\\x3e" * 1000, content=b"text/html; charset=unicode_escape"),
    "a zip bomb": _zip_bomb,
    "a header line of two megabytes": lambda: _mail(headers=b"X-Long: " + b"y" * (2 * _MIB) + b"\r\n"),
    "50,000 headers": lambda: _mail(headers=b"".join(b"X-%d: 1\r\n" % number for number in range(50_000))),
    "one header 50,000 times": lambda: _mail(headers=b"Reply-To: a@b.example\r\n" * 50_000),
    "100,000 recipients": lambda: _folded(b"Cc", b"u%d@x.example,", 100_000),
    "a group of groups": lambda: _mail(headers=b"Cc: " + b"a:" * 20_000 + b";" * 20_000 + b"\r\n"),
    "an endless line of base64": lambda: _coded(b"base64", b"QUFB" * (5 * _MIB // 4)),
    "an endless line": lambda: _mail(b"x" * (5 * _MIB)),
    "mails 200 deep in mails": lambda: _forwarded(200),
    "a declared size of 50 MB": lambda: _mail(
        headers=b"Content-Length: 52428800\r\nContent-Disposition: attachment; size=52428800; filename=a.bin\r\n"
    ),
    "null bytes": lambda: _mail(b"\0" * 100_000 + b"\r\n", headers=b"Subject: a\0b\0c\r\nX-\0: \0\r\n"),
    "lengths that lie in winmail.dat": _tnef,
    "a boundary inside itself": _boundary_in_itself,
    "a boundary of 100,000 letters": lambda: _mail(content=b"multipart/mixed; boundary=" + b"q" * 100_000),
    "50,000 encoded words": lambda: _folded(b"Subject", b"=?utf-8?q?a%d?=", 50_000),
    "an encoded word in itself": lambda: _mail(
        headers=b"Subject: " + b"=?utf-8?q?" * 20_000 + b"?=" * 20_000 + b"\r\n"
    ),
    "a line of quote marks": lambda: _mail(b"> " * (_MIB // 2) + b"\r\n"),
    "quotes ever deeper": lambda: _mail(b"".join(b">" * depth + b" x\r\n" for depth in range(1400))),
    "100,000 attributions": lambda: _mail(b"On Mon, Jan 1, 2026 at 1:00, A <a@b.example> wrote:\r\n> x\r\n" * 20_000),
    "letters that turn the line": lambda: _mail(
        headers="Subject: \u202e\u2066fdp.exe\u202c\r\nX-Name: \u202eknab\r\n".encode()
    ),
    "headers without an end": lambda: b"From: mallory@evil.example\r\n" + b"X: y\r\n" * 100_000,
    "nothing": lambda: b"\r\n",
    "line ends": lambda: b"\r\n" * 500_000,
    "a From of brackets": lambda: b"From: " + b"(" * 50_000 + b"a@b.example\r\nTo: support@luotsi.example\r\n\r\nx\r\n",
    "a From with an open quote": lambda: b'From: "' + b"a\\" * 50_000 + b"\r\nTo: support@luotsi.example\r\n\r\nx\r\n",
    "comments that never close": lambda: _html(b"<!--" * 250_000),
    "brackets that never close": lambda: _html(b"<" * _MIB),
    "100,000 attributes": lambda: _html(b"<p " + b" ".join(b"a%d=1" % number for number in range(100_000)) + b">x"),
    "a style of a megabyte": lambda: _html(b'<p style="' + b"color:red;" * 100_000 + b'">x'),
    "entities": lambda: _html(b"&#x41;&amp;&lt" * 80_000),
    "50,000 references": lambda: _folded(b"References", b"<%d@x.example>", 50_000),
    "quoted-printable of nothing": lambda: _coded(b"quoted-printable", b"=\r\n" * 300_000 + b"=" * 100_000),
    "10,000 pieces of a file name": lambda: _mail(
        b"x", content=b"text/plain" + b"".join(b";\r\n name*%d*=%%41" % number for number in range(10_000))
    ),
    "escapes between alphabets": lambda: _mail(b"\x1b$B!!\x1b(B" * 100_000, content=b"text/plain; charset=iso-2022-jp"),
    "uuencode that never ends": lambda: _mail(b"begin 644 a\r\n" * 50_000),
    "a report about 50,000 recipients": _report,
    "spaces of format=flowed": lambda: _mail(
        b" " * _MIB + b"\r\n" + b" \r\n" * 100_000, content=b"text/plain; format=flowed; delsp=yes"
    ),
}  # fmt: skip


def killers() -> Iterator[tuple[str, bytes]]:
    """Each with its name, which stands in a header as well."""
    for name, make in KILLERS.items():
        yield name, b"X-Killer: " + name.encode() + b"\r\n" + make() if name != "nothing" else make()
