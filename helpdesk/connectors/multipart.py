"""Forms with files, as platforms take them (RFC 7578)."""

import secrets
from collections.abc import Mapping, Sequence

from helpdesk.connectors.social import Upload


def multipart(fields: Mapping[str, str], files: Sequence[tuple[str, Upload]]) -> tuple[str, bytes]:
    """The Content-Type and the body of a form; ``files`` are (field, file)."""
    limit = secrets.token_hex(16)
    parts = [_part(limit, f'form-data; name="{_quoted(name)}"', value.encode()) for name, value in fields.items()]
    for name, file in files:
        where = f'form-data; name="{_quoted(name)}"; filename="{_quoted(file.name or "file")}"'
        parts.append(_part(limit, where, file.content, content_type=file.content_type))
    return f"multipart/form-data; boundary={limit}", b"".join([*parts, f"--{limit}--\r\n".encode()])


def _part(limit: str, disposition: str, content: bytes, *, content_type: str = "") -> bytes:
    sort = f"Content-Type: {_line(content_type)}\r\n" if content_type else ""
    return f"--{limit}\r\nContent-Disposition: {disposition}\r\n{sort}\r\n".encode() + content + b"\r\n"


def _quoted(value: str) -> str:
    """As browsers write it."""
    return _line(value).replace('"', "%22")


def _line(value: str) -> str:
    return value.replace("\r", "").replace("\n", "")
