"""Whatever a mail server says at whatever moment: the mail is handed over, or one of the failures of the door."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.channels.email.smtp import MailServer, hand_over
from appealbridge.model.errors import DeliveryError
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.options import Secret
from appealbridge.redact import Redactor
from appealbridge.testing.channel_case import PLANTED
from appealbridge.testing.server import this_machine
from tests.properties.strategies import drawn

WELL = {
    b"HI": b"220 mail.example ESMTP",
    b"EHLO": b"250-mail.example\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN",
    b"HELO": b"250 mail.example",
    b"AUTH": b"235 ok",
    b"MAIL": b"250 ok",
    b"RCPT": b"250 ok",
    b"DATA": b"354 go on",
    b"END": b"250 queued",
    b"QUIT": b"221 bye",
}
CODES = st.sampled_from(
    [b"220", b"250", b"354", b"235", b"334", b"421", b"450", b"530", b"535", b"550", b"552", b"000",
     b"999", b"2", b"25a", b"-50", b"\xff\xfe\xfd", b"", b"\xd9\xa2\xd9\xa5\xd9\xa0"]
)  # fmt: skip
WORDS = st.binary(max_size=12) | st.sampled_from(
    [b"SIZE 10", b"SIZE \xc2\xb2", b"SIZE x", b"AUTH PLAIN LOGIN CRAM-MD5", b"AUTH", b"STARTTLS",
     b"SMTPUTF8", b"x" * 9000, b"\x1b[2J\0", b"\xff\xfe", PLANTED.encode()]
)  # fmt: skip
LINES = st.builds(
    lambda code, between, message: code + between + message,
    CODES,
    st.sampled_from([b" ", b"-"]),
    WORDS,
)
REPLIES = st.lists(LINES, min_size=1, max_size=3).map(b"\r\n".join) | st.binary(max_size=30)


PATIENCE = 0.5
"""After so many seconds without a word the server hangs up; else each side may wait for the other."""


class Desk:
    """A mail server that says what it is told to, and hangs up as soon as it may be done."""

    def __init__(self):
        self.replies = {}
        self.taken = 0

    async def open(self):
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self):
        self._server.close()
        await self._server.wait_closed()

    async def is_handed(self, server, sender, recipient, mail):
        async with open_session(policy=this_machine) as session:
            http = Http(session, Redactor([PLANTED]).clean, now=lambda: 0.0)
            await hand_over(server, sender, recipient, mail, http)

    async def _talk(self, reader, writer):
        with suppress(ConnectionError, asyncio.IncompleteReadError, ValueError, TimeoutError):
            verb = b"HI"
            while verb:
                reply = self.replies.get(verb, WELL.get(verb, b"500 what?"))
                writer.write(reply + b"\r\n")
                await writer.drain()
                if verb == b"DATA" and reply.startswith(b"354"):
                    async with asyncio.timeout(PATIENCE):
                        await reader.readuntil(b"\r\n.\r\n")
                    self.taken += 1
                    verb = b"END"
                    continue
                if verb in self.replies:
                    # Whoever still waits for more of this reply need not wait for its patience to end.
                    writer.write_eof()
                async with asyncio.timeout(PATIENCE):
                    verb = (await reader.readline())[:4].strip().upper()
        writer.close()


@pytest.fixture(scope="module")
def desk():
    with asyncio.Runner() as runner:
        server = Desk()
        runner.run(server.open())
        server.run = runner.run
        yield server
        runner.run(server.close())


@given(
    st.dictionaries(st.sampled_from(sorted(WELL)), REPLIES, min_size=1, max_size=2), st.booleans()
)
@drawn(150)
def test_any_reply_is_a_mail_handed_over_or_a_failure_of_the_door(desk, replies, logs_in):
    desk.replies, desk.taken = replies, 0
    login = {"username": "press", "password": Secret(PLANTED)} if logs_in else {}
    server = MailServer(desk.url, "press.example", **login)
    mail = b"Subject: Appeal\r\n\r\nLast seen in Digbeth.\r\n"
    try:
        desk.run(desk.is_handed(server, "a@b.example", "c@d.example", mail))
    except DeliveryError as error:
        result = str(error)
    else:
        result = "handed over"
        assert desk.taken == 1
    assert result.isprintable()
    assert len(result) < 500
    assert PLANTED not in result
