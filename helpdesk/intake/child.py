"""The mail reader's child process: raw mail in, parsed and sanitised mail out.

Started as ``python -m helpdesk.intake.child`` by :mod:`helpdesk.intake.reader`, without Django and without any secret.
It says that it is ready. Each request is a length (8 bytes, big endian) and the raw mail; each answer two lengths, a
JSON text and the attachments' bytes one after another. JSON and not pickle: whatever a mail manages to do in here, the
parent only ever reads data. A CPU limit is set anew for each mail; the memory limit holds for the process.
"""

import json
import resource
import struct
import sys
from dataclasses import asdict, replace
from typing import Any, BinaryIO

from helpdesk.text import sanitise
from mail_gateway.crash_points import arm, crash_point
from mail_gateway.mail import ParsedMail
from mail_gateway.parse import parse

LENGTH = struct.Struct(">Q")
LENGTHS = struct.Struct(">QQ")
#: The first thing that the child says.
READY = b"+"
#: What one mail may take: CPU seconds and bytes of address space.
CPU_SECONDS = 15
MEMORY_BYTES = 1024 * 1024 * 1024
#: The exit status that tells the parent.
OUT_OF_MEMORY = 3


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """``size`` bytes; raises EOFError when the stream ends before."""
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def encode(mail: ParsedMail) -> bytes:
    """One answer."""
    contents = b"".join(attachment.content for attachment in mail.attachments)
    small = replace(mail, attachments=tuple(replace(each, content=b"") for each in mail.attachments))
    data: dict[str, Any] = asdict(small)
    data["date"] = mail.date.isoformat() if mail.date else None
    data["sizes"] = [len(attachment.content) for attachment in mail.attachments]
    for attachment in data["attachments"]:
        del attachment["content"]  # the bytes follow the JSON text
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).encode()
    return LENGTHS.pack(len(text), len(contents)) + text + contents


def _allow_cpu(seconds: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    """Answer requests until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for point in sys.argv[1:]:
        arm(point)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sink.write(READY)
    sink.flush()
    while header := source.read(LENGTH.size):
        raw = read_exactly(source, LENGTH.unpack(header)[0])
        _allow_cpu(CPU_SECONDS)
        crash_point("reader.begun")
        try:
            mail = parse(raw)
            answer = encode(replace(mail, html=sanitise(mail.html)))
        except MemoryError:
            sys.exit(OUT_OF_MEMORY)
        crash_point("reader.parsed")
        sink.write(answer)
        sink.flush()


if __name__ == "__main__":
    main()
