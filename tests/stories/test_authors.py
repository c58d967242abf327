"""Who wrote it never approves it, in live mode, whichever way it was written; administrators included."""

import os
from urllib.parse import urlencode

import pytest

from tests.stories.crew import MAIL, UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
ANNA, BEN, CAT = 52_001, 52_002, 52_003
APPROVERS = people(
    anna=f"roles: [approver, author, admin, operator], uid: {ANNA}, email: anna@example.police.uk",
    ben=f"roles: [approver, author], uid: {BEN}, email: ben@example.police.uk",
    cat=f"roles: [approver], uid: {CAT}, email: cat@example.police.uk",
)
ASKS = MAIL.replace("approval: none\n", "")
APPEAL = """
triggers: [{ trigger: appeal, on: [new, updated] }]
actions:
  - { action: email, channel: press_office, to: desk@example-radio.example, subject: News, text: "{{ appeal.title }}" }
"""
MAPPED = "    mapping: { type: $.type, subject: $.subject, author: $.by }"
OWN_WORDS = "nobody approves their own words"


@pytest.fixture
def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


async def begins(crew, recipe=ASKS, mapped=""):
    await crew.begins({"news": recipe}, settings=APPROVERS)
    if mapped:
        text = crew.story.stage.config.read_text()
        plain = "    mapping: { type: $.type, subject: $.subject }"
        assert plain in text
        crew.story.stage.config.write_text(text.replace(plain, mapped))
        assert (await crew.asks(ANNA, "POST", "/api/v1/reload"))[0] == 200


async def waiting(crew):
    """Return the newest delivery that waits for approval, once there is one."""

    async def there():
        _, questions = await crew.story.asks("GET", "/questions")
        return [row for each in questions for row in each["deliveries"] if row["waits"]]

    return (await crew.story.until(there, passing=1))[-1]


async def approves(crew, uid, row):
    query = urlencode({"hash": row["revision"]["hash"]})
    return await crew.asks(uid, "POST", f"/api/v1/deliveries/{row['number']}/approve?{query}")


async def rejects(crew, uid, row, verb="reject"):
    query = urlencode({"hash": row["revision"]["hash"], "reason": "she was found"})
    return await crew.asks(uid, "POST", f"/api/v1/deliveries/{row['number']}/{verb}?{query}")


async def refuses(crew, uid, row, message=OWN_WORDS):
    status, answer = await approves(crew, uid, row)
    assert (status, message in answer["detail"]) == (409, True), answer


async def appears(crew, number, owner=0, author="", title="Missing"):
    """Write an appeal's file that belongs to a user of the machine, and wait until it is asked about."""
    story = crew.story
    fields = {"title": title, **({"author": author} if author else {})}
    story.stage.appeal("WMP-1", story.clock.now() - 10, **fields)
    os.chown(story.stage.appeals / "WMP-1.yaml", owner, -1)
    await story.clock.passes(seconds=61)

    async def there():
        row = await waiting(crew)
        return row if row["content"]["text"] == title else None

    row = await story.until(there, passing=1)
    assert row["number"] >= number
    return row


async def test_the_author_that_a_webhook_maps_never_approves_whether_by_id_or_address(crew):
    await begins(crew, mapped=MAPPED)
    for by in ("anna", "Anna@Example.police.uk"):
        await crew.story.receives(f"M6 closed, says {by}", by=by)
        row = await waiting(crew)
        await refuses(crew, ANNA, row)
        assert (await approves(crew, BEN, row))[0] == 200


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"by": "stranger"}, "its author, stranger, is nobody under people:"),
        ({"by": "x\ny 52001"}, "its author, x y 52001, is nobody under people:"),
        ({"by": ""}, "its event does not say who wrote it"),
        ({"by": {"name": "anna"}}, "its event does not say who wrote it"),
        ({}, "its event does not say who wrote it"),
    ],
)
async def test_an_author_who_is_nobody_holds_it_for_everybody(crew, more, why):
    await begins(crew, mapped=MAPPED)
    status, _ = await crew.story.receives("M6 closed", **more)
    assert status == 202
    row = await waiting(crew)
    for uid in (ANNA, BEN, CAT):
        await refuses(crew, uid, row, why)


async def test_where_no_author_is_mapped_nobody_is_the_author_of_a_systems_event(crew):
    await begins(crew)
    await crew.story.receives("M6 closed", by="ben")
    row = await waiting(crew)
    assert row["revision"]["authors"] == []
    assert (await approves(crew, BEN, row))[0] == 200


async def test_who_is_named_in_the_file_of_an_appeal_and_to_whom_it_belongs_never_approve_it(crew):
    await begins(crew, APPEAL)
    await crew.story.clock.passes(seconds=61)
    row = await appears(crew, 1, owner=ANNA, author="ben")
    assert row["revision"]["authors"] == ["ben", "anna"]
    await refuses(crew, ANNA, row)
    await refuses(crew, BEN, row)
    assert (await approves(crew, CAT, row))[0] == 200


async def test_neither_the_first_author_of_an_appeal_nor_the_last_editor_approves_it(crew):
    await begins(crew, APPEAL)
    await crew.story.clock.passes(seconds=61)
    first = await appears(crew, 1, owner=ANNA)
    assert (await approves(crew, CAT, first))[0] == 200
    row = await appears(crew, 2, owner=BEN, title="Still missing")
    await refuses(crew, ANNA, row)
    await refuses(crew, BEN, row)
    assert (await approves(crew, CAT, row))[0] == 200


async def test_whoever_edited_any_revision_never_approves_it(crew):
    await begins(crew)
    await crew.story.receives("M6 closed")
    for uid, text in ((ANNA, "M6 shut"), (BEN, "M6 closed again")):
        row = await waiting(crew)
        path = f"/api/v1/deliveries/{row['number']}/edit?hash={row['revision']['hash']}"
        assert (await crew.sends(uid, path, {"text": text}))[0] == 200
    row = await waiting(crew)
    await refuses(crew, ANNA, row)
    await refuses(crew, BEN, row)
    assert (await approves(crew, CAT, row))[0] == 200


async def test_whoever_ran_an_event_again_never_approves_what_it_causes(crew):
    await begins(crew)
    await crew.story.receives("M6 closed")
    row = await waiting(crew)
    cancel = f"/api/v1/deliveries/{row['number']}/cancel"
    assert (await crew.asks(ANNA, "POST", cancel))[0] == 200
    _, (event,) = await crew.story.asks("GET", "/events?source=webhook:desk")
    assert (await crew.asks(ANNA, "POST", f"/api/v1/events/{event['id']}/replay"))[0] == 200
    row = await waiting(crew)
    await refuses(crew, ANNA, row)
    assert (await approves(crew, BEN, row))[0] == 200


async def test_no_route_lets_the_author_answer_a_whole_question_either(crew):
    await begins(crew, mapped=MAPPED)
    await crew.story.receives("M6 closed", by="anna")
    await waiting(crew)
    _, (question,) = await crew.story.asks("GET", "/questions")
    path = f"/api/v1/questions/{question['number']}/approve?hash={question['hash']}"
    assert (await crew.asks(ANNA, "POST", path))[0] == 409
    row = await waiting(crew)
    release = f"/api/v1/deliveries/{row['number']}/release"
    assert (await crew.asks(ANNA, "POST", release))[0] == 409
    assert crew.story.posts("email") == [] or "M6 closed" not in crew.story.posts("email")


async def test_an_author_rejects_what_they_wrote_and_nothing_else(crew):
    """With the role of an author alone, and where the question is for others."""
    await begins(crew, ASKS + "approval: cat\n", mapped=MAPPED)
    await crew.story.receives("M5 closed", by="ben")
    ours, author = await waiting(crew), UIDS["author"]
    for verb in ("reject", "changes", "approve"):
        assert (await rejects(crew, author, ours, verb))[0] in (403, 409)
    await crew.story.receives("M6 closed", by="author")
    row = await waiting(crew)
    assert (await rejects(crew, ANNA, row))[0] == 409
    _, questions = await crew.asks(author, "GET", "/api/v1/questions")
    may = {each["number"]: each["may_reject"] for q in questions for each in q["deliveries"]}
    assert may == {ours["number"]: False, row["number"]: True}
    status, moved = await rejects(crew, author, row)
    assert (status, moved["state"]) == (200, "cancelled")
    _, trail = await crew.story.asks("GET", "/audit")
    decided = [(e["actor"], e["act"], e["reason"]) for e in trail["entries"] if e["revision"]]
    assert decided == [("author", "reject", "she was found")]
    assert (await rejects(crew, BEN, ours))[0] == 200


async def test_an_approver_rejects_what_nobody_can_approve(crew):
    await begins(crew, mapped=MAPPED)
    await crew.story.receives("M6 closed", by="stranger")
    assert (await rejects(crew, CAT, await waiting(crew)))[0] == 200


async def test_an_author_rejects_a_whole_question_of_theirs(crew):
    await begins(crew, mapped=MAPPED)
    await crew.story.receives("M6 closed", by="author")
    await waiting(crew)
    _, (question,) = await crew.story.asks("GET", "/questions")
    path = f"/api/v1/questions/{question['number']}/reject?hash={question['hash']}&reason=wrong"
    assert (await crew.asks(UIDS["author"], "POST", path))[0] == 200


async def test_in_practice_one_person_may_play_all_parts(story):
    with open_folder() as folder:
        crew = Crew(story, folder)
        await begins(crew, mapped=MAPPED)
        await story.receives("M6 closed", by="anna")
        assert (await approves(crew, ANNA, await waiting(crew)))[0] == 200
