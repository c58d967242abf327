"""A correction of what still waits for approval is asked about in its place, with the difference."""

import pytest

from tests.stories.crew import Crew, as_root, open_folder, people
from tests.stories.test_amendments import CORRECTED
from tests.stories.test_approvals import ANNA, APPROVERS, BEN, answers, open_questions, waiting
from tests.stories.test_images import ALT, picture, puts

APPEALS = """
alias: Appeals
triggers: [{ trigger: appeal }]
actions:
  - { action: post, to: [force_x, force_facebook, force_mastodon], text: "{{ appeal.title }}" }
"""
TWEET = """
alias: Appeals from the case system
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
"""
THREAD = TWEET.replace(
    'text: "{{ event.data.text }}"',
    'text: "{{ event.data.text }}", thread: "{{ event.data.more }}"',
)
LINKED = """
alias: Two steps
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: mastodon_post, id: first, channel: force_mastodon, text: "{{ event.data.text }}" }
  - { action: tweet, channel: force_x, text: "{{ event.data.text }} {{ results.first.url }}" }
"""
MAILS = """
alias: Mails
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, channel: press_office, to: "{{ event.data.to }}", subject: "{{ event.data.text }}", text: "x" }
"""
PICTURED = """
alias: A picture
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: mastodon_post, channel: force_mastodon, text: "{{ event.data.text }}", images: "{{ event.data.images }}" }
"""


@pytest.fixture
def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


async def reports(story, text, type_="appeal.new", subject="RC-77", **data):
    status, answer = await story.receives(text, subject=subject, type=type_, **data)
    assert status == 202, answer


async def corrects(story, text, **data):
    await reports(story, text, "appeal.updated", **data)


async def approves(story, row, **query):
    """Approve at one desk; return status and answer."""
    path = f"/deliveries/{row['number']}/approve?hash={row['revision']['hash']}"
    return await story.asks("POST", path + "".join(f"&{k}={v}" for k, v in query.items()))


async def test_an_appeal_that_is_corrected_while_its_posts_wait_is_asked_about_once(story):
    await story.begins({"appeals": APPEALS})
    await story.clock.passes(seconds=61)
    story.stage.appeal("RC-77", story.clock.now() - 5, title="Missing: Aisha, 13")
    await story.clock.passes(seconds=61)
    await story.state(3, "held")
    (before,) = await open_questions(story)
    story.stage.appeal("RC-77", story.clock.now() - 5, title="Missing: Aisha, 14")
    await story.clock.passes(seconds=61)
    (question,) = await open_questions(story)
    assert question["number"] == before["number"]
    assert {row["revision"]["number"] for row in question["deliveries"]} == {2}
    assert [row["number"] for row in question["deliveries"]] == [1, 2, 3]
    for result, row in zip(before["deliveries"], question["deliveries"], strict=True):
        change = {"field": "text", "before": "Missing: Aisha, 13", "after": "Missing: Aisha, 14"}
        assert change in row["difference"], row["difference"]
        status, refused = await approves(story, result)
        assert (status, change in refused["difference"]) == (409, True)
        assert (await approves(story, row))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("x") and story.posts("facebook"), passing=1)
    for platform in ("x", "facebook", "mastodon"):
        await story.until(lambda name=platform: story.posts(name) == ["Missing: Aisha, 14"])
    merged = await story.deliveries(state="cancelled")
    assert {"it is the next revision of no. 1, which still waits for approval"} <= {
        row["reason"] for row in merged
    }


async def test_what_is_approved_and_not_sent_yet_is_asked_again(story):
    """In the seconds in which it can be taken back, and until the time that the approver chose."""
    await story.begins({"tweet": TWEET})
    for text, at in (("Aged 13", {}), ("Aged 14", {"at": "23:59"})):
        await (reports if text == "Aged 13" else corrects)(story, text)
        (row,) = await waiting(story)
        assert (await approves(story, row, **at))[0] == 200
    await corrects(story, "Aged 15")
    (again,) = await waiting(story)
    assert (again["number"], again["revision"]["number"]) == (row["number"], 3)
    assert again["reason"] == "a later event corrected it after it was approved"
    await story.clock.passes(hours=23, step=600)
    assert story.posts("x") == []
    assert (await approves(story, again))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("x") == ["Aged 15"], passing=1)


async def test_a_correction_that_changes_nothing_in_a_post_leaves_its_approval(story):
    await story.begins({"tweet": TWEET})
    await reports(story, "Aged 13")
    (row,) = await waiting(story)
    assert (await approves(story, row, at="23:59"))[0] == 200
    await corrects(story, "Aged 13", area="Digbeth")
    assert await waiting(story) == []
    (merged,) = await story.deliveries(state="cancelled")
    assert merged["reason"] == "no. 1, which still waits for approval, says this already"
    await story.clock.passes(hours=24, step=600)
    await story.until(lambda: story.posts("x") == ["Aged 13"], passing=1)


async def test_other_events_about_a_subject_are_asked_about_by_themselves(story):
    """An incident's next report is news, and no correction of the one before."""
    await story.begins({"tweet": TWEET})
    await reports(story, "Crash", "incident")
    await reports(story, "Lane open", "incident")
    assert [row["content"]["text"] for row in await waiting(story)] == ["Crash", "Lane open"]


async def test_later_steps_of_a_run_say_what_its_correction_says(story):
    await story.begins({"linked": LINKED})
    await reports(story, "Aged 13")
    await corrects(story, "Aged 14")
    (row,) = await waiting(story)
    assert (await approves(story, row))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("mastodon") == ["Aged 14"], passing=1)
    (second,) = await story.until(lambda: waiting(story))
    assert second["content"]["text"].startswith("Aged 14 http")
    assert {run["state"] for run in await story.runs()} == {"planned"}


async def test_a_thread_is_corrected_as_a_whole_however_many_parts_it_has(story):
    await story.begins({"thread": THREAD})
    await reports(story, "1", more=["2", "3"])
    (first,) = await waiting(story)
    await corrects(story, "1", more=["2", "three", "4"])
    (question,) = await open_questions(story)
    rows = question["deliveries"]
    assert [row["content"]["text"] for row in rows] == ["1", "2", "three", "4"]
    assert rows[2]["difference"] == [{"field": "text", "before": "3", "after": "three"}]
    status, refused = await approves(story, first)
    assert status == 409
    assert {"field": "post 3: text", "before": "3", "after": "three"} in refused["difference"]
    await corrects(story, "1", more=["two"])
    (question,) = await open_questions(story)
    (row,) = (each for each in question["deliveries"] if each["waits"])
    assert (await approves(story, row))[0] == 200
    await story.clock.passes(seconds=40)
    await story.until(lambda: story.posts("x") == ["1", "two"], passing=1)
    await story.clock.passes(hours=1)
    assert story.posts("x") == ["1", "two"]


async def test_a_correction_that_goes_to_others_waits_for_nobody_who_is_not_meant_any_more(story):
    await story.begins({"mails": MAILS})
    await reports(story, "Aged 13", to="a@radio.example, b@radio.example")
    await corrects(story, "Aged 14", to="b@radio.example, c@radio.example")
    rows = {row["content"]["to"]: row for row in await waiting(story)}
    assert rows.keys() == {"b@radio.example", "c@radio.example"}
    assert {row["content"]["subject"] for row in rows.values()} == {"Aged 14"}
    (dropped,) = [
        row for row in await story.deliveries(state="cancelled") if row["content"]["to"][0] == "a"
    ]
    assert dropped["reason"] == "a later event corrected it, and is not sent there"


async def test_an_amendment_of_what_waits_is_its_next_revision_on_every_channel(story):
    await story.begins({"corrected": CORRECTED.replace("approval: none\n", "")})
    await story.receives("Aged 13", subject="APP-1")
    assert len(await waiting(story)) == 5
    await story.receives("Aged 14", subject="APP-1", type="incident.updated")
    rows = await waiting(story)
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["revision"]["number"] for row in rows} == {2}
    for row in rows:
        assert (await approves(story, row))[0] == 200, row
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("x") == ["Aged 14"], passing=1)


async def test_a_picture_that_is_corrected_while_it_waits_is_the_one_that_goes_out(story):
    await story.begins({"picture": PICTURED})
    red = await puts(story, "red.png", picture())
    blue = await puts(story, "blue.png", picture("blue"))
    await reports(story, "Aged 13", images=[{"url": red, "alt": ALT}])
    (before,) = await story.until(lambda: waiting(story))
    await corrects(story, "Aged 13", images=[{"url": blue, "alt": "A girl in a blue coat"}])
    (row,) = await story.until(
        lambda: revision(story, 2),
    )
    assert [change["field"] for change in row["difference"]] == ["images"]
    assert (await approves(story, before))[0] == 409
    assert (await approves(story, row))[0] == 200
    await story.clock.passes(seconds=30)
    (post,) = await story.until(lambda: story.sandbox.shelf.everything(), passing=1)
    assert [medium["alt"] for medium in post.media] == ["A girl in a blue coat"]


async def test_an_amendment_that_says_nothing_of_pictures_leaves_those_of_a_post_that_waits(story):
    recipe = PICTURED.replace(
        "actions:\n  - {",
        """actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then: [{ action: amend, of: post, text: "{{ event.data.text }}" }, { stop: corrected }]
  - { id: post,""",
    )
    await story.begins({"picture": recipe})
    red = await puts(story, "red.png", picture())
    await reports(story, "Aged 13", "incident", images=[{"url": red, "alt": ALT}])
    await story.until(lambda: waiting(story))
    await reports(story, "Aged 14", "incident.updated")
    (row,) = await waiting(story)
    assert [change["field"] for change in row["difference"]] == ["text"], row["difference"]
    assert (await approves(story, row))[0] == 200
    await story.clock.passes(seconds=30)
    (post,) = await story.until(lambda: story.sandbox.shelf.everything(), passing=1)
    assert [medium["alt"] for medium in post.media] == [ALT]


async def revision(story, number):
    return [row for row in await waiting(story) if row["revision"]["number"] == number]


async def test_nothing_of_a_withdrawn_appeal_is_corrected(story):
    await story.begins({"tweet": TWEET})
    await reports(story, "Aged 13")
    status, _ = await story.asks("POST", "/subjects/RC-77/withdraw?reason=found&by=anna")
    assert status == 200
    await corrects(story, "Aged 14")
    assert await waiting(story) == []
    assert {row["state"] for row in await story.deliveries()} == {"cancelled"}


@as_root
async def test_a_post_of_a_thread_is_edited_and_the_whole_thread_is_asked_again(crew):
    story = crew.story
    await crew.begins({"thread": THREAD}, settings=people(**APPROVERS))
    await reports(story, "1", more=["2", "3"])
    (first,) = await waiting(story)
    (question,) = await open_questions(story)
    part = question["deliveries"][2]
    path = f"/api/v1/deliveries/{part['number']}/edit?hash={part['revision']['hash']}"
    status, answer = await crew.sends(ANNA, path, {"text": "three"})
    assert (status, answer["number"]) == (200, 2), answer
    status, refused = await answers(crew, BEN, first, "approve")
    assert status == 409
    assert refused["difference"] == [
        {"field": "thread", "before": ["2", "3"], "after": ["2", "three"]},
        {"field": "post 3: text", "before": "3", "after": "three"},
    ]
    assert (await crew.sends(BEN, path, {"text": "drei"}))[0] == 409
    (row,) = await waiting(story)
    assert (await answers(crew, BEN, row, "approve"))[0] == 200
    await story.clock.passes(seconds=40)
    await story.until(lambda: story.posts("x") == ["1", "2", "three"], passing=1)
