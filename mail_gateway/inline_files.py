"""Files inside the text of a mail, as programs without MIME send them: uuencode and yEnc."""

from __future__ import annotations

import re
from typing import NamedTuple

from mail_gateway.transfer import decode_uu, decode_yenc

_BLOCK = re.compile(
    rb"^begin [0-7]{3,4} (?P<uu_name>[^\r\n]{1,200})\r?\n"
    rb"(?P<uu>(?:[!-`][^\r\n]{0,90}\r?\n)*+)(?:[` ]?\r?\n)?end[ \t]*\r?$\n?"
    rb"|^=ybegin (?P<y_line>[^\r\n]{1,300}?) name=(?P<y_name>[^\r\n]{1,200})\r?\n(?:=ypart [^\r\n]*\r?\n)?"
    rb"(?P<y>(?:(?!=y)[^\n]*\n)*+)=yend[^\r\n]*\r?$\n?",
    re.MULTILINE,
)


class InlineFile(NamedTuple):
    """A name as bytes, in whatever charset the text has, and the content."""

    name: bytes
    content: bytes


def take_out(data: bytes, *, at_most: int) -> tuple[bytes, list[InlineFile], bool]:
    """The text without its files, the files, and whether more than `at_most` were there (which stay in the text)."""
    files: list[InlineFile] = []
    rest, start, has_more = [], 0, False
    for match in _BLOCK.finditer(data):
        has_more = len(files) >= at_most
        if has_more:
            break
        is_uu = match["uu_name"] is not None
        files.append(
            InlineFile(
                (match["uu_name"] if is_uu else match["y_name"]).strip().strip(b'"'),
                decode_uu(match["uu"]) if is_uu else decode_yenc(match["y"]),
            )
        )
        rest.append(data[start : match.start()])
        start = match.end()
    return b"".join([*rest, data[start:]]), files, has_more


def may_hold_files(data: bytes) -> bool:
    """A quick look, since hardly any text does."""
    return b"begin " in data or b"=ybegin " in data
