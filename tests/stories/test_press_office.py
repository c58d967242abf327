"""A press office of several people at work in live mode, and what happens when two of them act at the same moment."""

import asyncio
import re

import pytest
from click.testing import CliRunner

from appealbridge.cli.main import main
from appealbridge.model.people import Role
from appealbridge.store.sqlite.maintenance import back_up
from tests.pictures import drawn, saved
from tests.stories.crew import LIVE_EVERYWHERE, MAIL, UIDS, Crew, as_root, open_folder, people
from tests.stories.test_images import ALT, puts
from tests.stories.test_log_in import enrols, public

pytestmark = as_root
APPEALS = """
alias: Appeals
triggers: [{ trigger: appeal, on: [new, updated] }]
actions:
  - action: post
    to: [force_x, force_facebook, force_mastodon]
    text: "{{ appeal.title }}"
    images: "{{ appeal.images }}"
  - { action: email, channel: press_office, to: desk@example-radio.example, subject: News, text: "{{ appeal.title }}" }
"""
ASKS = MAIL.replace("approval: none\n", "")
STAFF = {
    "ann": "roles: [author, approver], uid: 53001, email: ann@example.police.uk",
    "ben": "roles: [approver, author], uid: 53002, email: ben@example.police.uk",
    "cat": "roles: [approver], uid: 53003, email: cat@example.police.uk",
}
UID = {"ann": 53_001, "ben": 53_002, "cat": 53_003}


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


async def begins(crew, recipe=ASKS, more=""):
    await crew.begins({"news": recipe}, settings=public(**STAFF) + more)


async def deliveries_of(crew, number=1):
    """Return what a question asks about, once there is one, by channel."""

    async def there():
        status, answer = await crew.story.asks("GET", f"/questions/{number}")
        return status == 200 and {row["channel"]: row for row in answer["deliveries"]}

    return await crew.story.until(there, passing=1)


async def answers(crew, who, row, verb="approve", **query):
    query = {"hash": row["revision"]["hash"]} | query
    text = "&".join(f"{name}={value}" for name, value in query.items())
    path = f"/api/v1/deliveries/{row['number']}/{verb}?{text}"
    return await crew.asks(UID[who], "POST", path)


async def news(crew):
    """Return the deliveries that are no notices."""
    return [row for row in await crew.story.deliveries() if row["recipe"] != "notice"]


async def ends(crew, number, *states):
    async def there():
        rows = {row["number"]: row for row in await news(crew)}
        return rows[number]["state"] in states and rows[number]

    return await crew.story.until(there, passing=5)


def form_hash(page, number):
    """Return the hash in the form that answers a post."""
    return re.search(
        rf'action="/deliveries/{number}/answer">.*?name="hash" value="(\w+)"', page, re.DOTALL
    )[1]


async def test_an_author_writes_an_approver_agrees_to_three_and_edits_one_and_a_third_approves_that(
    crew,
):
    """The author has the role of an approver too, and so has whoever edits: neither may approve their own words."""
    story = crew.story
    crew.channels = LIVE_EVERYWHERE
    await begins(crew, APPEALS, "inside: [PRACTICE]\n")
    url = await puts(story, "a.png", saved(drawn(60, 40), "PNG"))
    picture = [{"url": url, "alt": ALT}]
    text = "Missing: Aisha, 14"
    story.stage.appeal("WMP-1", story.clock.now() - 10, title=text, author="ann", images=picture)
    await story.clock.passes(seconds=61)
    rows = await deliveries_of(crew)
    assert len(rows) == 4
    ann, ben, cat = [(await enrols(crew, who))[0] for who in UID]
    await ann.get("/questions/1")
    assert "You may not approve it: ann wrote or changed it" in ann.page
    assert "Approve post" not in ann.page
    assert ann.page.count("Reject post") == 4
    assert "Reject all 4" in ann.page
    assert (await answers(crew, "ann", rows["force_x"]))[0] == 409
    for channel in ("force_x", "force_facebook", "press_office"):
        await ben.get("/questions/1")
        path = f"/deliveries/{rows[channel]['number']}/answer"
        hash_ = rows[channel]["revision"]["hash"]
        assert await ben.post(path, answer="approve", hash=hash_) == 303
    toot = rows["force_mastodon"]["number"]
    await ben.get(f"/deliveries/{toot}/edit")
    better = "Missing: Aisha, aged 14, last seen in Digbeth"
    assert await ben.post(f"/deliveries/{toot}/edit", option_text=better) == 303
    for tab in (ann, ben):
        await tab.get("/questions/1")
        assert f"Approve post {toot}" not in tab.page
        path, hash_ = f"/deliveries/{toot}/answer", (await deliveries_of(crew))["force_mastodon"]
        hash_ = hash_["revision"]["hash"]
        assert await tab.post(path, answer="approve", hash=hash_) == 409
    await cat.get("/questions/1")
    assert "What changed since revision 1" in cat.page
    path = f"/deliveries/{toot}/answer"
    assert await cat.post(path, answer="approve", hash=form_hash(cat.page, toot)) == 303
    for channel in rows:
        await ends(crew, rows[channel]["number"], "delivered")
    assert story.posts("x") == story.posts("facebook") == [text]
    assert story.posts("mastodon") == [better]
    assert [phrase for phrase in story.posts("email") if phrase.startswith("Missing")] == [text]
    shown = [post for post in story.sandbox.shelf.everything() if post.platform == "mastodon"]
    assert [medium["alt"] for medium in shown[0].media] == [ALT]
    _, trail = await story.asks("GET", "/audit")
    decided = [(each["actor"], each["act"]) for each in trail["entries"] if each["revision"]]
    assert decided == [*[("ben", "approve")] * 3, ("ben", "edit"), ("cat", "approve")]


async def test_of_two_who_answer_at_the_same_moment_one_decides_and_the_other_is_told(crew):
    """Approve and reject at once, and a button that is pressed twice: one answer is in the trail, and nothing twice."""
    story = crew.story
    await begins(crew)
    ben, cat = [(await enrols(crew, who))[0] for who in ("ben", "cat")]
    for number, verbs in ((1, ("approve", "reject")), (2, ("approve", "approve"))):
        await story.receives(f"M{number} closed")
        row = (await deliveries_of(crew, number))["press_office"]
        path = f"/deliveries/{row['number']}/answer"
        for tab in (ben, cat):
            await tab.get(f"/questions/{number}")
        result = await asyncio.gather(
            *(
                tab.post(path, answer=verb, hash=row["revision"]["hash"], reason="no")
                for tab, verb in zip((ben, cat), verbs, strict=True)
            )
        )
        assert sorted(result) == [303, 409]
        await ends(crew, row["number"], "delivered", "cancelled")
    _, trail = await story.asks("GET", "/audit")
    assert len([each for each in trail["entries"] if each["revision"]]) == 2
    mailed = [phrase for phrase in story.posts("email") if phrase.startswith("M")]
    assert mailed.count("M2 closed") == 1
    assert mailed.count("M1 closed") <= 1


async def test_an_approval_stays_when_whoever_gave_it_is_removed_before_it_is_sent(crew):
    """They could give it when they gave it; but they can take nothing back any more, and answer nothing."""
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    assert (await answers(crew, "cat", row))[0] == 200
    left = {who: text for who, text in STAFF.items() if who != "cat"}
    crew.write(public(**left))
    assert (await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/reload"))[0] == 200
    path = f"/api/v1/deliveries/{row['number']}/take-back"
    assert (await crew.asks(UID["cat"], "POST", path))[0] == 403
    await ends(crew, row["number"], "delivered")
    await story.receives("M5 closed")
    assert (await answers(crew, "cat", (await deliveries_of(crew, 2))["press_office"]))[0] == 403


async def test_a_group_that_a_reload_changes_while_a_question_waits_counts_as_it_is_now(crew):
    story = crew.story
    silver = "groups: { silver: [ben] }\n"
    await begins(crew, ASKS + "approval: silver\n", silver)
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    assert (await answers(crew, "cat", row))[0] == 409
    crew.write(public(**STAFF) + silver.replace("ben", "cat"))
    assert (await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/reload"))[0] == 200
    status, answer = await answers(crew, "ben", row)
    assert (status, "only silver may answer" in answer["detail"]) == (409, True)
    assert (await answers(crew, "cat", row))[0] == 200
    await ends(crew, row["number"], "delivered")


async def test_no_reason_and_no_password_is_too_long_for_the_daemon_or_spoils_its_trail(crew):
    """Nor does a character that a terminal, a log or the store would take for something else."""
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    tab, _ = await enrols(crew, "ben")
    path = f"/deliveries/{row['number']}/answer"
    await tab.get("/questions/1")
    fields = {"answer": "changes", "hash": row["revision"]["hash"]}
    assert await tab.post(path, reason="x" * 501, **fields) == 422
    await tab.get("/questions/1")
    assert await tab.post(path, reason="x" * 70_000, **fields) == 403
    await tab.get("/questions/1")
    hostile = "no\x00 \x1b[31m\u202e\ud83d"
    hostile = hostile.encode("utf-8", "replace").decode()
    assert await tab.post(path, reason=hostile, **fields) == 303
    assert (await story.asks("GET", "/audit"))[0] == 200
    stranger = await open_log_in(crew)
    assert await stranger.post("/log-in", name="ben", password="p" * 30_000, digits="123456") == 403
    assert await stranger.get("/log-in") == 200


async def open_log_in(crew):
    from tests.stories.test_log_in import browser

    tab = browser(crew, "198.51.100.20")
    assert await tab.get("/log-in") == 200
    return tab


async def test_an_approver_who_runs_an_event_again_or_holds_a_token_approves_nothing_by_that(crew):
    story = crew.story
    staff = {"ann": STAFF["ann"].replace("author", "author, operator")}
    await crew.begins({"news": ASKS}, settings=people(**(STAFF | staff)))
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    assert (await answers(crew, "ben", row, "reject", reason="no"))[0] == 200
    again = f"/api/v1/events/{row['event']}/replay?mode=publish&recipe=news"
    status, response = await crew.asks(UID["ann"], "POST", again)
    assert status == 200, response
    row = (await deliveries_of(crew, 2))["press_office"]
    status, response = await answers(crew, "ann", row)
    assert (status, "own words" in response["detail"]) == (409, True)
    token = "/api/v1/tokens/{}?scopes=withdraw&days=3"
    status, response = await crew.asks(UIDS[Role.ADMIN], "POST", token.format("ben"))
    assert (status, "ben is a person" in response["detail"]) == (422, True)
    status, result = await crew.asks(UIDS[Role.ADMIN], "POST", token.format("ben2"))
    assert status == 200, result
    query = f"hash={row['revision']['hash']}"
    url = f"{story.bridge.url}/api/v1/deliveries/{row['number']}/approve?{query}"
    headers = {"Authorization": f"Bearer {result['token']}"}
    async with story.session.post(url, headers=headers) as answer:
        assert answer.status == 403
    assert (await answers(crew, "cat", row))[0] == 200


async def test_a_restored_backup_ends_every_session_and_token_and_asks_again(crew):
    """What was approved for a later time is void too: whoever approved it may have taken it back since."""
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    assert (await answers(crew, "cat", row, at="23:59"))[0] == 200
    tab, _ = await enrols(crew, "ben")
    result = await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/tokens/desk?scopes=read&days=3")
    headers = {"Authorization": f"Bearer {result[1]['token']}"}
    url = "/api/v1/deliveries"

    async def reads():
        async with story.session.get(story.bridge.url + url, headers=headers) as answer:
            return answer.status

    assert (await reads(), await tab.get("/waiting")) == (200, 200)
    copy = story.stage.folder / "monday.db"
    back_up(story.stage.store, copy, story.clock.now())
    await story.stops()
    for file in story.stage.folder.glob("bridge.db*"):
        file.unlink()
    copy.rename(story.stage.store)
    await story.starts()
    tab.url = story.bridge.url
    assert await reads() == 401
    assert (await tab.get("/waiting"), tab.goes_to) == (303, "/log-in?next=/waiting")
    _, would = await crew.asks(UIDS[Role.OPERATOR], "GET", "/api/v1/stop")
    start = f"/api/v1/start?seen={would['seen']}"
    assert (await crew.asks(UIDS[Role.OPERATOR], "POST", start))[0] == 200
    await story.clock.passes(hours=15, step=600)
    assert [phrase for phrase in story.posts("email") if phrase == "M6 closed"] == []


async def test_what_is_approved_for_a_time_meets_the_holds_of_that_time_and_stays_approved(crew):
    """Quiet hours begin after the approval and before the time: the post waits for their end, and asks nobody again."""
    story = crew.story
    quiet = "time_zone: Europe/London\nholds: { quiet_hours: { between: ['12:00', '13:00'] } }\n"
    await begins(crew, more=quiet)
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    assert (await answers(crew, "cat", row, at="12:15"))[0] == 200  # it is 11:06
    await story.clock.passes(minutes=80)
    (waiting,) = await news(crew)
    assert (waiting["state"], waiting["holds"]) == ("ready", ["time"])
    assert [phrase for phrase in story.posts("email") if phrase == "M6 closed"] == []
    stop = "/api/v1/stop?reason=wrong+picture"
    assert (await crew.asks(UID["ben"], "POST", stop))[0] == 200
    await story.clock.passes(minutes=60)
    (waiting,) = await news(crew)
    assert waiting["holds"][0] == "stop"
    _, would = await crew.asks(UIDS[Role.OPERATOR], "GET", "/api/v1/stop")
    start = f"/api/v1/start?seen={would['seen']}"
    assert (await crew.asks(UIDS[Role.OPERATOR], "POST", start))[0] == 200
    await ends(crew, row["number"], "delivered")
    _, trail = await story.asks("GET", "/audit")
    assert [each["act"] for each in trail["entries"] if each["revision"]] == ["approve"]


async def test_wherever_people_read_who_decided_there_is_the_name_and_the_trail_has_the_id(crew):
    """Two people share a name: they are told apart by their ids."""
    story, names = crew.story, {"ann": "Sam Okafor", "ben": "Ben Baker", "cat": "Sam Okafor"}
    staff = {who: f"name: {names[who]}, {text}" for who, text in STAFF.items()}
    await crew.begins({"news": ASKS + "approval: ben\n"}, settings=public(**staff))
    await story.receives("M6 closed")
    row = (await deliveries_of(crew))["press_office"]
    ann, ben = [(await enrols(crew, who))[0] for who in ("ann", "ben")]
    await ann.get(f"/deliveries/{row['number']}/edit")
    path = f"/deliveries/{row['number']}/edit"
    assert await ann.post(path, option_text="M6 closed northbound") == 303
    await ann.get("/questions/1")
    assert "only Ben Baker may answer, not Sam Okafor (ann)" in ann.page
    await ben.get("/questions/1")
    for text in (
        "Who may answer: Ben Baker.",
        "Sam Okafor (ann) edited it",
        "<dd>Sam Okafor (ann)</dd>",
    ):
        assert text in ben.page
    shown = await typed(crew, "questions")
    assert "for Ben Baker, until" in shown
    assert "Sam Okafor (ann) edited it" in shown
    hash_ = form_hash(ben.page, row["number"])
    assert (
        await ben.post(f"/deliveries/{row['number']}/answer", answer="approve", hash=hash_) == 303
    )
    await ben.get("/questions/1")
    assert "<strong>Ben Baker</strong> approved revision 2" in ben.page
    await ben.post(f"/deliveries/{row['number']}/take-back")
    await ben.get(f"/deliveries/{row['number']}")
    assert "Ben Baker took the approval back" in ben.page
    assert "approved</strong> by Ben Baker (log-in)" in ben.page
    trace = await typed(crew, "trace", str(row["number"]))
    assert "approved by Ben Baker (log-in)" in trace
    assert "edited by Sam Okafor (ann) (log-in)" in trace
    await ann.get("/stop")
    assert await ann.post("/stop", reason="a mistake") == 303
    await ben.get("/stop")
    assert "by <strong>Sam Okafor (ann)</strong> (log-in)" in ben.page
    assert "stopped by Sam Okafor (ann) since" in await typed(crew, "status")
    _, trail = await story.asks("GET", "/audit")
    decided = [(each["actor"], each["act"]) for each in trail["entries"]]
    assert [each for each in decided if each[1] in ("edit", "approve", "take_back", "stop")] == [
        ("ann", "edit"), ("ben", "approve"), ("ben", "take_back"), ("ann", "stop"),
    ]  # fmt: skip
    _, listed = await story.asks("GET", "/questions/1")
    assert listed["who"] == "ben"


async def typed(crew, *words):
    """Return what a command prints."""
    line = [*words, "--config", str(crew.story.stage.config)]
    result = await asyncio.to_thread(CliRunner().invoke, main, line)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())
