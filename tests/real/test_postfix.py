"""Mail through a real server: Postfix delivers what we send, and mblaze shows it."""

import asyncio
import re
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.real.house import colour_of, house
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
    """A Postfix with the mailbox desk@papers.example: its port, and a function that shows mails in it."""
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

    def shown(words):
        """Return the mails that say these words, by their files; the mailbox has those of all tests."""
        files = output_of(["mlist", folder / "mail/desk"]).split()
        texts = {file: output_of(["mshow", "-n", file], LC_ALL="C.UTF-8") for file in files}
        return {file: text for file, text in texts.items() if words in text}

    command = ["/usr/sbin/postfix", "-c", folder / "conf", "start-fg"]
    try:
        with running(command, port, tmp_path_factory.mktemp("postfix") / "log"):
            yield port, shown
            output_of(
                [*command[:-1], "stop"]
            )  # its master process has left the group that is ended
    finally:
        shutil.rmtree(folder)


async def test_a_mail_is_delivered_and_shown_as_it_was_written(server, tmp_path):
    port, shown = server
    channels = CHANNELS.format(port=port)
    async with house(tmp_path / "stage", channels, {"mail": MAIL}) as force:
        await force.receives("msg_1", EVENT)
        deliveries = await force.has(2, "delivered", "failed")
    assert sorted(delivery["state"] for delivery in deliveries) == ["delivered", "failed"]
    (refused,) = [delivery for delivery in deliveries if delivery["state"] == "failed"]
    assert "User unknown" in refused["reason"]
    result = await until(partial(asyncio.to_thread, shown, "Subject: Appeal:"), "the mail")
    (mail,) = result.values()
    assert "From: Press Office <press@example.police.uk>" in mail
    assert "To: desk@papers.example" in mail
    assert "Subject: Appeal: Aïsha, 14, missing from Digbeth" in mail
    assert "Have you seen Aïsha, 14, missing from Digbeth? Ring 101." in mail


PICTURED = """
alias: To the press, with a picture
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - action: email
    channel: press_office
    to: desk@papers.example
    subject: "With a picture: {{ event.data.text }}"
    html: "<p>Have you seen {{ event.data.text }}?</p>"
    images: [{ file: red.png, alt: A red coat }]
approval: none
"""


async def test_a_mail_shows_its_picture_inside(server, tmp_path):
    """As mblaze, which is no library of ours, takes it apart."""
    port, shown = server
    channels = CHANNELS.format(port=port)
    async with house(tmp_path / "stage", channels, {"mail": PICTURED}) as force:
        await force.receives("msg_2", {**EVENT, "subject": "MP-2"})
        await force.has(1, "delivered")

    (mail,) = await until(partial(asyncio.to_thread, shown, "With a picture"), "the mail")
    picture, html, content_id = await asyncio.to_thread(taken_apart, mail)
    assert colour_of(picture) == "red"
    assert f'src="cid:{content_id}"' in html
    assert 'alt="A red coat"' in html


def taken_apart(mail):
    """Return the picture and the HTML of a mail, as mblaze finds them, and the picture's Content-ID."""
    rows = output_of(["mshow", "-t", mail], LC_ALL="C.UTF-8").splitlines()
    number = {
        kind: next(row.split(":")[0].strip() for row in rows if kind in row)
        for kind in ("image/png", "text/html")
    }
    data = {kind: part_of(mail, each) for kind, each in number.items()}
    content_id = re.search(r"(?im)^Content-ID: <(.+)>", Path(mail).read_text("ascii"))[1]
    return data["image/png"], data["text/html"].decode(), content_id


def part_of(mail, number):
    command = [shutil.which("mshow"), "-O", mail, number]
    return subprocess.run(command, check=True, capture_output=True).stdout
