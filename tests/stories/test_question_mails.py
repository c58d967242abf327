"""People are asked by mail with all that they need; opening what a mail names changes nothing."""

import re

import pytest

from appealbridge.model.people import Role
from tests.stories import staging
from tests.stories.crew import HELD, UIDS, Crew, as_root, open_folder
from tests.stories.test_authors import ASKS, MAPPED
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


WITHDRAWS = HELD.partition("actions:")[0] + (
    "actions:\n"
    "  - if: \"{{ event.type == 'incident.closed' }}\"\n"
    "    then:\n"
    '      - { action: withdraw, reason: "{{ event.data.text }}", approval: true }\n'
    "      - stop: closed\n"
    '  - { action: mastodon_post, id: report, channel: force_mastodon, text: "{{ event.data.text }}" }\n'
    "approval: none\n"
)


async def test_the_mail_about_a_withdrawal_says_what_approving_and_rejecting_it_do(crew):
    await crew.begins({"closing": WITHDRAWS}, settings=public() + NOTIFYING)
    await crew.story.receives("Missing: Aisha", subject="APP-1")
    await crew.story.state(1, "delivered", passing=1)
    await crew.story.receives("found", subject="APP-1", type="incident.closed")
    (mail,) = await mails(crew)
    assert (
        "to read it and take back what it names: appealbridge approve 2; to leave that published:"
        in mail
    )
    assert "read and publish" not in mail
    assert ", delivery 2, recipe closing" in mail


async def test_the_mail_about_a_correction_says_that_it_changes_the_published_post(crew):
    recipe = WITHDRAWS.replace(
        '{ action: withdraw, reason: "{{ event.data.text }}", approval: true }',
        '{ action: amend, of: report, text: "{{ event.data.text }}" }',
    ).replace("approval: none\n", "")
    await crew.begins({"one": recipe}, settings=public() + NOTIFYING)
    await crew.story.receives("Aged 13", subject="APP-1")
    (first,) = await mails(crew)
    assert "to read and publish it: appealbridge approve 1;" in first
    row = (await crew.story.asks("GET", "/questions"))[1][0]["deliveries"][0]
    path = f"/api/v1/deliveries/1/approve?hash={row['revision']['hash']}"
    assert (await crew.asks(UIDS[Role.APPROVER], "POST", path))[0] == 200
    await crew.story.until(lambda: crew.story.posts("mastodon"), passing=1)
    await crew.story.receives("Aged 14", subject="APP-1", type="incident.closed")
    correction = (await mails(crew, 2))[1]
    assert re.search(
        "to read it and correct the published post: appealbridge approve [0-9]+;", correction
    )
    assert "read and publish" not in correction


@pytest.fixture
def live(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


TWO = public(
    anna="roles: [approver, author], uid: 52001, email: anna@example.police.uk",
    approver=f"roles: [approver], uid: {UIDS[Role.APPROVER]}, email: approver@example.police.uk",
)
ALONE = public(
    approver=f"roles: [viewer], uid: {UIDS[Role.APPROVER]}, email: approver@example.police.uk",
    anna="roles: [approver, author], uid: 52001, email: anna@example.police.uk",
)


async def writes(crew, by, settings=TWO):
    """Start with a webhook whose events name their author, and receive one of somebody's."""
    await crew.begins({"news": ASKS}, settings=settings + NOTIFYING)
    text = crew.story.stage.config.read_text()
    plain = "    mapping: { type: $.type, subject: $.subject }"
    crew.story.stage.config.write_text(text.replace(plain, MAPPED))
    await crew.story.bridge.reload()
    await crew.story.receives("M6 closed", by=by)


async def test_an_author_is_not_asked_for_what_somebody_else_may_approve(live):
    await writes(live, "anna")
    (mail,) = await mails(live)
    assert "appealbridge approve 1" in mail
    await live.story.clock.passes(minutes=2)
    shown = [each.shown() for each in live.story.sandbox.shelf.everything()]
    assert [mail["to"] for mail in shown] == ["approver@example.police.uk"]


async def test_an_author_whom_nobody_else_can_replace_is_told_why_they_cannot_approve(live):
    await writes(live, "anna", ALONE)
    (mail,) = await mails(live, to="anna")
    assert "you cannot approve it: anna wrote or changed it" in mail
    assert "appealbridge approve" not in mail


@pytest.mark.parametrize(
    ("by", "why"), [("stranger", "its author, stranger, is nobody"), ("", "does not say who")]
)
async def test_where_the_author_is_unknown_the_mail_says_that_nobody_can_approve(live, by, why):
    await writes(live, by)
    for name in ("anna", "approver"):
        (mail,) = await mails(live, to=name)
        assert "nobody can approve it: " in mail
        assert why in mail
        assert "appealbridge approve" not in mail


async def test_each_person_is_told_of_two_posts_which_they_may_approve(live):
    await writes(live, "anna")
    await mails(live)
    await live.story.receives("M5 closed", by="anna")
    await live.story.receives("M42 closed", by="approver")
    for mail, other, own in (
        ((await mails(live, 2))[1], "M5", "M42"),
        ((await mails(live, to="anna"))[0], "M42", "M5"),
    ):
        answers = dict(re.findall(r"\| (M\d+) closed\n    (.*)", mail))
        assert answers[other].startswith("to read and publish it: appealbridge approve ")
        assert answers[own].startswith("you cannot approve it: ")
        assert len(answers) == 2
