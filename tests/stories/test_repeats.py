"""What comes again: a repeat does nothing, what is new is not lost, and old bytes publish nothing by themselves."""

import hmac
import io
import json

import pytest

from tests.stories.test_notices import CHANNELS, notices

TOKEN = "the token that only these senders have"
WEBHOOKS = """\
  partner: { signature: bearer, secrets: [!secret hook_partner] }
  partner_with_ids: { signature: bearer, secrets: [!secret hook_partner], mapping: { key: $.id } }
  signed: { signature: hmac, secrets: [!secret hook_partner] }
  signed_with_ids: { signature: hmac, secrets: [!secret hook_partner], mapping: { key: $.id } }
  cloud: { signature: bearer, secrets: [!secret hook_partner], preset: cloudevents }
  alerts: { signature: bearer, secrets: [!secret hook_partner], preset: alertmanager }
  signed_alerts: { signature: hmac, secrets: [!secret hook_partner], preset: grafana }
"""
NAMES = [line.split(":")[0].strip() for line in WEBHOOKS.splitlines()]
TWEET = f"""
alias: Whatever comes
triggers:
{"".join(f"  - {{ trigger: webhook, webhook_id: {name} }}{chr(10)}" for name in NAMES)}
actions:
  - {{ action: tweet, channel: force_x, text: "{{{{ event.type }}}} {{{{ event.subject }}}} {{{{ event.time }}}}" }}
approval: none
"""
PEOPLE = """
people: { dana: { email: dana@example.police.uk } }
notices: { to: [dana] }
"""


async def begins(story, more=""):
    await story.begins({"tweet": TWEET}, CHANNELS)
    (story.stage.folder / "secrets" / "hook_partner").write_text(TOKEN)
    answer = story.stage.config.read_text().replace("webhooks:\n", f"webhooks:\n{WEBHOOKS}", 1)
    story.stage.config.write_text(answer + PEOPLE + more)
    status, answer = await story.asks("POST", "/reload")
    assert (status, answer["rejected"]) == (200, []), answer


async def sends(story, name, event, media="application/json"):
    body = json.dumps(event).encode()
    headers = {"Content-Type": media, "Authorization": f"Bearer {TOKEN}"}
    headers["X-Signature"] = hmac.digest(TOKEN.encode(), body, "sha256").hex()
    url = f"{story.bridge.url}/hooks/{name}"
    async with story.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def statuses(story, name, *events, media="application/json"):
    return [(await sends(story, name, event, media))[0] for event in events]


CLOSED = {"type": "road.closed", "text": "A38 closed at Digbeth"}


# -- without an id ----------------------------------------------------------------------------------


async def test_the_same_body_is_a_repeat_for_ten_minutes_and_then_a_new_event(story):
    await begins(story)
    first, answer = await sends(story, "partner", CLOSED)
    assert (first, answer["recipes"]) == (202, 1)
    await story.state(1, "delivered")
    await story.clock.passes(minutes=9)
    assert await sends(story, "partner", CLOSED) == (200, {"event": answer["event"]})
    await story.clock.passes(minutes=2)
    again, anew = await sends(story, "partner", CLOSED)
    assert (again, anew["event"] != answer["event"]) == (202, True)
    assert await sends(story, "partner", CLOSED) == (200, {"event": anew["event"]})
    await story.state(2, "delivered")


async def test_how_long_a_body_is_a_repeat_is_the_settings_business(story):
    await begins(story)
    text = story.stage.config.read_text()
    within = "partner: { repeat_within: 1h, "
    story.stage.config.write_text(text.replace("partner: { ", within, 1))
    await story.asks("POST", "/reload")
    assert await statuses(story, "partner", CLOSED) == [202]
    await story.clock.passes(minutes=59)
    assert await statuses(story, "partner", CLOSED) == [200]
    await story.clock.passes(minutes=2)
    assert await statuses(story, "partner", CLOSED) == [202]


async def test_the_same_bytes_under_a_signature_without_time_wait_for_a_person(story):
    """The sender may mean it, or somebody who saw the request may have sent it again."""
    await begins(story)
    assert await statuses(story, "signed", CLOSED) == [202]
    await story.state(1, "delivered")
    await story.clock.passes(minutes=11)
    assert await statuses(story, "signed", CLOSED) == [202]
    (held,) = await story.deliveries(state="held")
    assert held["hold"] == "same_request"
    assert "the same request came before, at" in held["reason"]
    assert len(story.posts("x")) == 1
    await story.releases(held)
    await story.state(2, "delivered")


# -- with an id -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["partner_with_ids", "signed_with_ids"])
async def test_an_id_is_known_for_good(story, name):
    await begins(story)
    assert await statuses(story, name, {"id": 7, **CLOSED}) == [202]
    await story.clock.passes(days=2, step=1800)
    assert await statuses(story, name, {"id": 7, **CLOSED}) == [200]


@pytest.mark.parametrize(
    ("name", "first", "second", "media"),
    [
        (
            "partner_with_ids",
            {"id": 7, **CLOSED},
            {"id": 7, "text": "M6 closed"},
            "application/json",
        ),
        (
            "cloud",
            {"specversion": "1.0", "id": "7", "source": "/a", "type": "t", "data": {"a": 1}},
            {"specversion": "1.0", "id": "7", "source": "/a", "type": "t", "data": {"a": 2}},
            "application/cloudevents+json",
        ),
    ],
)
async def test_an_id_that_comes_with_another_content_is_refused_and_said(
    story, name, first, second, media
):
    await begins(story)
    _, answer = await sends(story, name, first, media)
    status, problem = await sends(story, name, second, media)
    assert (status, problem["title"]) == (409, "same id, other content")
    assert answer["event"] in problem["detail"]
    assert "Give each event an id of its own" in problem["detail"]
    (line,) = story.logged("refused")
    assert (line["webhook"], line["status"]) == (name, 409)
    assert await statuses(story, name, first, media=media) == [200]


async def test_an_id_under_a_signature_that_comes_with_another_content_is_refused(story):
    await begins(story)
    assert (await story.receives("M6 closed", message="msg_1"))[0] == 202
    assert (await story.receives("M5 closed", message="msg_1"))[0] == 409
    assert (await story.receives("M6 closed", message="msg_1"))[0] == 200


async def test_the_same_content_in_another_order_is_a_repeat(story):
    await begins(story)
    event = {"id": 7, **CLOSED}
    assert await statuses(story, "partner_with_ids", event, dict(reversed(event.items()))) == [
        202,
        200,
    ]


async def test_of_several_events_only_the_contradiction_is_refused(story):
    await begins(story)
    first, two, other = (
        {"specversion": "1.0", "id": id_, "source": "/a", "type": "t", "data": {"a": data}}
        for id_, data in (("1", 1), ("2", 1), ("1", 2))
    )
    media = "application/cloudevents-batch+json"
    assert await statuses(story, "cloud", [first], media=media) == [202]
    status, problem = await sends(story, "cloud", [other, two], media)
    assert (status, "The other events of this request are stored" in problem["detail"]) == (
        409,
        True,
    )
    assert await statuses(story, "cloud", [two], media=media) == [200]


async def test_what_was_emptied_is_a_repeat_whatever_comes(story):
    """Nobody knows any more what it said."""
    await begins(story, "retention: { personal: 1h }\n")
    assert await statuses(story, "partner_with_ids", {"id": 7, **CLOSED}) == [202]
    await story.state(1, "delivered")
    await story.until(lambda: story.logged("pruned"), passing=600)
    assert await statuses(story, "partner_with_ids", {"id": 7, "text": "M6"}) == [200]


@pytest.mark.parametrize("name", ["signed_with_ids", "partner_with_ids"])
async def test_a_request_that_was_recorded_does_nothing_when_its_event_is_long_removed(story, name):
    await begins(story, "retention: { decisions: 1h }\n")
    assert await statuses(story, name, {"id": 7, **CLOSED}) == [202]
    await story.state(1, "delivered")
    await story.until(lambda: story.logged("pruned"), passing=600)
    assert (await story.asks("GET", "/events"))[1] == []
    assert await sends(story, name, {"id": 7, **CLOSED}) == (200, {"event": None})
    assert len(story.posts("x")) == 1


async def test_a_body_whose_event_is_long_removed_is_a_new_event(story):
    await begins(story, "retention: { decisions: 1h }\n")
    assert await statuses(story, "partner", CLOSED) == [202]
    await story.state(1, "delivered")
    await story.until(lambda: story.logged("pruned"), passing=600)
    assert await statuses(story, "partner", CLOSED, CLOSED) == [202, 200]


# -- alerts -----------------------------------------------------------------------------------------


def alert(status, start="2026-11-26T10:00:00Z", mark="c6f1ab34ef9d0e11", **more):
    ends = "2026-11-26T11:00:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    return {
        "status": status, "labels": {"alertname": "Flood"}, "annotations": {}, "startsAt": start,
        "endsAt": ends, "fingerprint": mark, **more,
    }  # fmt: skip


def group(*alerts, **more):
    return {"alerts": list(alerts), **more}


async def types(story):
    _, events = await story.asks("GET", "/events")
    texts = [event for event in reversed(events) if event["source"].startswith("webhook:")]
    return [event["type"].partition(".")[2] for event in texts]


async def test_an_alert_that_fires_again_after_it_was_resolved_is_new_whatever_its_start(story):
    await begins(story)
    firing, resolved = group(alert("firing")), group(alert("resolved"))
    for number, result in enumerate([firing, resolved, firing, resolved], start=1):
        assert await statuses(story, "alerts", result, result) == [202, 200]
        await story.state(number, "delivered")
    assert await types(story) == ["firing", "resolved"] * 2
    assert [post.split()[0] for post in story.posts("x")] == [
        "alertmanager.firing", "alertmanager.resolved",
    ] * 2  # fmt: skip
    later = group(alert("firing", "2026-11-26T12:00:00Z"))
    assert await statuses(story, "alerts", later, later) == [202, 200]


async def test_an_alert_that_fires_on_is_sent_again_and_again_and_is_one(story):
    """Whatever its annotations say by then, and whatever becomes of others of its group."""
    await begins(story)
    assert await statuses(story, "alerts", group(alert("firing"))) == [202]
    for hour in range(1, 4):
        await story.clock.passes(hours=4, step=600)
        result = alert("firing", annotations={"value": str(hour)}, generatorURL=f"http://p/{hour}")
        other = alert("resolved" if hour == 2 else "firing", mark="other")
        await sends(story, "alerts", group(other, result))
    assert await types(story) == ["firing", "firing", "resolved", "firing"]
    _, events = await story.asks("GET", "/events")
    assert [event["subject"] for event in events].count("c6f1ab34ef9d0e11") == 1


async def test_an_alert_that_fires_and_is_resolved_in_one_request_is_not_new_when_it_is_repeated(
    story,
):
    await begins(story)
    both = group(alert("firing"), alert("resolved"))
    assert await statuses(story, "alerts", both, both, group(*reversed(both["alerts"]))) == [
        202,
        200,
        200,
    ]


async def test_an_alert_that_was_resolved_is_not_resolved_again(story):
    await begins(story)
    resolved = group(alert("resolved"))
    assert await statuses(story, "alerts", resolved, resolved) == [202, 200]


async def test_an_alert_fires_again_across_a_restart_and_after_its_rows_are_gone(story):
    await begins(story, "retention: { decisions: 1h }\n")
    firing, resolved = group(alert("firing")), group(alert("resolved"))
    assert await statuses(story, "alerts", firing) == [202]
    await story.clock.passes(seconds=1)
    assert await statuses(story, "alerts", resolved) == [202]
    await story.state(2, "delivered")
    await story.restarts()
    await story.until(lambda: story.logged("pruned"), passing=600)
    assert await statuses(story, "alerts", resolved, firing, firing) == [200, 202, 200]


async def test_an_alert_under_a_signature_without_time_fires_again_when_a_person_says_so(story):
    await begins(story)
    firing, resolved = (group(alert(each), version="1") for each in ("firing", "resolved"))
    assert await statuses(story, "signed_alerts", firing, resolved, firing) == [202] * 3
    (held,) = await story.deliveries(state="held")
    assert held["hold"] == "same_request"


async def test_people_hear_of_alerts_that_are_not_taken_once(story):
    await begins(story)
    alerts = [alert("firing", mark=f"{n:016x}") for n in range(2001)]
    status, answer = await sends(story, "alerts", group(*alerts[-9:], truncatedAlerts=3))
    assert (status, len(answer["events"])) == (202, 9)
    (notice,) = await story.until(lambda: notices(story), passing=1)
    assert "webhook:alerts\n    alertmanager itself left out 3 alerts" in notice["text"]
    await sends(story, "alerts", group(*alerts[:9], truncatedAlerts=3))
    await story.clock.passes(minutes=30)
    assert len(notices(story)) == 1


async def test_a_body_that_is_too_large_even_for_monitoring_is_an_alarm(story):
    """Its sender gives up what is answered 413; a stranger's is none."""
    await begins(story)
    huge = group(alert("firing"), filler="x" * 4_300_000)
    status, problem = await sends(story, "alerts", huge)
    assert (status, "send less at once" in problem["detail"]) == (413, True)
    (notice,) = await story.until(lambda: notices(story), passing=1)
    assert "webhook:alerts\n    a request was refused" in notice["text"]
    large = group(alert("firing"), filler="x" * 2_000_000)
    assert await statuses(story, "alerts", large) == [202]


async def test_an_alert_that_cannot_be_read_stops_no_other_and_people_are_told(story):
    await begins(story)
    bad = {**alert("firing"), "status": "silenced"}
    good = alert("firing", mark="a" * 16)
    status, answer = await sends(story, "alerts", group(bad, good, 7))
    assert (status, answer.get("recipes")) == (202, 1), answer
    (notice,) = await story.until(lambda: notices(story), passing=1)
    assert (
        "2 alerts of alertmanager cannot be read, the first because alerts[0].status is 'silenced', not firing or "
        "resolved. Nothing is published about these"
    ) in " ".join(notice["text"].split())


async def test_a_cloudevent_that_cannot_be_read_stops_no_other_of_its_batch_and_both_sides_are_told(
    story,
):
    await begins(story)
    good, other = (
        {"specversion": "1.0", "id": id_, "source": "/a", "type": f"t{id_}", "data": {}}
        for id_ in ("1", "2")
    )
    media = "application/cloudevents-batch+json"
    for _again in range(2):
        status, problem = await sends(story, "cloud", [good, {**other, "id": ""}, other], media)
        assert status == 422
        assert "1 of 3 CloudEvents cannot be read, the first because" in problem["detail"]
        assert "The other events of this request are stored" in problem["detail"]
        assert len(await types(story)) == 2
    (notice,) = await story.until(lambda: notices(story), passing=1)
    assert "1 of 3 CloudEvents cannot be read" in " ".join(notice["text"].split())
    assert await statuses(story, "cloud", [{**good, "id": ""}], media=media) == [422]


async def test_a_group_of_alerts_that_is_refused_is_an_alarm(story):
    await begins(story)
    status, _ = await sends(story, "alerts", group(alert("firing"), version="5"))
    assert status == 422
    (notice,) = await story.until(lambda: notices(story), passing=1)
    assert "webhook:alerts\n    a request was refused: version is '5'" in notice["text"]


# -- what is no event -------------------------------------------------------------------------------


async def test_a_test_of_a_sender_is_answered_and_said_and_no_event(story):
    await begins(story)
    batch = "application/cloudevents-batch+json"
    status, answer = await sends(story, "cloud", [], batch)
    assert (status, answer["event"]) == (200, None)
    assert "nothing is stored" in answer["why"]
    (line,) = story.logged("no_event")
    assert (line["webhook"], line["reason"]) == ("cloud", "a batch of CloudEvents with none in it")
    assert await types(story) == []


async def test_the_answer_says_how_many_recipes_wanted_an_event(story):
    await begins(story)
    assert (await sends(story, "partner", CLOSED))[1]["recipes"] == 1
    assert (await story.receives("nobody wants what the desk sends"))[1]["recipes"] == 0
    both = group(alert("firing"), alert("firing", mark="other"))
    assert (await sends(story, "alerts", both))[1]["recipes"] == 2
