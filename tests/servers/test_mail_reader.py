"""The reader's child: limits, deaths, and answers that belong to their mails."""

import pytest

from helpdesk.intake.reader import Reader, Unreadable
from helpdesk.models import InboundEvent
from tests import make


@pytest.fixture
def reader() -> Reader:
    return Reader(wall_seconds=20)


class TestReader:
    def test_answers_each_mail_with_its_own_text(self, reader: Reader) -> None:
        mails = [(number, make.mail(text=f"mail {number}")) for number in range(5)]

        answers = {key: mail.text.strip() for key, mail in reader.read_all(mails) if not isinstance(mail, Unreadable)}

        assert answers == {number: f"mail {number}" for number in range(5)}
        reader.close()

    def test_keeps_no_answer_for_the_next_when_the_caller_stops_early(self, reader: Reader) -> None:
        for _ in reader.read_all([(1, make.mail(text="one")), (2, make.mail(text="two"))]):
            break

        assert reader.read(make.mail(text="three")).text.strip() == "three"
        reader.close()

    def test_reads_the_next_mail_after_its_child_was_killed(self, reader: Reader) -> None:
        reader.read(make.mail(text="one"))
        assert reader.process is not None
        reader.process.kill()
        reader.process.wait()

        assert reader.read(make.mail(text="two")).text.strip() == "two"
        reader.close()

    def test_gives_up_on_a_mail_that_takes_too_long(self) -> None:
        slow = Reader(wall_seconds=0.0)

        with pytest.raises(Unreadable) as given_up:
            slow.read(make.mail(text="x" * 1_000_000))

        assert given_up.value.reason == InboundEvent.Reason.TOO_SLOW
        assert slow.process is None

    def test_carries_files_unchanged(self, reader: Reader) -> None:
        content = bytes(range(256)) * 100
        raw = (
            b"From: a@b.example\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=x.bin\n"
            b"Content-Transfer-Encoding: 8bit\n\n" + content.replace(b"\r", b"").replace(b"\n", b"")
        )

        [attachment] = reader.read(raw).attachments

        assert attachment.content.strip() == content.replace(b"\r", b"").replace(b"\n", b"").strip()
        reader.close()
