"""Reply tokens: only this desk can make them, and each is good for one purpose only."""

from __future__ import annotations

import dataclasses
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail_gateway.ids import (
    Keys,
    ReplyToken,
    make_bounce_address,
    make_message_id,
    make_reply_address,
    matches,
    read_bounce_address,
    read_message_id,
    read_reply_address,
)

OLD, NEW = b"o" * 32, b"n" * 32
KEYS = Keys(current="k2", secrets={"k1": OLD, "k2": NEW})
MESSAGE_ID = make_message_id(
    KEYS, ticket_id=17, recipient="ann@customer.example", domain="luotsi.example", nonce="q1w2"
)
REPLY = make_reply_address(KEYS, ticket_id=17, recipient="ann@customer.example", mailbox="support@luotsi.example")
BOUNCE = make_bounce_address(KEYS, delivery_id=4711, mailbox="support@luotsi.example")

CHARACTERS = st.sampled_from(string.ascii_letters + string.digits + ".@+-_ \x00äß\u212a")


def altered(token: str, position: int, character: str) -> str:
    return token[:position] + character + token[position + 1 :]


class TestMessageId:
    def test_tells_ticket_and_key(self) -> None:
        token = read_message_id(KEYS, MESSAGE_ID)

        assert token is not None
        assert (token.ticket_id, token.key_id) == (17, "k2")

    @settings(deadline=None)
    @given(st.integers(0, len(MESSAGE_ID) - 1), CHARACTERS)
    def test_with_any_character_altered_is_nobody_s(self, position: int, character: str) -> None:
        forged = altered(MESSAGE_ID, position, character)

        assert (read_message_id(KEYS, forged) is None) == (forged != MESSAGE_ID)

    @settings(deadline=None)
    @given(st.integers(0, len(MESSAGE_ID) - 1))
    def test_shortened_is_nobody_s(self, length: int) -> None:
        assert read_message_id(KEYS, MESSAGE_ID[:length]) is None

    @settings(deadline=None)
    @given(st.text())
    def test_of_others_is_read_without_an_error(self, text: str) -> None:
        assert read_message_id(KEYS, text) is None

    def test_made_with_an_older_key_still_counts(self) -> None:
        before = Keys(current="k1", secrets={"k1": OLD})
        message_id = make_message_id(before, ticket_id=3, recipient="a@b.example", domain="d.example", nonce="n")

        assert read_message_id(KEYS, message_id) is not None

    def test_made_with_a_key_that_was_taken_away_counts_no_more(self) -> None:
        assert read_message_id(Keys(current="k1", secrets={"k1": OLD}), MESSAGE_ID) is None

    def test_made_with_another_secret_of_the_same_name_is_forged(self) -> None:
        forger = Keys(current="k2", secrets={"k2": b"x" * 32})
        forged = make_message_id(forger, ticket_id=17, recipient="a@b.example", domain="luotsi.example", nonce="n")

        assert read_message_id(KEYS, forged) is None

    def test_holds_at_least_80_bits_of_mac(self) -> None:
        mac = MESSAGE_ID.partition("@")[0].rpartition(".")[2]

        assert len(mac) * 5 >= 80

    @pytest.mark.parametrize(
        ("ticket_id", "nonce"), [(0, "a"), (-1, "a"), (1, ""), (1, "A"), (1, "a.b"), (1, "a" * 41)]
    )
    def test_is_not_made_from_malformed_values(self, ticket_id: int, nonce: str) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            make_message_id(KEYS, ticket_id=ticket_id, recipient="a@b.example", domain="d.example", nonce=nonce)


class TestReplyAddress:
    def test_tells_its_ticket_whatever_its_case(self) -> None:
        for address in (REPLY, REPLY.upper(), REPLY.title()):
            token = read_reply_address(KEYS, address)

            assert token is not None
            assert token.ticket_id == 17

    @settings(deadline=None)
    @given(st.integers(0, len(REPLY) - 1), CHARACTERS)
    def test_with_any_character_altered_is_nobody_s(self, position: int, character: str) -> None:
        forged = altered(REPLY, position, character)
        is_same = forged.isascii() and forged.lower() == REPLY

        assert (read_reply_address(KEYS, forged) is not None) == is_same

    @settings(deadline=None)
    @given(st.text())
    def test_of_others_is_read_without_an_error(self, text: str) -> None:
        assert read_reply_address(KEYS, text) is None

    def test_fits_a_mail_server(self) -> None:
        assert len(REPLY.partition("@")[0]) <= 64

    def test_is_not_made_for_a_mailbox_without_room(self) -> None:
        with pytest.raises(ValueError, match="64"):
            make_reply_address(KEYS, ticket_id=17, recipient="a@b.example", mailbox="a" * 40 + "@luotsi.example")

    def test_is_no_bounce_address(self) -> None:
        assert read_bounce_address(KEYS, REPLY) is None

    def test_mac_cannot_be_carried_over_to_a_bounce_address(self) -> None:
        mac = REPLY.partition("@")[0][-16:]

        assert read_bounce_address(KEYS, f"support+b.k2.h.{mac}@luotsi.example") is None


class TestBounceAddress:
    def test_tells_its_delivery(self) -> None:
        assert read_bounce_address(KEYS, BOUNCE) == 4711

    @settings(deadline=None)
    @given(st.integers(0, len(BOUNCE) - 1), CHARACTERS)
    def test_with_any_character_altered_is_nobody_s(self, position: int, character: str) -> None:
        forged = altered(BOUNCE, position, character)
        is_same = forged.isascii() and forged.lower() == BOUNCE

        assert (read_bounce_address(KEYS, forged) is not None) == is_same

    def test_is_no_reply_address(self) -> None:
        assert read_reply_address(KEYS, BOUNCE) is None


class TestMatches:
    def test_knows_the_recipient_whatever_the_case(self) -> None:
        token = read_message_id(KEYS, MESSAGE_ID)

        assert token is not None
        assert matches(token, "Ann@Customer.example")

    def test_knows_no_third_party(self) -> None:
        token = read_reply_address(KEYS, REPLY)

        assert token is not None
        assert not matches(token, "cleo@customer.example")

    def test_does_not_match_an_empty_hash(self) -> None:
        assert not matches(ReplyToken(1, "", "k1"), "")


class TestKeys:
    @pytest.mark.parametrize(
        ("current", "secrets"),
        [
            ("a", {}),
            ("a", {"b": OLD}),
            ("a", {"a": b"short"}),
            ("A", {"A": OLD}),
            ("a.b", {"a.b": OLD}),
            ("", {"": OLD}),
        ],
    )
    def test_are_refused_when_they_protect_nothing(self, current: str, secrets: dict[str, bytes]) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            Keys(current=current, secrets=secrets)

    def test_do_not_show_their_secrets(self) -> None:
        assert "nnnn" not in repr(KEYS)

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            KEYS.current = "k1"  # type: ignore[misc]
