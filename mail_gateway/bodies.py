"""Which parts of a mail are its text, which its HTML, and what is attached.

The choice follows the algorithm of JMAP (RFC 8621, 4.1.4) with one change: pictures inside the text are attachments
too, so that nothing a mail carries can get lost between the lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from mail_gateway import charsets, html_text, inline_files, tnef
from mail_gateway.mail import Attachment, Limits
from mail_gateway.mime import Part
from mail_gateway.problems import Problem

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:-]{1,40})", re.IGNORECASE)
_TEXT_TYPES = ("text/plain", "text/html")
_MARKED_UP_TYPES = ("text/html", "text/enriched", "text/richtext")
# What stands beside the text or the HTML of an alternative and says the same again.
_OTHER_RENDERINGS = ("text/enriched", "text/richtext", "text/x-amp-html", "text/watch-html")
# Text for programs: a file, even if the mail is nothing else.
_FILES_OF_TEXT = frozenset(
    f"text/{kind}"
    for kind in "calendar csv vcard x-vcard directory rtf xml css javascript tab-separated-values".split()
)
_PGP_MESSAGE = re.compile(r"^-----BEGIN PGP MESSAGE-----[ \t]*$", re.MULTILINE)
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_ENCRYPTED = {
    "application/pkcs7-mime": Problem.SMIME.value,
    "application/x-pkcs7-mime": Problem.SMIME.value,
    "application/pgp-encrypted": Problem.PGP.value,
}
_LOCATION_NAME = re.compile(r"(?:^|/)([^/:?#]{1,100}\.\w{1,5})$")
_LOOKS_LIKE_A_NAME = re.compile(r"[^/\\:?#]{1,100}\.(?!\d)\w{2,5}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_USUAL_NAMES = {
    "text/calendar": "invite.ics",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-signature": "smime.p7s",
    "application/x-pkcs7-signature": "smime.p7s",
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
}


@dataclass(slots=True)
class Body:
    """What a mail says and carries. `html` is '' unless the mail has an HTML part."""

    text: str = ""
    html: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_truncated: bool = False


@dataclass(slots=True)
class _Chosen:
    """Parts in reading order. A part that is its own only rendering is in both bodies."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attached: list[Part] = field(default_factory=list)


def read_body(root: Part, *, limits: Limits) -> Body:
    """The text, the HTML and the attachments of a tree."""
    chosen = _Chosen()
    _choose([root], chosen, kind="mixed")
    body = Body()
    decoder = _Decoder(body=body, limits=limits)
    body.text = decoder.join_text(chosen.text)
    if any(part.content_type == "text/html" for part in chosen.html):
        body.html = decoder.join_html(chosen.html)
        if not body.text.strip():
            body.text = html_text.to_text(body.html)
    if _PGP_MESSAGE.search(body.text):
        decoder.note(Problem.PGP_TEXT.value)
    for part in chosen.attached:
        decoder.attach(part)
    # Each part is within the limit; a thousand of them need not be.
    body.text, body.html = decoder.within_limit(body.text), decoder.within_limit(body.html)
    return body


def first_charset(root: Part) -> str:
    """The charset of the first text part that names one: the likely charset of raw 8-bit headers."""
    for part in root.walk():
        if part.content_type.startswith("text/") and (charset := part.parameters.get("charset", "")):
            return charset
    return ""


def _choose(parts: list[Part], chosen: _Chosen, *, kind: str, root: int = 0, is_alternative: bool = False) -> None:
    """Sort the children of one multipart (`kind` is its subtype) into text, HTML and attachments."""
    text_before, html_before = len(chosen.text), len(chosen.html)
    for index, part in enumerate(parts):
        if part.content_type.startswith("multipart/"):
            sub = part.content_type.partition("/")[2]
            sub = "mixed" if len(part.children) == 1 and sub == "alternative" else sub
            below = is_alternative or sub == "alternative"
            _choose(part.children, chosen, kind=sub, root=_root_of(part), is_alternative=below)
        elif kind == "alternative" and _is_rendering(part, parts[:index]):
            if part.content_type in _TEXT_TYPES or not _has_text(parts):
                (chosen.html if part.content_type == "text/html" else chosen.text).append(part)
        elif kind == "alternative" or not _is_body(part, is_first=index == root, kind=kind):
            chosen.attached.append(part)
        else:
            # Below an alternative, a part is in the one body that its type belongs to.
            if not (is_alternative and part.content_type == "text/html"):
                chosen.text.append(part)
            if not (is_alternative and part.content_type == "text/plain"):
                chosen.html.append(part)
    if kind == "alternative":
        _fill_missing(chosen, text_before, html_before)


def _fill_missing(chosen: _Chosen, text_before: int, html_before: int) -> None:
    """An alternative that has only one form is that form in both bodies."""
    new_text, new_html = chosen.text[text_before:], chosen.html[html_before:]
    if new_html and not new_text:
        chosen.text += new_html
    elif new_text and not new_html:
        chosen.html += new_text


def _root_of(part: Part) -> int:
    """Which child of a multipart is its beginning: of a related one (RFC 2387) `start`, else the first that is text."""
    if part.content_type != "multipart/related":
        return 0
    start = part.parameters.get("start", "").strip("<> ")
    readable = [
        index
        for index, child in enumerate(part.children)
        if child.content_type.startswith("multipart/")
        or (child.content_type in _TEXT_TYPES and child.headers.disposition()[0] != "attachment")
    ]
    by_id = [index for index in readable if part.children[index].headers.text("content-id").strip("<> ") == start]
    return next(iter([*(by_id if start else []), *readable]), 0)


def _has_text(parts: list[Part]) -> bool:
    return any(part.content_type in _TEXT_TYPES or part.content_type.startswith("multipart/") for part in parts)


def _is_rendering(part: Part, before: list[Part]) -> bool:
    """Whether a child of multipart/alternative is the text in one form, not a file that was put there by mistake."""
    if part.content_type not in (*_TEXT_TYPES, *_OTHER_RENDERINGS) or part.headers.disposition()[0] == "attachment":
        return False
    return not filename_of(part) or all(part.content_type != other.content_type for other in before)


def _is_body(part: Part, *, is_first: bool, kind: str) -> bool:
    if part.headers.disposition()[0] == "attachment":
        return False
    if part.parent is None and part.content_type.startswith("text/"):
        return part.content_type not in _FILES_OF_TEXT
    if is_first and part.content_type in _MARKED_UP_TYPES:
        return True
    if part.content_type not in _TEXT_TYPES:
        return False
    if is_first:
        return True
    return kind not in ("related", "report") and not filename_of(part)


def filename_of(part: Part) -> str:
    """The file name a part gives itself: last path component, clean, '' if none."""
    _, parameters = part.headers.disposition()
    own = part.parameters
    name = parameters.get("filename") or own.get("name") or own.get("filename") or parameters.get("name") or ""
    if not name and not part.content_type.startswith("text/"):
        name = _name_elsewhere(part)
    return charsets.clean_filename(_without_percents(name))


def _name_elsewhere(part: Part) -> str:
    """Some senders name pictures by their place in a page only (RFC 2557), some files by their description."""
    location = part.headers.text("content-location").partition("?")[0]
    if match := _LOCATION_NAME.search(location):
        return match[1]
    description = part.headers.text("content-description", max_chars=200)
    return description if _LOOKS_LIKE_A_NAME.fullmatch(description) else ""


def _without_percents(name: str) -> str:
    """Names that a web program has percent-encoded, if nothing speaks against it."""
    if "%" not in name or len(_PERCENT.findall(name)) != name.count("%"):
        return name
    try:
        return unquote(name, errors="strict")
    except UnicodeDecodeError:
        return name


@dataclass(slots=True)
class _Decoder:
    """Turns chosen parts into text and attachments, and notes on the body what was wrong with them."""

    body: Body
    limits: Limits
    cache: dict[int, str] = field(default_factory=dict)

    def note(self, problem: str) -> None:
        if problem and problem not in self.body.problems:
            self.body.problems.append(problem)

    def text_of(self, part: Part) -> str:
        key = id(part)
        if key not in self.cache:
            self.cache[key] = self._decode(part)
        return self.cache[key]

    def _decode(self, part: Part) -> str:
        data = part.content(is_text=True)
        charset = part.parameters.get("charset", "")
        if part.content_type == "text/html" and not charset and (meta := _META_CHARSET.search(data[:4096])):
            charset = meta[1].decode("ascii")
            # A meta element that could be read as bytes proves that the text is not UTF-16 (HTML standard, 13.2.3.2).
            charset = "utf-8" if charsets.codec_of(charset).startswith(("utf-16", "utf-32")) else charset
        if part.content_type == "text/plain" and inline_files.may_hold_files(data):
            data = self._take_files(data, charset)
        cap = self.limits.text_chars
        text, problem = charsets.decode(data[: cap * 4], charset)
        self.note(problem)
        text = self.within_limit(charsets.clean_body(text), is_cut=len(data) > cap * 4)
        if part.content_type == "text/plain" and part.parameters.get("format", "").lower() == "flowed":
            text = unflow(text, is_delsp=part.parameters.get("delsp", "").lower() == "yes")
        return text

    def within_limit(self, text: str, *, is_cut: bool = False) -> str:
        """The text, cut to `limits.text_chars`; it is said when that, or an earlier cut, left something out."""
        cap = self.limits.text_chars
        if len(text) > cap or is_cut:
            self.body.is_truncated = True
            self.note(Problem.TEXT_TOO_LONG.filled(count=f"{cap:,}"))
        return text[:cap]

    def _has_room_for(self, count: int) -> bool:
        """Whether so many more files may come out of a part; each of them is a file on disk and a row."""
        if len(self.body.attachments) + count <= self.limits.parts:
            return True
        self.note(Problem.TOO_MANY_FILES.filled(count=self.limits.parts))
        return False

    def _take_files(self, data: bytes, charset: str) -> bytes:
        rest, files, has_more = inline_files.take_out(data, at_most=self.limits.parts - len(self.body.attachments))
        for file in files:
            name = charsets.clean_filename(charsets.decode(file.name, charset)[0])
            self.body.attachments.append(
                Attachment(name, "application/octet-stream", file.content, is_inline=False, content_id="")
            )
        if has_more:
            self._has_room_for(1)
        return rest

    def join_text(self, parts: list[Part]) -> str:
        pieces = []
        for part in parts:
            text = self.text_of(part)
            if part.content_type in _MARKED_UP_TYPES:
                text = html_text.to_text(text)
            pieces.append(text.strip("\n").rstrip())
        return "\n\n".join(piece for piece in pieces if piece.strip())

    def join_html(self, parts: list[Part]) -> str:
        pieces = []
        for part in parts:
            text = self.text_of(part)
            if part.content_type != "text/html":
                text = f"<pre>{html_text.escape(text)}</pre>" if text.strip() else ""
            pieces.append(text)
        return "\n".join(piece for piece in pieces if piece.strip())

    def attach(self, part: Part) -> None:
        if problem := _ENCRYPTED.get(part.content_type):
            self.note(problem)
        content = part.content()
        name = filename_of(part)
        is_tnef = part.content_type in _TNEF_TYPES or content.startswith(tnef.SIGNATURE)
        if is_tnef and self._unpack_tnef(content):
            return
        if not name and part.content_type.startswith("message/") and part.children:
            subject = part.children[0].headers.text("subject", max_chars=100)
            name = charsets.clean_filename(f"{subject or 'message'}.eml".replace("/", "-"))
        name = name or _USUAL_NAMES.get(part.content_type, "")
        disposition = part.headers.disposition()[0]
        content_id = part.headers.text("content-id", max_chars=500).strip("<> ")
        is_inline = disposition == "inline" or (not disposition and bool(content_id))
        self.body.attachments.append(
            Attachment(name, part.content_type, content, is_inline=is_inline, content_id=content_id)
        )

    def _unpack_tnef(self, content: bytes) -> bool:
        unpacked = tnef.unpack(content)
        if unpacked is None:
            self.note(Problem.TNEF_DAMAGED.value)
            return False
        if not (unpacked.attachments or unpacked.text or unpacked.html):
            return False
        if not self._has_room_for(len(unpacked.attachments)):
            return False
        self.body.attachments += unpacked.attachments
        if not self.body.text.strip():
            self.body.text = charsets.clean_body(unpacked.text or html_text.to_text(unpacked.html))
            self.body.html = self.body.html or charsets.clean_body(unpacked.html)
        return True


def unflow(text: str, *, is_delsp: bool) -> str:
    """Join the soft line breaks of format=flowed text (RFC 3676). Quoted lines join only within their depth."""
    out: list[list[str]] = []
    joined_depth = -1
    for line in text.split("\n"):
        stripped = line.lstrip(">")
        depth = len(line) - len(stripped)
        content = stripped.removeprefix(" ")
        is_soft = content.endswith(" ") and content != "-- "
        shown = content[:-1] if is_soft and is_delsp else content
        if joined_depth == depth and content != "-- ":
            out[-1].append(shown)
        else:
            out.append([">" * depth + (" " if depth else ""), shown])
        joined_depth = depth if is_soft else -1
    return "\n".join(map("".join, out))
