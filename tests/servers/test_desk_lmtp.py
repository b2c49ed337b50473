"""A mail server on the same machine hands mail over by LMTP (RFC 2033)."""

import smtplib  # noqa: TID251  # the test is the mail server here
from pathlib import Path

from tests.servers.desk_process import desk, free_port, letter, until


class TestADeskWithLmtp:
    def test_answers_for_each_recipient_and_opens_a_ticket(self, tmp_path: Path) -> None:
        port = free_port()
        with desk(tmp_path, LUOTSI_LMTP=f"127.0.0.1:{port}") as running:
            running.start()
            with smtplib.LMTP("127.0.0.1", port) as server:
                refused = server.sendmail(
                    "customer1@customer.example",
                    ["support@luotsi.example", "nobody@luotsi.example"],
                    letter(1).replace(b"\n", b"\r\n"),
                )

            assert list(refused) == ["nobody@luotsi.example"]
            until(lambda: running.count("ticket") == 1)
            assert running.rows("SELECT external_id LIKE 'lmtp:%' FROM helpdesk_receipt") == [(1,)]
            assert "lmtp" in running.health()[1]["mail"]["seen_s_ago"]
