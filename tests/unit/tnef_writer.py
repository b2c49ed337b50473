"""Writes winmail.dat files, so that each quirk of them can be had by name (MS-OXTNEF)."""

from __future__ import annotations

import struct

MESSAGE_OBJECT = bytes.fromhex("0703020000000000c000000000000046")
BINARY, OBJECT, STRING, UNICODE = 0x0102, 0x0D, 0x1E, 0x1F


def container(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def attribute(name: int, value: bytes, *, kind: int = 6, level: int = 2) -> bytes:
    return struct.pack("<BHHI", level, name, kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*values: bytes) -> bytes:
    return struct.pack("<I", len(values)) + b"".join(values)


def sized(number: int, kind: int, value: bytes) -> bytes:
    """A property whose value has a length of its own."""
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def long(number: int, value: int) -> bytes:
    return struct.pack("<HHI", 3, number, value)


def named(number: int, name: str, value: int) -> bytes:
    """A property that has a text for a name, and four bytes for a value."""
    data = f"{name}\0".encode("utf-16-le")
    return (
        struct.pack("<HH16sII", 3, number, b"\1" * 16, 1, len(data))
        + data
        + b"\0" * (-len(data) % 4)
        + struct.pack("<I", value)
    )


def code_page(number: int) -> bytes:
    return attribute(0x9007, struct.pack("<II", number, 0), level=1)


def message(*values: bytes) -> bytes:
    return attribute(0x9003, properties(*values), level=1)


def file(title: bytes, content: bytes, *values: bytes) -> bytes:
    """An attached file: its short name, what is in it, and more properties."""
    begin = attribute(0x9002, b"\0" * 14)
    named_by = attribute(0x8010, title + b"\0") if title else b""
    filled = attribute(0x800F, content) if content else b""
    return begin + named_by + filled + (attribute(0x9005, properties(*values)) if values else b"")
