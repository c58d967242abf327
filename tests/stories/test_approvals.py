"""What needs approval goes out exactly as somebody else approved it, or not at all."""

from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from appealbridge.model.people import Role
from appealbridge.store.sqlite.maintenance import back_up
from tests.stories import staging
from tests.stories.crew import HELD, UIDS, Crew, as_root, open_folder, people

ANNA, BEN = 52_001, 52_002
APPROVERS = {
    "anna": f"roles: [approver, author], uid: {ANNA}, email: anna@example.police.uk",
    "ben": f"roles: [approver], uid: {BEN}, email: ben@example.police.uk",
}
THREE = staging.EVERYWHERE.replace("approval: none\n", "")


@pytest.fixture
def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


async def open_questions(story, path="/questions"):
    status, answer = await story.asks("GET", path)
    assert status == 200, answer
    return answer


async def waiting(story):
    """Return what waits for approval: the deliveries of all open questions."""
    return [
        row
        for question in await open_questions(story)
        for row in question["deliveries"]
        if row["waits"]
    ]


async def answers(crew, uid, row, verb, **query):
    query = {"hash": row["revision"]["hash"], **query}
    path = f"/api/v1/deliveries/{row['number']}/{verb}?{urlencode(query)}"
    return await crew.asks(uid, "POST", path)


@as_root
async def test_what_an_approver_agrees_to_goes_out_after_the_time_to_take_it_back(crew):
    story = crew.story
    await crew.begins(settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    status, answer = await answers(crew, BEN, row, "approve")
    assert (status, answer["state"]) == (200, "ready"), answer
    await story.clock.passes(seconds=10)
    assert story.posts("x") == []
    await story.clock.passes(seconds=15)
    await story.state(1, "delivered", passing=1)
    assert story.posts("x") == ["M6 closed"]
    _, trace = await story.asks("GET", f"/traces/{row['number']}")
    (decision,) = trace["runs"][0]["deliveries"][0]["decisions"]
    assert (decision["by"], decision["act"], decision["content_hash"]) == (
        "ben",
        "approve",
        row["revision"]["hash"],
    )


@as_root
async def test_no_release_replaces_an_approval(crew):
    story = crew.story
    await crew.begins(settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    path = f"/api/v1/deliveries/{row['number']}/release"
    status, refused = await crew.asks(UIDS[Role.OPERATOR], "POST", path)
    assert status == 409
    assert "appealbridge approve" in refused["detail"]
    assert (await story.deliveries())[0]["state"] == "held"


@as_root
async def test_nobody_approves_what_they_wrote_or_edited_administrators_included(crew):
    """Live: in practice one person may play all parts."""
    story = crew.story
    await crew.begins(settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    path = f"/api/v1/deliveries/{row['number']}/edit?hash={row['revision']['hash']}"
    status, revision = await crew.sends(ANNA, path, {"text": "M6 closed northbound"})
    assert (status, revision["number"]) == (200, 2), revision
    (row,) = await waiting(story)
    assert row["difference"] == [
        {"field": "text", "before": "M6 closed", "after": "M6 closed northbound"}
    ]
    assert row["revision"]["authors"] == ["anna"]
    status, answer = await answers(crew, BEN, row, "approve")
    assert status == 200, answer
    await story.clock.passes(seconds=30)
    await story.state(1, "delivered", passing=1)
    assert story.posts("x") == ["M6 closed northbound"]


@as_root
async def test_a_stale_hash_gets_409_with_the_difference_and_changes_nothing(crew):
    story = crew.story
    await crew.begins(settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (result,) = await waiting(story)
    path = f"/api/v1/deliveries/{result['number']}/edit?hash={result['revision']['hash']}"
    assert (await crew.sends(ANNA, path, {"text": "M6 open"}))[0] == 200
    for verb, more in (("approve", {}), ("reject", {"reason": "no"}), ("changes", {"reason": "x"})):
        status, refused = await answers(crew, BEN, result, verb, **more)
        assert (status, refused["status"]) == (409, 409)
        assert refused["difference"] == [
            {"field": "text", "before": "M6 closed", "after": "M6 open"}
        ]
    assert (await crew.sends(BEN, path, {"text": "M6 half open"}))[0] == 409
    assert (await waiting(story))[0]["content"]["text"] == "M6 open"


@as_root
async def test_an_account_that_changes_after_the_approval_is_asked_about_again(crew):
    """What was approved for one Page must not go out on another, whenever the settings changed."""
    story = crew.story
    recipe = staging.EVERYWHERE.replace("approval: none\n", "")
    await crew.begins({"everywhere": recipe}, settings=people(**APPROVERS))
    await story.receives("M6 closed")
    row = next(each for each in await waiting(story) if each["channel"] == "force_facebook")
    assert (await answers(crew, BEN, row, "approve"))[0] == 200
    channels = staging.CHANNELS.replace("100064500000001", "100064500000002")
    story.stage.configure(channels)
    with story.stage.config.open("a") as file:
        file.write(f"control_socket: {crew.socket}\ncontrol_mode: '0666'\n{people(**APPROVERS)}")
    await story.bridge.reload()
    await story.clock.passes(seconds=60)
    assert story.posts("facebook") == []
    again = next(each for each in await waiting(story) if each["channel"] == "force_facebook")
    assert again["revision"]["number"] == 2
    assert [change["field"] for change in again["difference"]] == ["account.page_id"]
    assert (await answers(crew, BEN, row, "approve"))[0] == 409
    assert (await answers(crew, BEN, again, "approve"))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("facebook"))


@as_root
async def test_the_deliveries_of_one_run_are_answered_together_or_one_by_one(crew):
    story = crew.story
    recipe = staging.EVERYWHERE.replace("approval: none\n", "")
    await crew.begins({"everywhere": recipe}, settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (question,) = await open_questions(story)
    assert len(question["deliveries"]) == 3
    first = question["deliveries"][0]
    assert (await answers(crew, BEN, first, "reject", reason="not on X"))[0] == 200
    path = f"/api/v1/questions/{question['number']}/approve?hash="
    status, refused = await crew.asks(BEN, "POST", path + question["hash"])
    assert status == 409, refused
    (question,) = await open_questions(story)
    status, rows = await crew.asks(BEN, "POST", path + question["hash"])
    assert (status, [row["state"] for row in rows]) == (200, ["ready", "ready"])
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("mastodon") and story.posts("facebook"))
    assert story.posts("x") == []
    (rejected,) = await story.deliveries(state="cancelled", channel="force_x")
    assert rejected["reason"] == "ben rejected it: not on X"


@as_root
async def test_an_approval_can_be_taken_back_until_the_post_is_sent(crew):
    story = crew.story
    await crew.begins(settings=people(**APPROVERS))
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    assert (await answers(crew, BEN, row, "approve"))[0] == 200
    path = f"/api/v1/deliveries/{row['number']}/take-back"
    assert (await crew.asks(BEN, "POST", path))[0] == 200
    await story.clock.passes(minutes=5)
    assert story.posts("x") == []
    (row,) = await waiting(story)
    assert (await answers(crew, ANNA, row, "approve"))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("x"), passing=1)
    await story.settles()
    assert (await crew.asks(BEN, "POST", path))[0] == 409


@as_root
async def test_a_time_that_has_passed_or_does_not_exist_or_is_too_late_is_refused(crew):
    story = crew.story
    recipe = HELD + "publish_within: 4h\n"
    await crew.begins(
        {"tweet": recipe}, settings=people(**APPROVERS) + "time_zone: Europe/London\n"
    )
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    for at in ("2020-01-01 10:00", "2027-03-28 01:30", "2099-01-01 10:00", "soon"):
        status, refused = await answers(crew, BEN, row, "approve", at=at)
        assert (status, refused["detail"][:3]) == (422, "at:"), (at, refused)
    later = datetime.fromtimestamp(story.clock.now() + 7200, ZoneInfo("Europe/London"))
    assert (await answers(crew, BEN, row, "approve", at=f"{later:%Y-%m-%d %H:%M}"))[0] == 200
    await story.clock.passes(hours=1)
    assert story.posts("x") == []
    await story.clock.passes(hours=1, minutes=1)
    await story.state(1, "delivered", passing=1)


@as_root
async def test_only_the_people_of_the_policy_may_answer(crew):
    story = crew.story
    named = people(**APPROVERS) + "groups: { silver: [ben] }\n"
    await crew.begins({"tweet": HELD + "approval: silver\n"}, settings=named)
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    status, refused = await answers(crew, ANNA, row, "approve")
    assert (status, "only silver may answer" in refused["detail"]) == (409, True)
    assert (await answers(crew, UIDS[Role.OPERATOR], row, "approve"))[0] == 403
    assert (await answers(crew, BEN, row, "approve"))[0] == 200


async def test_at_one_desk_whoever_may_use_the_daemon_approves(story):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    path = f"/deliveries/{row['number']}/approve?hash={row['revision']['hash'][:12]}"
    status, answer = await story.asks("POST", path)
    assert (status, answer["state"]) == (200, "ready")
    await story.clock.passes(seconds=30)
    await story.state(1, "delivered", passing=1)


async def test_a_thread_is_approved_with_its_first_post(story):
    thread = HELD.replace(
        'text: "{{ event.data.text }}"', 'text: "{{ event.data.text }}", thread: ["More soon"]'
    )
    await story.begins({"tweet": thread})
    await story.receives("M6 closed")
    (question,) = await open_questions(story)
    (row,) = (each for each in question["deliveries"] if each["waits"])
    assert (
        await story.asks(
            "POST", f"/deliveries/{row['number']}/approve?hash={row['revision']['hash']}"
        )
    )[0] == 200
    await story.clock.passes(seconds=30)
    await story.state(2, "delivered", passing=1)
    assert story.posts("x") == ["M6 closed", "More soon"]


async def test_a_restored_backup_voids_approvals_of_what_was_not_sent(story, tmp_path):
    await story.begins({"tweet": HELD})
    await story.receives("M6 closed")
    (row,) = await waiting(story)
    later = "23:59"
    hash_ = row["revision"]["hash"]
    assert (
        await story.asks("POST", f"/deliveries/{row['number']}/approve?hash={hash_}&at={later}")
    )[0] == 200
    backup = tmp_path / "backup.db"
    back_up(story.stage.store, backup, story.clock.now())
    await story.stops()
    for file in story.stage.folder.glob("bridge.db*"):
        file.unlink()
    backup.rename(story.stage.store)
    await story.starts()
    _, would = await story.asks("GET", "/stop")
    assert (await story.asks("POST", f"/start?seen={would['seen']}&by=bob"))[0] == 200
    await story.clock.passes(hours=30, step=600)
    assert story.posts("x") == []


NOTIFYING = """
approvals: { escalate_to: [anna] }
groups: { silver: [ben] }
"""


def mails(story, to):
    """Return the subjects of the notices to somebody, in their order."""
    shown = [each.shown() for each in story.sandbox.shelf.everything() if each.platform == "email"]
    return [
        mail["subject"]
        for mail in sorted(shown, key=lambda mail: mail["created_at"])
        if mail["to"] == f"{to}@example.police.uk" and "approval" in mail["subject"]
    ]


@as_root
async def test_a_night_without_an_approver_reminds_asks_the_next_ones_and_lapses(crew):
    """And a clock that is set back, or a restart, revives nothing."""
    story = crew.story
    recipe = HELD + "approval: silver\n"
    await crew.begins({"tweet": recipe}, settings=people(**APPROVERS) + NOTIFYING)
    await story.receives("M6 closed")
    await story.until(lambda: len(mails(story, "ben")) == 1, passing=1)
    await story.clock.passes(minutes=11)
    await story.until(lambda: len(mails(story, "ben")) == 2, passing=1)
    assert mails(story, "anna") == []
    (row,) = await waiting(story)
    assert (await answers(crew, ANNA, row, "approve"))[0] == 409
    await story.clock.passes(minutes=15)
    await story.until(lambda: len(mails(story, "anna")) == 1, passing=1)
    await story.clock.passes(hours=24, step=600)
    (lapsed,) = await story.until(lambda: story.deliveries(state="expired"), passing=1)
    assert "nobody answered" in lapsed["reason"]
    await story.restarts()
    assert (await answers(crew, BEN, row, "approve"))[0] == 409
    await story.clock.passes(hours=1, step=600)
    assert story.posts("x") == []


@as_root
async def test_a_question_that_reaches_nobody_is_an_alarm_and_turns_readyz(crew):
    story = crew.story
    mute = {"ben": f"roles: [approver], uid: {BEN}"}
    settings = people(approver="roles: [viewer], uid: 51001", **mute)
    await crew.begins(settings=settings)
    await story.receives("M6 closed")
    await story.until(lambda: story.logged("alarm"))
    async with story.session.get(f"{story.bridge.url}/readyz") as ready:
        assert ready.status == 503
        assert "nobody could be asked" in (await ready.json(content_type=None))["detail"]
    (row,) = await waiting(story)
    assert (await answers(crew, BEN, row, "approve"))[0] == 200
    await story.clock.passes(seconds=30)
    await story.until(lambda: story.posts("x"))
    async with story.session.get(f"{story.bridge.url}/readyz") as ready:
        assert (ready.status, row["state"]) == (200, "held")
