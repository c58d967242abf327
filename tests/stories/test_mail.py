"""Mail to a press list: what one entry or one title has wrong with it stops nothing else."""

import re

import pytest

PRESS = """
alias: To the press
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
  - action: email
    channel: press_office
    to: "{{ lists.press }}"
    subject: "Appeal: {{ event.data.text }}"
    text: "{{ event.data.text }}"
approval: none
"""
LISTS = """
lists:
  press: [newsdesk@example-mail.example, sport#example-tv.example, "editor@example-gazette.example;"]
"""


async def test_one_wrong_address_of_a_list_fails_alone_and_was_told_at_the_start(story):
    await story.begins({})
    await story.stops()
    with story.stage.config.open("a") as settings:
        settings.write(LISTS)
    story.stage.recipe("press", PRESS)
    await story.starts()
    (line,) = story.logged("list_wrong")
    assert 'lists.press[1]: "sport#example-tv.example" is not an address' in line["reason"]

    await story.receives("Road closed")
    listed = await story.state(4, "delivered", "failed")
    (failed,) = [row for row in listed if row["state"] == "failed"]
    assert failed["reason"] == (
        '"sport#example-tv.example" is not an address such as press@example.org'
    )
    assert story.posts("x") == ["Road closed"]
    mails = [post.shown() for post in story.sandbox.shelf.everything() if post.platform == "email"]
    assert {mail["to"] for mail in mails} == {
        "newsdesk@example-mail.example",
        "editor@example-gazette.example",
    }


TITLES = [
    "Missing since Friday: Idris, 9\nfrom Aston\n",
    "Bcc: all@example.org\r\nSubject: another",
    "=?utf-8?q?Bcc=3A_x=40y.example=0A=0AAnother_mail?=",
    "Burglaries in Sutton Park – ‘it was my mother’s ring’, says neighbour – £750 for information",
    "\x1b[2J\x00title",
    "Ä" * 2000,
]


@pytest.mark.parametrize("title", TITLES, ids=range(len(TITLES)))
async def test_any_title_becomes_a_subject_and_no_header(story, title):
    recipe = PRESS.replace("lists.press", "'desk@example.org'").replace(
        'text: "{{ event.data.text }}" }', "text: News }"
    )
    await story.begins({"press": recipe})
    await story.receives(title)
    await story.state(2, "delivered")
    (mail,) = [p.shown() for p in story.sandbox.shelf.everything() if p.platform == "email"]
    line = re.sub(r"[\x00-\x08\x0e-\x1b]", "", title)  # these end no word
    line = re.sub(r"\s*[\x00-\x1f][\s\x00-\x1f]*", " ", line).strip()
    assert mail["subject"] == f"Appeal: {line}"
    assert mail["to"] == "desk@example.org"
