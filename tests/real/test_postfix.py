"""Mail through a real server: Postfix delivers what we send, and mblaze shows it."""

import asyncio
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.real.house import house
from tests.real.servers import HERE, free_port, install, output_of, running
from tests.stories.processes import until

CHANNELS = """
press_office:
  platform: email
  smtp: smtp://127.0.0.1:{port}
  sender: Press Office <press@example.police.uk>
"""
MAIL = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: email
    channel: press_office
    to: [desk@papers.example, nobody@papers.example]
    subject: "Appeal: {{ event.data.text }}"
    text: "Have you seen {{ event.data.text }}? Ring 101."
approval: none
"""
EVENT = {"type": "incident", "subject": "MP-1", "text": "Aïsha, 14, missing from Digbeth"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Postfix with the mailbox desk@papers.example: its port, and a function that shows each mail in it."""
    install("postfix")
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="appealbridge-postfix-"))
    folder.chmod(0o755)  # Postfix's own users have to get in
    for name in ("conf", "queue", "data", "mail"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    shutil.chown(folder / "mail", "nobody")
    for name in ("main.cf", "master.cf"):
        text = (HERE / "postfix" / name).read_text()
        text = text.replace("FOLDER", str(folder)).replace("PORT", f"127.0.0.1:{port}")
        (folder / "conf" / name).write_text(text)

    def read():
        files = output_of(["mlist", folder / "mail/desk"]).split()
        return [output_of(["mshow", "-n", file], LC_ALL="C.UTF-8") for file in files]

    command = ["/usr/sbin/postfix", "-c", folder / "conf", "start-fg"]
    try:
        with running(command, port, tmp_path_factory.mktemp("postfix") / "log"):
            yield port, read
            output_of(
                [*command[:-1], "stop"]
            )  # its master process has left the group that is ended
    finally:
        shutil.rmtree(folder)


async def test_a_mail_is_delivered_and_shown_as_it_was_written(server, tmp_path):
    port, read = server
    channels = CHANNELS.format(port=port)
    async with house(tmp_path / "stage", channels, {"mail": MAIL}) as force:
        await force.receives("msg_1", EVENT)
        deliveries = await force.has(2, "delivered", "failed")
    assert sorted(delivery["state"] for delivery in deliveries) == ["delivered", "failed"]
    (refused,) = [delivery for delivery in deliveries if delivery["state"] == "failed"]
    assert "User unknown" in refused["reason"]
    (mail,) = await until(partial(asyncio.to_thread, read), "the mail")
    assert "From: Press Office <press@example.police.uk>" in mail
    assert "To: desk@papers.example" in mail
    assert "Subject: Appeal: Aïsha, 14, missing from Digbeth" in mail
    assert "Have you seen Aïsha, 14, missing from Digbeth? Ring 101." in mail
