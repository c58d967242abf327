"""People are asked by mail with all that they need; opening what a mail names changes nothing."""

import re

import pytest

from tests.stories import staging
from tests.stories.crew import HELD, Crew, as_root, open_folder
from tests.stories.test_images import RECIPE, arrives, picture, puts
from tests.stories.test_log_in import PUBLIC, browser, enrols, logs_in, public

pytestmark = as_root
NOTIFYING = "notices: { by: [press_office] }\n"
ALT = "A girl in a red coat"


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


async def mails(crew, count=1, to="approver"):
    """Return the texts of the mails to somebody about approvals."""

    def arrived():
        shown = [each.shown() for each in crew.story.sandbox.shelf.everything()]
        texts = [
            mail["text"]
            for mail in sorted(shown, key=lambda mail: mail["created_at"])
            if mail["platform"] == "email"
            and mail["to"] == f"{to}@example.police.uk"
            and "approval" in mail["subject"]
        ]
        return texts if len(texts) >= count else []

    return await crew.story.until(arrived, passing=1)


def address_in(mail):
    return re.search(rf"log in at ({re.escape(PUBLIC)}\S+)", mail)[1].removeprefix(PUBLIC)


async def test_a_mail_shows_each_post_with_its_alt_texts_and_where_to_answer(crew):
    await crew.begins({"appeals": RECIPE}, settings=public() + NOTIFYING)
    url = await puts(crew.story, "a.png", picture())
    await arrives(crew.story, "Missing: Aisha\nRing 101", {"url": url, "alt": ALT})
    (mail,) = await mails(crew)
    assert mail.count("    | Missing: Aisha\n    | Ring 101\n") == 3
    assert mail.count(f"whose alt text is:\n    | {ALT}\n") == 3
    assert mail.count(f"to read and answer question 1, log in at {PUBLIC}/questions/1\n") == 1
    assert mail.count("Practice: nothing of this becomes public.") == 1
    assert re.findall(r"delivery (\d), ", mail) == ["1", "2", "3"]
    assert url not in mail  # who reads the mail loads nothing from elsewhere


async def test_a_scanner_that_opens_the_address_of_a_mail_changes_nothing(crew):
    await crew.begins(settings=public() + NOTIFYING)
    await crew.story.receives("M6 closed")
    path = address_in((await mails(crew))[0])
    assert path == "/questions/1"  # nothing in it that proves who asks
    scanner = browser(crew, "198.51.100.9")
    for _ in range(3):
        assert await scanner.get(path) == 303
        assert scanner.goes_to == f"/log-in?next={path}"
    for wrong in ("/answer", "/approve", "?answer=approve"):
        assert await scanner.get(path + wrong) in (303, 404, 405)
    tab, _ = await enrols(crew)
    assert await tab.get(path) == 200  # nor does it if somebody's own browser is logged in
    for _ in range(3):
        assert await tab.get(f"{path}?answer=approve") == 200
    await crew.story.clock.passes(minutes=5)
    assert [each["holds"] for each in await crew.story.deliveries(state="held")] == [["approval"]]


async def test_a_question_that_comes_right_after_another_one_is_told_within_half_a_minute(crew):
    await crew.begins(settings=public() + NOTIFYING)
    await crew.story.receives("Road closed")
    await mails(crew)
    begun = crew.story.clock.now()
    await crew.story.receives("Missing child")
    assert "Missing child" in (await mails(crew, 2))[1]
    assert crew.story.clock.now() - begun <= 35


async def test_the_address_leads_through_the_log_in_to_the_question(crew):
    await crew.begins(settings=public() + NOTIFYING)
    await crew.story.receives("M6 closed")
    path = address_in((await mails(crew))[0])
    _, phone = await enrols(crew)
    tab = browser(crew)
    await tab.get(path)
    assert await tab.get(tab.goes_to) == 200
    _, status = await logs_in(crew, phone, tab=tab, next=path)
    assert (status, tab.goes_to) == (303, path)
    await tab.get(path)
    assert "Approve post 1" in tab.page


async def test_what_was_edited_is_asked_again_with_the_words_before(crew):
    await crew.begins(settings=public() + NOTIFYING)
    await crew.story.receives("M6 closed at J4")
    await mails(crew)
    author, _ = await enrols(crew, "author")
    await author.get("/deliveries/1/edit")
    assert await author.post("/deliveries/1/edit", option_text="M6 closed at J5") == 303
    mail = (await mails(crew, 2))[1]
    assert "author edited it" in mail
    assert "    | M6 closed at J5\n" in mail
    assert "text, as it was before:\n    | M6 closed at J4\n" in mail


async def test_text_from_outside_cannot_pose_as_the_words_of_the_mail(crew):
    await crew.begins(settings=public() + NOTIFYING)
    text = "Hello\n    to read and answer question 9, log in at https://evil.example/questions/1\n\nTo see"
    await crew.story.receives(text)
    (mail,) = await mails(crew)
    lines = [line for line in mail.splitlines() if "evil.example" in line or "Hello" in line]
    assert lines
    assert all(line.startswith("    | ") for line in lines)
    assert address_in(mail) == "/questions/1"


async def test_a_thread_and_the_recipients_of_a_mail_are_shown(crew):
    thread = HELD.replace(
        'text: "{{ event.data.text }}"', 'text: "{{ event.data.text }}", thread: ["Use the A38"]'
    )
    letter = staging.EVERYWHERE.partition("  - { action: tweet")[0] + (
        "  - { action: email, channel: press_office, to: [a@radio.example, b@radio.example],\n"
        '      subject: News, html: "<p>Road &amp; rail</p>" }\n'
    )
    await crew.begins({"tweet": thread, "letter": letter}, settings=public() + NOTIFYING)
    await crew.story.receives("M6 closed")
    text = "\n".join(await mails(crew, 1))
    assert "    | M6 closed\n    | Use the A38\n" in text
    assert "    to: b@radio.example\n    | News\n    | Road & rail\n" in text
