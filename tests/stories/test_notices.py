"""Nobody has to look: what goes wrong is told to people, once, by an account that works, and never in a loop."""

from appealbridge.model.notice import Alarm
from appealbridge.practice.faults import FaultName
from appealbridge.testing.mail_server import FINAL_DOT, ScriptedMailServer
from appealbridge.testing.server import HANG_UP, ScriptedServer
from tests.stories import staging

PEOPLE = """
people:
  dana: { email: dana@example.police.uk }
  eve: { email: eve@example.police.uk }
  nobody_knows_where: {}
groups: { duty_comms: [dana] }
notices: { to: [eve] }
"""

CHANNELS = """\
force_x: { platform: x }
press_office: { platform: email, smtp: SMTP, sender: press@example.police.uk }
desk: { platform: email, smtp: SMTP, sender: desk@example.police.uk }
"""

MAIL = """
alias: Mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, channel: press_office, to: a@example.org, subject: News, text: "{{ event.data.text }}" }
approval: none
on_failure: duty_comms
"""

LATE = staging.TWEET + "publish_within: 10m\n"

UNFILLABLE = """
alias: Unfillable
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: tweet, channel: force_x, text: "{{ event.data.area }}" }
approval: none
"""


async def begins(story, recipes, channels=CHANNELS, people=PEOPLE):
    await story.begins(recipes, channels)
    config = story.stage.config
    # A reload that changes people would be told as well.
    await story.stops()
    config.write_text(config.read_text() + people)
    await story.starts()


def fails(story, platform, fault, count=None, seconds=None):
    story.sandbox.faults.add(platform, FaultName(fault), count, seconds)


def notices(story, about=""):
    """Return the mails that tell someone that something went wrong, in their order."""
    mails = [each.shown() for each in story.sandbox.shelf.everything() if each.platform == "email"]
    mails = [mail for mail in mails if mail["subject"].startswith("AppealBridge:")]
    return sorted(
        (mail for mail in mails if about in mail["subject"]), key=lambda each: each["created_at"]
    )


async def quietly_passes(story, minutes):
    """Let time pass, with real turns for what it wakes."""
    for _ in range(minutes):
        await story.clock.passes(minutes=1)
        await story.settles()


async def test_a_failed_delivery_is_told_in_the_platforms_own_words_by_another_account(story):
    await begins(story, {"mail": MAIL})
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed", message="INC-7")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["to"] == "dana@example.police.uk"
    assert mail["account"] == "desk@example.police.uk"
    assert mail["subject"] == "AppealBridge: a delivery failed"
    assert "554 5.3.0 Error: queue file write error" in mail["text"]
    assert "delivery 1, press_office, recipe mail, about INC-7" in mail["text"]
    assert "appealbridge retry 1" in mail["text"]
    await quietly_passes(story, 20)
    assert len(notices(story)) == 1


async def test_a_notice_is_listed_beside_the_deliveries_it_tells_of(story):
    await begins(story, {"mail": MAIL})
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed")
    await story.until(lambda: notices(story), passing=0.5)
    (notice,) = await story.until(lambda: story.deliveries(state="delivered"))
    assert (notice["recipe"], notice["step"], notice["channel"]) == ("notice", "dana", "desk")
    _, answer = await story.asks("GET", f"/runs/{notice['run']}")
    assert answer["about"]["source"] == "bridge:notices"
    assert answer["about"]["type"] == "delivery.failed"
    assert answer["about"]["data"]["of"] == [1]


async def test_what_came_too_late_is_told_to_whom_the_settings_name(story):
    await begins(story, {"tweet": LATE})
    fails(story, "x", "http_503", seconds=3600)
    await story.receives("M6 closed")
    (mail,) = await story.until(lambda: notices(story, "too late"), passing=5)
    assert mail["to"] == "eve@example.police.uk"
    assert "recipe tweet" in mail["text"]


async def test_a_flood_of_failures_is_few_mails(story):
    await begins(story, {"tweet": LATE})
    fails(story, "x", "http_503", seconds=3600)
    for number in range(60):
        await story.receives(f"Road {number} closed")
    await story.until(lambda: notices(story, "too late"), passing=5)
    await quietly_passes(story, 10)
    mails = notices(story, "too late")
    assert len(mails) <= 2
    assert sum(mail["text"].count("recipe tweet") for mail in mails) <= 40
    (most,) = [mail for mail in mails if "more" in mail["text"]]
    named = most["text"].count("recipe tweet")
    assert named == 20
    listed = await story.deliveries(state="delivered")
    events = [(await story.asks("GET", f"/events/{row['event']}"))[1] for row in listed]
    result = sum(
        len(event["data"]["of"]) for event in events if event["type"] == "delivery.expired"
    )
    assert result == 60


async def test_what_failed_before_the_daemon_died_is_told_by_the_next_one_and_once(story):
    await begins(story, {"mail": MAIL})
    story.bridge.engine._loops.cancel("notices")
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed")
    await story.state(1, "failed", passing=0.5)
    await quietly_passes(story, 2)
    assert notices(story) == []
    await story.restarts()
    await story.until(lambda: notices(story), passing=0.5)
    await story.restarts()
    await quietly_passes(story, 20)
    assert len(notices(story)) == 1


async def test_an_unclear_outcome_is_told_with_what_was_sought_and_what_to_do(story):
    await begins(story, {"mail": MAIL})
    fails(story, "email", "post_then_reset", count=1)
    await story.receives("M6 closed")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["subject"] == "AppealBridge: nobody knows whether a delivery is published"
    assert "email offers no way to find out" in mail["text"]
    assert "appealbridge confirm 1 --url ADDRESS; if not: appealbridge release 1" in mail["text"]


async def test_a_recipe_that_cannot_render_is_told_too(story):
    await begins(story, {"unfillable": UNFILLABLE})
    _, answer = await story.receives("M6 closed", message="INC-9")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["subject"] == "AppealBridge: a recipe stopped with an error"
    assert "actions[0].text" in mail["text"]
    assert "about INC-9" in mail["text"]
    assert f"appealbridge trace {answer['event']}.unfillable" in mail["text"]


async def test_what_a_person_tries_again_and_fails_again_is_told_again(story):
    await begins(story, {"mail": MAIL})
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed")
    await story.until(lambda: notices(story), passing=0.5)
    fails(story, "email", "post_then_500", count=1)
    status, _ = await story.asks("POST", "/deliveries/1/retry")
    assert status == 200
    await story.until(lambda: len(notices(story)) == 2, passing=10)


async def test_without_anyone_to_tell_it_is_said_in_the_log_and_nothing_is_stored(story):
    await begins(story, {"mail": MAIL.replace("on_failure: duty_comms\n", "")}, people="")
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed")
    (line,) = await story.until(lambda: story.logged("nobody_told"), passing=0.5)
    assert "nobody is named" in line["reason"]
    await quietly_passes(story, 10)
    assert len(story.logged("nobody_told")) == 1
    assert len(await story.runs()) == 1


async def test_an_account_does_not_tell_of_itself(story):
    await begins(story, {"mail": MAIL}, CHANNELS.partition("desk:")[0])
    fails(story, "email", "post_then_500", count=1)
    await story.receives("M6 closed")
    (line,) = await story.until(lambda: story.logged("nobody_told"), passing=0.5)
    assert "no account can reach dana" in line["reason"]
    await quietly_passes(story, 10)
    assert notices(story) == []
    assert [row["state"] for row in await story.runs()] == ["planned", "failed"]


async def test_an_alarm_is_told_once_to_whom_the_settings_name_and_then_collected(story):
    await begins(story, {"tweet": staging.TWEET})
    engine = story.bridge.engine
    await engine.alarms.raise_alarm(Alarm.DOWN, "force_x", "connection refused")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["to"] == "eve@example.police.uk"
    assert mail["subject"] == "AppealBridge: force_x does not answer"
    assert "connection refused" in mail["text"]
    for _ in range(3):
        await engine.alarms.raise_alarm(Alarm.DOWN, "force_x", "connection refused")
    await story.clock.passes(seconds=200)
    await story.settles()
    assert len(notices(story)) == 1
    await story.until(lambda: len(notices(story)) == 2, passing=10)
    assert notices(story)[1]["text"].count("connection refused") == 3


async def for_real(story, first, second=None):
    """Have the daemon speak to mail servers of our own, one for each account."""
    channels = f"press_office: {{ platform: email, smtp: '{first.url}', sender: a@example.org }}\n"
    if second is not None:
        channels += f"desk: {{ platform: email, smtp: '{second.url}', sender: b@example.org }}\n"
    story.stage.configure(channels)
    config = story.stage.config
    lines = (config.read_text() + PEOPLE).splitlines()
    config.write_text("\n".join(line for line in lines if not line.startswith("practice:")))
    await story.stops()
    await story.starts()


REFUSED = "550 5.1.1 no such user"


async def test_a_notice_that_one_account_cannot_bring_is_brought_by_the_next(story):
    async with ScriptedMailServer() as first, ScriptedMailServer() as second:
        await story.begins({})
        await for_real(story, first, second)
        first.replies["RCPT"] = REFUSED
        await story.bridge.engine.alarms.raise_alarm(Alarm.NEARLY_FULL, message="2 MB are free")
        await story.until(lambda: second.mails, passing=0.5)
        assert b"2 MB are free" in second.mails[0]
        await quietly_passes(story, 15)
        assert (len(first.mails), len(second.mails)) == (0, 1)


async def test_a_notice_that_nobody_can_bring_is_only_logged_and_never_a_loop(story):
    async with ScriptedMailServer() as first, ScriptedMailServer() as second:
        await story.begins({})
        await for_real(story, first, second)
        first.replies["RCPT"] = second.replies["RCPT"] = REFUSED
        await story.bridge.engine.alarms.raise_alarm(Alarm.NEARLY_FULL, message="2 MB are free")
        await story.until(lambda: story.logged("nobody_told"), passing=0.5)
        await quietly_passes(story, 30)
        listed = await story.deliveries()
        assert [row["channel"] for row in listed] == ["press_office", "desk"]
        assert {row["state"] for row in listed} == {"failed"}
        assert len(story.logged("nobody_told")) == 1


async def test_a_notice_whose_outcome_is_unclear_is_rather_sent_twice_than_never(story):
    async with ScriptedMailServer() as server:
        await story.begins({})
        await for_real(story, server)
        server.replies[FINAL_DOT] = HANG_UP
        await story.bridge.engine.alarms.raise_alarm(Alarm.NEARLY_FULL, message="2 MB are free")
        await story.until(lambda: server.mails, passing=0.5)
        del server.replies[FINAL_DOT]
        await story.until(lambda: len(server.mails) == 2, passing=0.5)
        await story.state(1, "delivered", passing=0.5)


async def test_a_notice_whose_outcome_stays_unclear_is_not_sent_for_ever(story):
    async with ScriptedMailServer() as server:
        await story.begins({})
        await for_real(story, server)
        server.replies[FINAL_DOT] = HANG_UP
        await story.bridge.engine.alarms.raise_alarm(Alarm.NEARLY_FULL, message="2 MB are free")
        await story.until(lambda: story.logged("nobody_told"), passing=1)
        await quietly_passes(story, 30)
        assert len(server.mails) == 3
        kinds = [line["kind"] for line in story.logged("nobody_told")]
        assert kinds.count("store.nearly_full") == 1


async def test_a_notice_that_waits_for_an_account_in_trouble_goes_by_one_that_works(story):
    async with ScriptedMailServer() as first, ScriptedMailServer() as second:
        await story.begins({})
        await for_real(story, first, second)
        first.replies["MAIL"] = "421 4.3.2 shutting down"
        await story.bridge.engine.alarms.raise_alarm(Alarm.NEARLY_FULL, message="2 MB are free")

        def brought(server):
            return [mail for mail in server.mails if b"2 MB are free" in mail]

        await story.until(lambda: brought(second), passing=2)
        (late,) = await story.until(lambda: story.deliveries(state="cancelled"), passing=2)
        assert late["channel"] == "press_office"
        del first.replies["MAIL"]
        await quietly_passes(story, 20)
        assert (len(brought(first)), len(brought(second))) == (0, 1)


# -- what is held -------------------------------------------------------------------------------


HELD = "AppealBridge: a delivery is held"
CAPPED = CHANNELS.replace("{ platform: x }", "{ platform: x, daily_cap: 1 }")
APPROVED = staging.TWEET.replace("approval: none", "approval: duty_comms")


async def test_the_same_text_that_is_held_is_told_with_what_to_do(story):
    await begins(story, {"tweet": staging.TWEET})
    for _ in range(2):
        await story.receives("M6 closed")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert (mail["to"], mail["subject"]) == ("eve@example.police.uk", HELD)
    assert "delivery 2, force_x, recipe tweet" in mail["text"]
    assert "the same text" in mail["text"]
    assert "appealbridge release 2; to cancel it: appealbridge cancel 2" in mail["text"]
    await quietly_passes(story, 20)
    assert len(notices(story)) == 1


async def test_what_is_past_a_daily_cap_is_told(story):
    await begins(story, {"tweet": staging.TWEET}, CAPPED)
    for number in range(2):
        await story.receives(f"Road {number} closed")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["subject"] == HELD
    assert "1 of 1 posts a day are used up on force_x" in mail["text"]


async def test_what_waits_for_approval_is_told_once_to_who_may_agree(story):
    mail = MAIL.replace("approval: none\non_failure", "approval: duty_comms\non_failure")
    await begins(story, {"tweet": APPROVED, "mail": mail})
    await story.receives("M6 closed")
    (message,) = await story.until(lambda: notices(story), passing=0.5)
    assert message["to"] == "dana@example.police.uk"
    assert message["subject"] == "AppealBridge: 2 deliveries wait for approval"
    assert "appealbridge approve 1" in message["text"]
    assert "appealbridge approve 2" in message["text"]
    await quietly_passes(story, 9)  # the reminder comes after ten
    assert len(notices(story)) == 1


async def test_an_approver_who_cannot_be_reached_has_others_told(story):
    lost = staging.TWEET.replace("approval: none", "approval: nobody_knows_where")
    await begins(story, {"tweet": lost})
    await story.receives("M6 closed")
    (mail,) = await story.until(lambda: notices(story), passing=0.5)
    assert mail["to"] == "eve@example.police.uk"


async def test_without_anyone_to_tell_what_waits_for_approval_is_no_error(story):
    await begins(story, {"tweet": staging.TWEET.replace("approval: none\n", "")}, people="")
    await story.receives("M6 closed")
    await story.state(1, "held")
    await quietly_passes(story, 10)
    assert story.logged("nobody_told") == []
    assert len(story.logged("held")) == 1


async def test_what_is_held_once_more_is_told_once_more(story):
    await begins(story, {"tweet": staging.TWEET}, CAPPED)
    for text in ("M6 closed", "M5 closed", "M6 closed"):
        await story.receives(text)
        await story.settles()
    await story.until(lambda: len(notices(story, "held")) == 1, passing=0.5)
    await story.state(3 + 1, "delivered", "held")
    await story.asks("POST", "/deliveries/3/release")
    (mail,) = await story.until(lambda: notices(story, "held")[1:], passing=10)
    assert "used up on force_x" in mail["text"]


async def test_many_that_are_held_are_few_mails(story):
    await begins(story, {"tweet": staging.TWEET})
    for _ in range(40):
        await story.receives("M6 closed")
    await story.until(lambda: notices(story), passing=0.5)
    await quietly_passes(story, 12)
    assert len(notices(story)) <= 2


async def test_what_was_held_before_the_daemon_died_is_told_by_the_next_one_and_once(story):
    await begins(story, {"tweet": staging.TWEET})
    story.bridge.engine._loops.cancel("notices")
    for _ in range(2):
        await story.receives("M6 closed")
    await story.state(2, "delivered", "held")
    await quietly_passes(story, 2)
    assert notices(story) == []
    await story.restarts()
    await story.until(lambda: notices(story), passing=0.5)
    await story.restarts()
    await quietly_passes(story, 20)
    assert len(notices(story)) == 1


# -- sources ------------------------------------------------------------------------------------


class Feed:
    """A feed that answers, or does not."""

    status = 503

    def answer(self, request):
        del request
        rss = "<rss version='2.0'><channel><title>t</title></channel></rss>"
        return self.status, rss, {"Content-Type": "application/rss+xml"}


FOLLOWER = """
triggers: [{{ trigger: feed, url: "{url}", every: 60s }}]
actions: [{{ action: tweet, channel: force_x, text: "{{{{ event.data.title }}}}" }}]
"""


async def test_a_source_that_stays_unreadable_is_told_once_and_that_it_is_back(story):
    feed = Feed()
    async with ScriptedServer(feed.answer) as server:
        await begins(story, {"follower": FOLLOWER.format(url=f"{server.url}/news")})
        (mail,) = await story.until(lambda: notices(story), passing=30)
        assert mail["subject"] == "AppealBridge: a source cannot be read"
        assert f"feed:{server.url}/news" in mail["text"]
        assert "503" in mail["text"]
        await quietly_passes(story, 60)
        assert len(notices(story)) == 1
        feed.status = 200
        await story.until(lambda: notices(story, "a source can be read again"), passing=60)
        await quietly_passes(story, 20)
        assert len(notices(story)) == 2


async def test_an_alarm_whose_words_are_no_text_stands_in_the_way_of_no_other(story):
    await begins(story, {"tweet": staging.TWEET})
    alarm = story.bridge.engine.alarms.raise_alarm
    await alarm(Alarm.SOURCE, "appeal:desk", "caf\udce9.yaml cannot be read")
    await alarm(Alarm.NEARLY_FULL, message="2 MB are free")
    await story.until(lambda: len(notices(story)) == 2, passing=0.5)
    assert "caf?.yaml cannot be read" in notices(story, "source")[0]["text"]
