"""Receiving within limits, its end, and its second language: LMTP."""

import threading
from collections.abc import Callable

import pytest

from mail_gateway.errors import Temporary
from mail_gateway.receive import Limits, Receiver, start
from tests.servers.mail_sender import MAIL, SUPPORT, Client, Desk, receiving


class TestLimits:
    def test_refuses_by_announced_size(self, client: Client) -> None:
        assert client.say("MAIL FROM:<a@b.example> SIZE=1000001").startswith("552")

    @pytest.mark.parametrize(("size", "code"), [(1_000_000, "250"), (1_000_001, "552")])
    def test_refuses_by_real_size(self, client: Client, desk: Desk, size: int, code: str) -> None:
        assert client.deliver(b"x" * (size - 2) + b"\r\n").startswith(code)
        assert [len(raw) for _, raw in desk.stored] == [size] * (code == "250")
        assert client.deliver().startswith("250")

    def test_finds_the_end_of_a_mail_that_is_far_too_large(self, client: Client, desk: Desk) -> None:
        assert client.deliver(b"line.\r\n" * 500_000).startswith("552")
        assert client.deliver().startswith("250")
        assert len(desk.stored) == 1

    def test_hangs_up_on_a_mail_without_end(self, client: Client, desk: Desk) -> None:
        client.begin()

        with pytest.raises(ConnectionError):
            client.socket.sendall(b"x" * 20_000_000)
        assert desk.stored == []

    def test_tells_that_it_holds_too_much_already(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(held_bytes=10_000)) as receiver:
            client = dial(receiver).greet()

            assert client.deliver(b"x" * 20_000 + b"\r\n").startswith("452 4.3.1")
            assert client.deliver().startswith("250")

    def test_counts_what_waits_to_be_stored_as_held(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        desk.gate = threading.Event()
        with receiving(desk, limits=Limits(held_bytes=10_000)) as receiver:
            first, second = dial(receiver).greet(), dial(receiver).greet()
            first.begin()
            first.socket.sendall(b"x" * 9_000 + b"\r\n.\r\n")
            assert desk.has_begun.wait(5)

            assert second.deliver(b"x" * 2_000 + b"\r\n").startswith("452 4.3.1")
            desk.gate.set()
            assert first.answer().startswith("250")
            assert second.deliver(b"x" * 9_000 + b"\r\n").startswith("250")

    def test_limits_the_lines_of_one_peer(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(connections_per_peer=2)) as receiver:
            first, second, third = (dial(receiver) for _ in range(3))
            assert first.answer().startswith("220")
            assert second.answer().startswith("220")
            assert third.answer().startswith("421 4.7.0 Too many connections")

            assert second.say("QUIT").startswith("221")
            assert second.answer() == ""
            assert dial(receiver).greet().deliver().startswith("250")

    def test_limits_all_lines_together(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(connections=1)) as receiver:
            assert dial(receiver).answer().startswith("220")
            assert dial(receiver).answer().startswith("421")

    def test_limits_the_recipients_of_a_mail(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(recipients=2)) as receiver:
            client = dial(receiver).greet()
            client.say("MAIL FROM:<>")
            answers = [client.say(f"RCPT TO:<{name}@luotsi.example>")[:3] for name in "abc"]

        assert answers == ["250", "250", "452"]

    def test_hangs_up_on_one_who_guesses_recipients(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(refused_recipients=3)) as receiver:
            client = dial(receiver).greet()
            client.say("MAIL FROM:<>")
            answers = [client.say(f"RCPT TO:<{name}@elsewhere.example>")[:3] for name in "abc"]

            assert answers == ["550", "550", "550"]
            assert client.answer().startswith("421 4.7.0 Too many unknown recipients")
            assert client.answer() == ""

    def test_hangs_up_on_one_who_only_makes_noise(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(idle_commands=3)) as receiver:
            client = dial(receiver).greet()
            answers = [client.say("NOOP")[:3] for _ in range(4)]

            assert answers == ["250", "250", "250", "421"]
            assert client.answer() == ""

    def test_refuses_a_command_that_is_too_long(self, client: Client) -> None:
        assert client.say("NOOP " + "x" * 5_000).startswith("500")
        assert client.say("NOOP " + "x" * 500_000).startswith("500")
        assert client.deliver().startswith("250")

    def test_hangs_up_on_silence(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(idle_s=0.1)) as receiver:
            client = dial(receiver).greet()

            assert client.answer() == "421 4.4.2 Silent for too long"
            assert client.answer() == ""

    def test_hangs_up_on_a_mail_that_takes_too_long(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, limits=Limits(mail_s=0.1)) as receiver:
            client = dial(receiver).greet()
            client.begin()

            assert client.answer() == "421 4.4.2 The mail took too long"
            assert client.answer() == ""

    def test_a_slow_store_is_not_silence(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        desk.gate = threading.Event()
        with receiving(desk, limits=Limits(idle_s=0.1)) as receiver:
            client = dial(receiver).greet()
            client.begin()
            client.socket.sendall(MAIL + b".\r\n")
            threading.Timer(0.4, desk.gate.set).start()

            assert client.answer() == "250 2.0.0 OK"
            assert client.answer().startswith("421 4.4.2")


class TestStop:
    def test_a_mail_that_is_being_stored_gets_its_answer(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        desk.gate = threading.Event()
        with receiving(desk) as receiver:
            client, idle = dial(receiver).greet(), dial(receiver).greet()
            client.begin()
            client.socket.sendall(MAIL + b".\r\n")
            assert desk.has_begun.wait(5)
            stopping = threading.Thread(target=receiver.stop)
            stopping.start()

            assert idle.answer().startswith("421 4.3.2")
            desk.gate.set()
            answers = client.answer(), client.answer(), client.answer()
            stopping.join(5)

        assert answers[0].startswith("250")
        assert answers[1].startswith("421 4.3.2")
        assert answers[2] == ""
        assert len(desk.stored) == 1
        assert not stopping.is_alive()

    def test_cuts_the_line_after_the_grace_but_lets_the_storing_end(
        self, desk: Desk, dial: Callable[[Receiver], Client]
    ) -> None:
        desk.gate = threading.Event()
        with receiving(desk) as receiver:
            client = dial(receiver).greet()
            client.begin()
            client.socket.sendall(MAIL + b".\r\n")
            assert desk.has_begun.wait(5)
            stopping = threading.Thread(target=receiver.stop, kwargs={"grace_s": 0.1})
            stopping.start()

            answer = client.answer()
            is_storing = not desk.stored and stopping.is_alive()
            desk.gate.set()
            stopping.join(5)

        assert answer == ""
        assert is_storing
        assert len(desk.stored) == 1

    def test_listens_no_more(self, desk: Desk) -> None:
        with receiving(desk) as receiver:
            receiver.stop()

        with pytest.raises(ConnectionRefusedError):
            Client(receiver.port)

    def test_can_be_told_twice(self, receiver: Receiver) -> None:
        receiver.stop()
        receiver.stop()

    def test_leaves_no_thread(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        before = set(threading.enumerate())
        with receiving(desk) as receiver:
            dial(receiver).greet().deliver()

        assert set(threading.enumerate()) <= before

    def test_a_port_that_is_taken_is_told_at_once(self, receiver: Receiver, desk: Desk) -> None:
        with pytest.raises(OSError, match="in use"):
            start(
                host="127.0.0.1",
                port=receiver.port,
                accept=desk.accept,
                is_recipient=desk.is_recipient,
                max_bytes=1000,
            )


class TestLmtp:
    def greet(self, receiver: Receiver, dial: Callable[[Receiver], Client]) -> Client:
        client = dial(receiver)
        client.answer()
        assert client.say("LHLO customer.example").startswith("250")
        return client

    def test_answers_for_each_recipient(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        with receiving(desk, protocol="lmtp") as receiver:
            client = self.greet(receiver, dial)
            first = client.deliver(MAIL, SUPPORT, "nobody@elsewhere.example", "sales@luotsi.example")

            assert [first, client.answer()] == ["250 2.0.0 OK"] * 2
            assert client.say("NOOP") == "250 OK"

    def test_refuses_for_each_recipient(self, desk: Desk, dial: Callable[[Receiver], Client]) -> None:
        desk.fail = Temporary("busy")
        with receiving(desk, protocol="lmtp") as receiver:
            client = self.greet(receiver, dial)
            answers = [client.deliver(MAIL, SUPPORT, "sales@luotsi.example"), client.answer()]

        assert [answer[:3] for answer in answers] == ["451", "451"]

    @pytest.mark.parametrize("command", ["EHLO x", "HELO x"])
    def test_wants_its_own_greeting(self, desk: Desk, dial: Callable[[Receiver], Client], command: str) -> None:
        with receiving(desk, protocol="lmtp") as receiver:
            client = dial(receiver)
            client.answer()

            assert client.say(command).startswith("500")
