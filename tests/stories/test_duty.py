"""Whoever is on duty is asked first, and everybody else who may answer with the first reminder."""

import json

import pytest

from appealbridge.model.audit import Checkpoint, Verifier
from appealbridge.model.people import Role
from appealbridge.store.checkpoints import read_checkpoints
from tests.stories.crew import MAIL, UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
ANNA, BEN = 52_001, 52_002
APPROVERS = people(
    anna=f"roles: [approver, author], uid: {ANNA}, email: anna@example.police.uk",
    ben=f"roles: [approver], uid: {BEN}, email: ben@example.police.uk",
)
ASKS = MAIL.replace("approval: none\n", "")


@pytest.fixture
def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


async def asked_people(story, count):
    """Return who got a notice about an approval, once so many did."""

    async def there():
        rows = await story.deliveries(recipe="notice", state="delivered")
        texts = [row["step"] for row in rows if "approval" in row["content"]["subject"]]
        return texts if len(texts) >= count else None

    return await story.until(there, passing=1)


async def says(crew, uid, until):
    return await crew.asks(uid, "POST", f"/api/v1/duty?until={until}")


async def test_who_is_on_duty_is_asked_first_and_everybody_with_the_reminder(crew):
    story = crew.story
    await crew.begins({"news": ASKS}, settings=APPROVERS)
    status, answer = await says(crew, BEN, "15:00")
    assert (status, answer["id"]) == (200, "ben"), answer
    assert (await crew.asks(BEN, "GET", "/api/v1/duty"))[1] == [answer]
    await story.receives("M6 closed")
    assert await asked_people(story, 1) == ["ben"]
    await story.clock.passes(minutes=9)
    assert await asked_people(story, 1) == ["ben"]
    await story.clock.passes(minutes=2)
    assert sorted(await asked_people(story, 4)) == ["anna", "approver", "ben", "ben"]


async def test_who_wrote_it_is_not_asked_alone_and_a_duty_that_is_over_counts_no_more(crew):
    story = crew.story
    await crew.begins({"news": ASKS}, settings=APPROVERS)
    assert (await says(crew, BEN, "11:10"))[0] == 200
    await story.clock.passes(minutes=5)
    assert (await crew.asks(BEN, "GET", "/api/v1/duty"))[1] == []
    await story.receives("M6 closed")
    assert sorted(await asked_people(story, 3)) == ["anna", "approver", "ben"]


async def test_being_on_duty_is_in_the_trail_and_survives_a_restart(crew):
    story = crew.story
    await crew.begins({"news": ASKS}, settings=APPROVERS)
    assert (await says(crew, BEN, "15:00"))[0] == 200
    await story.restarts()
    assert [row["id"] for row in (await crew.asks(BEN, "GET", "/api/v1/duty"))[1]] == ["ben"]
    assert (await crew.asks(BEN, "POST", "/api/v1/duty/end"))[0] == 200
    assert (await crew.asks(BEN, "GET", "/api/v1/duty"))[1] == []
    entries = (await crew.asks(BEN, "GET", "/api/v1/audit"))[1]["entries"]
    acts = [(each["actor"], each["act"], each["object"]) for each in entries]
    assert ("ben", "begin_duty", "person ben") in acts
    assert ("ben", "end_duty", "person ben") in acts


async def test_a_time_that_is_none_or_more_than_a_day_away_is_refused(crew):
    await crew.begins({"news": ASKS}, settings=APPROVERS)
    for until in ("", "soon", "2026-11-20T07:00", "2026-11-17T07:00"):
        status, answer = await says(crew, BEN, until)
        assert (status, answer["detail"].partition(":")[0]) == (422, "until"), answer
    for uid in (UIDS[Role.ADMIN], UIDS[Role.OPERATOR], 0):
        assert (await says(crew, uid, "15:00"))[0] == 403


async def test_a_question_that_only_its_author_could_answer_is_an_alarm_and_turns_readyz(crew):
    story = crew.story
    alone = people(approver=f"roles: [approver, author], uid: {ANNA}, email: a@example.police.uk")
    mapped = "    mapping: { type: $.type, subject: $.subject, author: $.by }"
    await crew.begins({"news": ASKS}, settings=alone)
    text = story.stage.config.read_text()
    plain = "    mapping: { type: $.type, subject: $.subject }"
    story.stage.config.write_text(text.replace(plain, mapped))
    await story.restarts()
    await story.receives("M6 closed", by="approver")

    async def unready():
        async with story.session.get(f"{story.bridge.url}/readyz") as answer:
            return answer.status == 503 and await answer.json()

    result = await story.until(unready, passing=1)
    assert result["detail"] == "nobody could be asked for approval: question 1"
    assert [line for line in story.logged("alarm") if line["kind"] == "approval.nobody_asked"]


async def test_checkpoints_go_to_people_by_mail_and_show_what_was_cut_off(crew, tmp_path):
    story = crew.story
    await crew.begins({"news": ASKS}, settings=f"{APPROVERS}audit: {{ tell: [admin] }}\n")
    assert (await says(crew, BEN, "15:00"))[0] == 200
    await story.clock.passes(seconds=61)

    async def there():
        rows = await story.deliveries(recipe="notice", state="delivered")
        return [row for row in rows if "checkpoint of the trail" in row["content"]["subject"]]

    (mail,) = await story.until(there, passing=1)
    assert mail["step"] == "admin"
    (line,) = [
        text
        for text in mail["content"]["text"].splitlines()
        if len(text.split()) == 3 and text[:4] == "    "
    ]
    file = tmp_path / "from-mails"
    file.write_text(f"{line}\n")
    (point,) = read_checkpoints(file)
    entries = (await crew.asks(BEN, "GET", "/api/v1/audit"))[1]["entries"]
    assert (point.seq, point.hash) == (entries[-1]["seq"], entries[-1]["hash"])
    assert isinstance(point, Checkpoint)
    assert json.dumps(Verifier([point]).end().problems[0]).startswith('"entries 1 to')
    await story.clock.passes(hours=3)
    assert len(await there()) == 1
