"""Every code that a mail can carry has a sentence, in English and in Finnish."""

import pytest
from django.utils import translation

from helpdesk.console.wording import FIELDS, KINDS, PROBLEMS, acknowledged, file_word, noticed, sender_sign
from helpdesk.intake.guards import Sign
from helpdesk.intake.rereading import texts_of
from helpdesk.models import Message
from mail_gateway.mail import Kind
from mail_gateway.problems import Problem, SenderProblem


class TestTheSentences:
    def test_are_those_of_the_mail_reader_word_for_word(self) -> None:
        with translation.override("en"):
            assert {problem: str(sentence) for problem, sentence in PROBLEMS.items()} == {
                problem: problem.value for problem in Problem
            }

    def test_cover_every_kind_of_mail_and_every_problem_of_a_sender(self) -> None:
        assert set(KINDS) == set(Kind)
        with translation.override("en"):
            for problem in SenderProblem:
                assert sender_sign(f"from-{problem.name.lower()}") == problem.value

    def test_name_everything_that_a_mail_read_again_is_compared_by(self) -> None:
        assert set(FIELDS) == set(texts_of(Message(), ()))

    @pytest.mark.parametrize(
        ("stored", "expected"),
        [
            ("Some characters are not valid utf-8.", "Jotkin merkit eivät kuulu merkistöön utf-8."),
            ("machine mail: auto-reply: x-autoreply", "Automaattinen vastaus (x-autoreply)"),
            ("machine mail: x-autoreply", "Konepostia (x-autoreply)"),
            ("Something of an older desk.", "Something of an older desk."),
        ],
    )  # fmt: skip
    def test_are_said_in_finnish_too(self, stored: str, expected: str) -> None:
        with translation.override("fi"):
            assert noticed(stored) == expected

    @pytest.mark.parametrize("sign", list(Sign))
    def test_differ_from_the_english_ones(self, sign: Sign) -> None:
        with translation.override("en"):
            english = sender_sign(f"{sign.value}: 10.0.0.1")
        with translation.override("fi"):
            finnish = sender_sign(f"{sign.value}: 10.0.0.1")

        assert english != finnish
        assert "%(" not in english + finnish

    def test_leave_what_an_older_desk_stored_as_it_is(self) -> None:
        assert sender_sign("trusted network (127.0.0.1)") == "trusted network (127.0.0.1)"
        assert acknowledged("of-old") == "of-old"

    def test_name_files_whose_type_says_more_than_their_name(self) -> None:
        with translation.override("en"):
            assert file_word("application/PGP-signature") == "PGP signature"
            assert file_word("image/png") == ""
