"""Mails that are one piece over and over: what makes a reader that looks back, recurses or copies take for ever."""

from __future__ import annotations

import base64

_HEAD = b"From: a@b.example\nTo: c@d.example\nSubject: x\n"
_MIXED = _HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
_HTML = _HEAD + b"Content-Type: text/html\n\n"
_TEXT = _HEAD + b"\n"
_BASE64 = _HEAD + b"Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n"
_QUOTED = _HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n"
_FLOWED = _HEAD + b"Content-Type: text/plain; format=flowed; delsp=yes\n\n"
_UTF8 = _HEAD + b"Content-Type: text/plain; charset=utf-8\n\n"

# Before, the piece, after
REPEATED: dict[str, tuple[bytes, bytes, bytes]] = {
    "mails in mails": (_HEAD, b"Content-Type: message/rfc822\n\n", b""),
    "parts": (_MIXED, b"--b\n\nx\n", b"--b--\n"),
    "files": (_MIXED, b"--b\nContent-Type: image/png; name=a.png\n\nx\n", b"--b--\n"),
    "delimiters that are none": (_MIXED + b"--b\n\n", b"--bx\n", b""),
    "closed multiparts": (_MIXED, b"--b--\n--b\n\n", b""),
    "multiparts in multiparts": (_HEAD, b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"x"),
    "encoded multiparts": (
        _HEAD, b"Content-Type: multipart/x; boundary=b\nContent-Transfer-Encoding: base64\n\n", b"QUJD"
    ),
    "a boundary to guess": (_HEAD + b"Content-Type: multipart/mixed\n\n", b"--x\n", b""),
    "a long subject": (b"From: a@b.example\nSubject: ", b"a", b"\n\nx"),
    "a subject of words": (b"From: a@b.example\nSubject: ", b"=?utf-8?q?a?= ", b"\n\nx"),
    "a subject of open words": (b"From: a@b.example\nSubject: ", b"=?a?b?", b"\n\nx"),
    "a subject of folds": (b"From: a@b.example\nSubject: ", b"\n a", b"\n\nx"),
    "a subject of Re": (b"From: a@b.example\nSubject: ", b"Re: ", b"\n\nx"),
    "a subject in Latin-1": (b"From: a@b.example\nSubject: ", b"\xe4\xf6", b"\n\nx"),
    "headers": (_HEAD, b"X: y\n", b"\nx"),
    "recipient headers": (_HEAD, b"To: q@r.example\nDelivered-To: a@b.example\n", b"\nx"),
    "rubbish among headers": (_HEAD, b"rubbish\nrubbish\nX: y\n", b"\nx"),
    "recipients": (b"To: ", b"a@b.example, ", b"\n\nx"),
    "recipients between spaces": (b"To: ", b"a@b.example ", b"\n\nx"),
    "comments in comments": (b"From: ", b"(", b" a@b.example\n\nx"),
    "closed comments": (b"From: ", b"()", b" a@b.example\n\nx"),
    "open quotes": (b"From: ", b'"a\\', b" a@b.example\n\nx"),
    "angles": (b"From: ", b"<", b"a@b.example\n\nx"),
    "ats": (b"From: ", b"@a", b"\n\nx"),
    "groups": (b"To: ", b"a:;", b"\n\nx"),
    "dots": (b"To: a@", b" . ", b"\n\nx"),
    "dates": (b"Date: ", b"1 ", b"\n\nx"),
    "references": (b"References: ", b"<a@b> ", b"\n\nx"),
    "open references": (b"References: ", b"<", b"\n\nx"),
    "parameters": (_HEAD + b"Content-Type: text/plain", b"; a=b", b"\n\nx"),
    "parameters without a value": (_HEAD + b"Content-Type: text/plain; ", b"a ", b"\n\nx"),
    "equals signs": (_HEAD + b"Content-Type: text/plain; ", b"=", b"\n\nx"),
    "continued parameters": (_HEAD + b"Content-Disposition: attachment", b"; filename*1=a", b"\n\nx"),
    "open words in a parameter": (_HEAD + b"Content-Type: text/plain; name=", b"=?a?q?", b"\n\nx"),
    "dispositions": (_HEAD, b"Content-Disposition: inline; filename=a\n", b"\nx"),
    "divs": (_HTML, b"<div>", b""),
    "less-than signs": (_HTML, b"<", b""),
    "open tags": (_HTML, b"<a ", b""),
    "open attributes": (_HTML, b'<a href="', b""),
    "attributes of both quotes": (_HTML, b"<a b='\"", b""),
    "a long tag": (_HTML + b"<", b"a", b""),
    "open comments": (_HTML, b"<!-- ", b""),
    "conditional comments": (_HTML, b"<!--[if mso]>", b""),
    "open styles": (_HTML, b"<style>", b""),
    "scripts": (_HTML, b"<script></script ", b""),
    "ampersands": (_HTML, b"&", b""),
    "entities": (_HTML, b"&#1", b""),
    "quotations": (_HTML, b"<blockquote>x", b""),
    "tables": (_HTML, b"<table><tr><td>", b""),
    "metas": (_HTML, b"<meta ", b""),
    "spaces in HTML": (_HTML, b" ", b"x"),
    "quote marks": (_TEXT, b"> ", b""),
    "quoted lines": (_TEXT, b"> a\n", b""),
    "dashes": (_TEXT, b"-", b""),
    "signatures": (_TEXT, b"-- \n", b""),
    "attributions": (_TEXT, b"On a wrote:\n", b""),
    "header-like lines": (_TEXT, b"From: a@b.example\n", b""),
    "addresses in text": (_TEXT, b"a@", b""),
    "links": (_TEXT, b"http://a.example/", b""),
    "blank lines": (_TEXT, b"x\n\n\n", b""),
    "tabs": (_TEXT, b"\t", b"x"),
    "carriage returns": (_TEXT, b"\r", b""),
    "uuencoded beginnings": (_TEXT, b"begin 644 a\n", b""),
    "uuencoded lines": (_TEXT + b"begin 644 a\n", b"#AAAA\n", b""),
    "yEnc beginnings": (_TEXT, b"=ybegin line=1 size=1 name=a\n", b""),
    "padded base64": (_BASE64, b"QQ==\n", b""),
    "padding alone": (_BASE64, b"=", b""),
    "base64 with junk": (_BASE64, b"Q!=F\n", b""),
    "soft breaks": (_QUOTED, b"=\n", b""),
    "spaces before a break": (_QUOTED, b" ", b"\n"),
    "escape signs": (_QUOTED, b"=", b""),
    "flowed lines": (_FLOWED, b"> a \n", b""),
    "NULs": (_TEXT, b"\0", b""),
    "escapes": (_TEXT, b"\x1b$B", b""),
    "undeclared bytes": (_TEXT, b"\xe4\xff", b""),
    "undeclared names": (_HEAD, b"To: h\xe4\xe4t <a@b.example>\n", b"\nx"),
    "names in no charset": (_HEAD, b"To: =?x?q?h=E4=E4t?= <a@b.example>\n", b"\nx"),
    "undeclared texts": (_MIXED, b"--b\n\nh\xe4\xe4t\n", b"--b--\n"),
    "undeclared file names": (_MIXED, b"--b\nContent-Type: a/b; name=h\xe4\xe4t\n\nx\n", b"--b--\n"),
    "cut UTF-8": (_UTF8, b"\xc3", b""),
    "combining marks": (_UTF8 + b"a", "\u0301\u0327".encode(), b""),
    "bounced recipients": (b"From: mailer-daemon@x.example\nSubject: Undelivered\n\n", b"<a@b.example>: 550 no\n", b""),
}  # fmt: skip


def repeated(name: str, *, size: int) -> bytes:
    """The mail of that name, of about `size` bytes."""
    before, piece, after = REPEATED[name]
    return before + piece * (size // len(piece)) + after


def packed_mails(*, depth: int) -> bytes:
    """A mail in a mail in a mail, each in base64."""
    mail = _TEXT + b"x" * 20_000
    for _ in range(depth):
        head = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        mail = head + base64.encodebytes(mail)
    return mail
