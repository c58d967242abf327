"""A correction reaches what is out: the same post where the platform edits, otherwise a reply or a new post."""

import pytest

from appealbridge.practice.faults import FaultName
from tests.stories.test_withdrawals import listed, standing, withdraws

CORRECTED = """
alias: Incident, corrected when it changes
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then:
      - action: amend
        id: correction
        of: report
        text: "{{ event.data.text }}"
        per_channel:
          press_office: { subject: "Correction: {{ event.data.text }}" }
      - stop: corrected
  - action: post
    id: report
    to: [force_x, force_facebook, force_mastodon, press_office]
    text: "{{ event.data.text }}"
    per_channel:
      press_office: { to: "a@radio.example, b@radio.example", subject: "{{ event.data.text }}" }
approval: none
"""

ONE = """
alias: One post
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then:
      - { action: amend, of: report, text: "{{ event.data.text }}" }
      - stop: corrected
  - { action: mastodon_post, id: report, channel: force_mastodon, text: "{{ event.data.text }}" }
approval: none
"""


async def one_post(story, action="mastodon_post", channel="force_mastodon", **options):
    """Publish one post about a subject, with a recipe that corrects it."""
    recipe = ONE.replace("mastodon_post", action).replace("force_mastodon", channel)
    for name, value in options.items():
        recipe = recipe.replace("of: report,", f"of: report, {name}: {value},")
    await story.begins({"one": recipe})
    await story.receives("Aged 13", subject="APP-1")
    (post,) = await story.state(1, "delivered")
    return post


async def corrects(story, text="Aged 14"):
    """Send the update."""
    return await story.receives(text, subject="APP-1", type="incident.updated")


async def amendment(story, state="delivered"):
    """Wait until the newest delivery is an amendment in a state, and return it."""

    async def there():
        amendments = [each for each in await story.deliveries() if each["kind"] == "amend"]
        newest = max(amendments, key=lambda each: each["number"], default=None)
        return newest and newest["state"] == state and newest

    return await story.until(there, passing=1)


async def test_one_correction_reaches_every_channel(story):
    await story.begins({"corrected": CORRECTED})
    await story.receives("Aged 13", subject="APP-1")
    posts = await story.state(5, "delivered")
    await corrects(story)
    everything = await story.state(10, "delivered")
    assert standing(story, "facebook") == standing(story, "mastodon") == ["Aged 14"]
    assert sorted(standing(story, "x")) == ["Aged 13", "Aged 14"]
    by_channel = {(each["channel"], each["change"]) for each in everything}
    assert by_channel >= {
        ("force_x", "follow_up"),
        ("force_facebook", "edit"),
        ("force_mastodon", "edit"),
        ("press_office", "follow_up"),
    }
    first = {post["receipt"]["id"]: post for post in posts if post["channel"] == "press_office"}
    mails = [post.shown() for post in story.sandbox.shelf.everything()]
    sent = [mail for mail in mails if mail["platform"] == "email"]
    assert len(sent) == 4
    replies = [each for each in everything if each["channel"] == "press_office" and each["change"]]
    assert {each["content"]["to"] for each in replies} == {"a@radio.example", "b@radio.example"}
    # Each first mail, and the one that threads onto it.
    assert all(str(sent).count(identity) == 2 for identity in first)
    tweet = next(post for post in posts if post["channel"] == "force_x")
    reply = next(each for each in everything if each["change"] and each["channel"] == "force_x")
    assert reply["target"] == tweet["id"]


async def test_corrections_in_the_same_words_are_told_apart_by_the_post_they_reply_to(story):
    """Also where no answer comes, so that they are looked for: none is sent twice or taken for another."""
    await one_post(story, "tweet", "force_x")
    await story.receives("Last seen in Digbeth", subject="APP-1")
    await story.state(2, "delivered")
    story.sandbox.faults.add("x", FaultName.POST_THEN_RESET, 2, None)
    await corrects(story, "She has been found")
    by_id = {each["id"]: each for each in await story.state(4, "delivered", passing=1)}
    replies = {
        post.id: post.more["in_reply_to"]
        for post in story.sandbox.shelf.everything()
        if post.text == "She has been found"
    }
    assert len({*replies.values()}) == 2
    corrections = [each for each in by_id.values() if each["kind"] == "amend"]
    assert replies == {
        each["receipt"]["id"]: by_id[each["target"]]["receipt"]["id"] for each in corrections
    }


async def test_an_edited_post_keeps_its_receipt_and_its_versions(story):
    post = await one_post(story)
    await corrects(story)
    edit = await amendment(story)
    _, shown = await story.asks("GET", f"/deliveries/{post['number']}")
    assert shown["receipt"] == post["receipt"]
    assert [(each["number"], each["delivery"]) for each in shown["versions"]] == [
        (1, post["number"]),
        (2, edit["number"]),
    ]
    _, shown = await story.asks("GET", f"/deliveries/{edit['number']}")
    assert [each["kind"] for each in shown["history"]] == ["edit"]


async def test_what_is_there_already_is_not_edited_again(story):
    await one_post(story)
    await corrects(story, "Aged 13")
    await amendment(story)
    (post,) = [post.shown() for post in story.sandbox.shelf.everything()]
    assert post["edits"] == []


async def test_what_somebody_edited_by_hand_is_held_with_both_texts(story):
    await one_post(story)
    story.sandbox.faults.add("mastodon", FaultName.EDITED_BY_HAND, 1, None)
    await corrects(story)
    held = await amendment(story, "held")
    assert held["hold"] == "edited_by_hand"
    assert "Aged 13" in held["reason"]
    (by_hand,) = standing(story)
    assert by_hand in held["reason"]
    await story.releases(held)
    await story.until(lambda: standing(story) == ["Aged 14"])


async def test_an_edit_that_is_refused_fails_and_leaves_the_post(story):
    await one_post(story)
    story.sandbox.faults.add("mastodon", FaultName.EDIT_REFUSED, 9, None)
    await corrects(story)
    await amendment(story, "failed")
    assert standing(story) == ["Aged 13"]


@pytest.mark.parametrize("fault", [FaultName.POST_THEN_500, FaultName.POST_THEN_RESET])
async def test_an_unclear_answer_to_an_edit_is_settled_by_a_look(story, fault):
    await one_post(story)
    story.sandbox.faults.add("mastodon", fault, 1, None)
    await corrects(story)
    edit = await amendment(story)
    assert standing(story) == ["Aged 14"]
    _, shown = await story.asks("GET", f"/deliveries/{edit['number']}")
    assert [each["kind"] for each in shown["history"]][-1] in ("look", "edit")


async def test_an_edit_with_an_unclear_answer_is_over_when_its_post_is_withdrawn(story):
    """Its post is removed, so nobody has to find out what it said."""
    await one_post(story)
    story.sandbox.faults.add("mastodon", FaultName.POST_THEN_RESET, 1, None)
    await corrects(story)
    await story.until(lambda: story.logged("unsure"))
    await withdraws(story, "APP-1")
    await story.until(lambda: standing(story) == [], passing=1)
    await story.clock.passes(hours=25, step=600)
    edit = await amendment(story, "cancelled")
    states = ("withdrawing", "withdrawn")
    assert edit["reason"] in [f"its post, no. 1, is {state}" for state in states]
    assert await story.deliveries(state="held") == []


async def test_a_person_who_confirms_an_edit_leaves_the_post_where_it_is(story):
    """With or without its address, so that it can still be taken back."""
    post = await one_post(story)
    story.sandbox.faults.add("mastodon", FaultName.POST_THEN_RESET, 1, None)
    await corrects(story)
    await story.until(lambda: story.logged("unsure"))
    (there,) = story.sandbox.shelf.everything()
    story.sandbox.shelf.delete(there)
    edit = await amendment(story, "held")
    assert edit["hold"] == "unknown"
    confirm = f"/deliveries/{edit['number']}/confirm"
    status, refusal = await story.asks("POST", f"{confirm}?url=https://example.org/another")
    assert status == 409
    assert "edits the post of no. 1, and can only be there" in refusal["detail"]
    assert (await story.asks("POST", confirm))[0] == 200
    edit = await amendment(story, "delivered")
    _, shown = await story.asks("GET", f"/deliveries/{post['number']}")
    assert edit["receipt"] == shown["receipt"] == post["receipt"]
    await withdraws(story, "APP-1")

    async def is_removed():
        return await listed(story, "APP-1") == {"force_mastodon": "removed"}

    await story.until(is_removed, passing=1)


async def test_a_post_is_published_anew_and_the_old_one_withdrawn(story):
    post = await one_post(story, "tweet", "force_x", instead="replace")
    await corrects(story)
    await story.until(lambda: standing(story, "x") == ["Aged 14"], passing=1)
    new = await amendment(story)
    assert new["change"] == "replace"
    _, (withdrawal,) = await story.asks("GET", "/withdrawals")
    assert withdrawal["reason"] == f"replaced by no. {new['number']}"
    await corrects(story, "Aged 15")
    await story.until(lambda: standing(story, "x") == ["Aged 15"], passing=1)
    assert post["number"] != new["number"]


REPLIED = ONE.replace("mastodon_post", "tweet").replace("force_mastodon", "force_x").replace(
    "  - if:",
    """\
  - if: "{{ event.type == 'incident.note' }}"
    then:
      - { action: amend, of: report, instead: follow_up, text: "{{ event.data.text }}", overflow: thread }
      - stop: noted
  - if:""",
    1,
).replace("of: report, text", "of: report, instead: replace, text")  # fmt: skip


async def test_with_a_replaced_post_the_corrections_that_replied_to_it_are_removed(story):
    await story.begins({"one": REPLIED})
    await story.receives("Aged 13", subject="APP-1")
    await story.receives("Other", subject="APP-2")
    await story.state(2, "delivered")
    for subject in ("APP-1", "APP-2"):
        await story.receives("She may wear red. " * 20, subject=subject, type="incident.note")
    before = len(standing(story, "x"))
    await story.until(lambda: len(standing(story, "x")) >= 6, passing=1)
    assert before >= 2
    await corrects(story)

    async def settled():
        return [each for each in await story.deliveries() if each["state"] == "withdrawn"][2:]

    await story.until(settled, passing=1)
    left = standing(story, "x")
    assert {*left} >= {"Aged 14", "Other"}
    assert "Aged 13" not in left
    assert len(left) == 4  # those about the other subject stay


async def test_a_withdrawal_of_the_subject_removes_what_replaced_a_post_and_what_replied_to_either(
    story,
):
    await story.begins({"one": REPLIED})
    await story.receives("Aged 13", subject="APP-1")
    await story.state(1, "delivered")
    await story.receives("She wears red", subject="APP-1", type="incident.note")
    await story.until(lambda: len(standing(story, "x")) == 2, passing=1)
    await corrects(story)
    await amendment(story)
    await story.receives("And a hat", subject="APP-1", type="incident.note")
    await story.until(lambda: {*standing(story, "x")} == {"Aged 14", "And a hat"}, passing=1)
    await withdraws(story, "APP-1")
    await story.until(lambda: not standing(story, "x"), passing=1)


async def test_nothing_is_published_where_the_recipe_says_so(story):
    await one_post(story, "tweet", "force_x", instead="nothing")
    await corrects(story)
    none = await amendment(story, "cancelled")
    assert "instead: nothing" in none["reason"]
    assert standing(story) == ["Aged 13"]


async def test_a_correction_is_the_next_revision_of_a_post_that_still_waits_for_approval(story):
    await story.begins({"one": ONE.replace("approval: none", "")})
    await story.receives("Aged 13", subject="APP-1")
    (post,) = await story.state(1, "held")

    async def asked_about(revision):
        # A delivery is stored first, and asked about a moment later.
        _, questions = await story.asks("GET", "/questions")
        everything = [each for question in questions for each in question["deliveries"]]
        return [each for each in everything if each["revision"]["number"] == revision]

    # What is corrected before anybody was asked about it has no second revision.
    await story.until(lambda: asked_about(1))
    await corrects(story)
    merged = await amendment(story, "cancelled")
    assert f"the next revision of no. {post['number']}" in merged["reason"]

    (requested,) = await story.until(lambda: asked_about(2))
    assert requested["number"] == post["number"]
    assert requested["difference"] == [{"field": "text", "before": "Aged 13", "after": "Aged 14"}]
    await story.releases(post)
    await story.until(lambda: standing(story) == ["Aged 14"])


async def test_an_amendment_has_its_own_approval(story):
    await story.begins({"one": ONE.replace("approval: none", "")})
    await story.receives("Aged 13", subject="APP-1")
    (post,) = await story.state(1, "held")
    await story.releases(post)
    await story.until(lambda: standing(story) == ["Aged 13"])
    await corrects(story)
    held = await amendment(story, "held")
    assert standing(story) == ["Aged 13"]
    await story.releases(held)
    await story.until(lambda: standing(story) == ["Aged 14"])


async def test_a_withdrawal_removes_all_of_what_was_corrected(story):
    await story.begins({"corrected": CORRECTED})
    await story.receives("Aged 13", subject="APP-1")
    await story.state(5, "delivered")
    await corrects(story)
    await story.state(10, "delivered")
    await withdraws(story, "APP-1")
    await story.until(lambda: not standing(story))
    await corrects(story, "Aged 15")
    late = await amendment(story, "cancelled")
    assert "withdrawn" in late["reason"]
    assert not standing(story)


THREAD = """
alias: A thread
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.updated' }}"
    then:
      - { action: amend, of: report, text: "{{ event.data.text }}", overflow: thread }
      - stop: corrected
  - { action: mastodon_post, id: report, channel: force_mastodon, text: "{{ event.data.text }}", overflow: thread }
approval: none
"""


async def test_a_thread_is_edited_if_it_has_as_many_parts(story):
    await story.begins({"thread": THREAD})
    await story.receives("Aged 13. " * 80, subject="APP-1")
    posts = await story.state(2, "delivered")
    await corrects(story, "Aged 14. " * 80)
    await story.state(4, "delivered")
    assert len(standing(story)) == len(posts)
    assert all("13" not in text for text in standing(story))
    await corrects(story, "Aged 15.")
    reply = await amendment(story)
    assert reply["change"] == "follow_up"
    assert len(standing(story)) == 3


MAILED = """
alias: Mailed, and taken back
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - action: withdraw
        reason: "{{ event.data.text }}"
        correction: { subject: "Closed: {{ event.data.text }}", text: "Please remove it" }
      - stop: closed
  - action: email
    channel: press_office
    to: "a@radio.example, b@radio.example"
    subject: "{{ event.data.text }}"
    text: "{{ event.data.text }}"
approval: none
"""


async def test_who_had_a_mail_that_is_withdrawn_gets_a_correction_below_it(story):
    await story.begins({"mailed": MAILED})
    await story.receives("Missing: Aisha", subject="APP-1")
    mails = await story.state(2, "delivered")
    await story.receives("found", subject="APP-1", type="incident.closed")

    async def both_corrected():
        # A mail is in its mailbox before its delivery is stored as sent.
        everything = await story.deliveries(state="delivered")
        corrections = [each for each in everything if each["change"] == "correction"]
        return corrections if len(corrections) == 2 else None

    corrections = await story.until(both_corrected, passing=1)
    assert len(story.sandbox.shelf.everything()) == 4
    assert {each["content"]["to"] for each in corrections} == {"a@radio.example", "b@radio.example"}
    shown = str([post.shown() for post in story.sandbox.shelf.everything()])
    assert shown.count("Closed: found") >= 2
    assert all(shown.count(mail["receipt"]["id"]) == 2 for mail in mails)
    tasks = await story.deliveries(state="held")
    assert [each["hold"] for each in tasks] == ["cannot_remove"] * 2
    await withdraws(story, "APP-1")
    assert len(await story.deliveries(state="held")) == 2


async def test_who_had_a_mail_that_a_person_withdrew_gets_the_correction_of_the_recipe_once(story):
    """A person is quicker than the system that closes the case, and has no words for the press."""
    await story.begins({"mailed": MAILED})
    await story.receives("Missing: Aisha", subject="APP-1")
    await story.state(2, "delivered")
    await withdraws(story, "APP-1")
    first, _ = await story.until(lambda: story.deliveries(state="held"))
    assert (await story.asks("POST", f"/deliveries/{first['number']}/confirm"))[0] == 200
    for message in ("1", "2"):
        await story.receives("found", message=message, subject="APP-1", type="incident.closed")
    await story.until(lambda: len(story.sandbox.shelf.everything()) == 3)
    orders = [each for each in await story.deliveries() if each["action"] == "withdraw"]
    await story.until(lambda: len(story.sandbox.shelf.everything()) == 3)
    corrections = [each for each in await story.deliveries() if each["change"] == "correction"]
    assert (len(orders), len(corrections)) == (2, 1)


@pytest.mark.parametrize("address", ["", "?url=https://webmail.example/inbox/7"])
async def test_a_correction_is_shown_below_a_mail_that_a_person_confirmed(story, address):
    await story.begins({"corrected": CORRECTED})
    story.sandbox.faults.add("email", FaultName.POST_THEN_RESET, 1, None)
    await story.receives("Aged 13", subject="APP-1")
    (held,) = await story.until(lambda: story.deliveries(state="held"), passing=0.1)
    assert (held["channel"], held["hold"]) == ("press_office", "unknown")
    assert (await story.asks("POST", f"/deliveries/{held['number']}/confirm{address}"))[0] == 200
    await corrects(story)
    await story.state(10, "delivered", passing=1)
    shelf = story.sandbox.shelf.everything()
    sent = {post.client_key: post for post in shelf if post.platform == "email"}
    first = next(key for key in sent if held["id"] in key)
    _, confirmed = await story.asks("GET", f"/deliveries/{held['number']}")
    assert confirmed["receipt"]["id"] == first
    assert sum(post.more.get("in_reply_to") == first for post in sent.values()) == 1


async def one_unclear(story, recipe, text="Aged 13"):
    """Publish a post of which neither an answer nor a search says whether it is published; return its delivery."""
    await story.begins({"one": recipe})
    story.sandbox.faults.add("mastodon", FaultName.POST_THEN_RESET, 1, None)
    await story.receives(text, subject="APP-1")

    async def is_there():
        return story.sandbox.shelf.everything()

    (post,) = await story.until(is_there)
    story.sandbox.shelf.edit(post, f"{post.text}!")  # so a search cannot tell whether it is ours
    (held,) = await story.until(lambda: story.deliveries(state="held"), passing=30)
    return held


async def test_nothing_replies_to_a_post_that_was_confirmed_without_its_address(story):
    """It would stand alone, and nobody would know what it corrects."""
    held = await one_unclear(story, THREAD, "She may wear red. " * 40)
    await story.asks("POST", f"/deliveries/{held['number']}/confirm")
    await story.state(2, "delivered", "failed", passing=1)
    (failed,) = await story.deliveries(state="failed")
    assert f"no. {held['number']}, was confirmed without its address" in failed["reason"]
    assert len(story.sandbox.shelf.everything()) == 1


async def test_what_a_person_confirmed_by_its_address_is_corrected_and_removed_by_hand(story):
    """Nobody knows its id on the platform, and an address is no id."""
    held = await one_unclear(story, ONE)
    address = "https://mastodon.example/@force/1"
    await story.asks("POST", f"/deliveries/{held['number']}/confirm?url={address}")
    await corrects(story)
    edit = await amendment(story, "failed")
    assert f"confirmed by a person at {address}" in edit["reason"]
    await withdraws(story, "APP-1")

    async def tasks():
        return await story.deliveries(state="held", hold="cannot_remove")

    (task,) = await story.until(tasks)
    assert task["reason"].startswith("a person confirmed the post by its address")
    assert address in task["reason"]


LINKED = ONE.replace(
    "approval: none",
    """\
  - { action: tweet, channel: force_x, text: "{{ event.data.text }} {{ results.report.url }}" }
approval: none""",
)


async def test_what_needs_a_superseded_post_goes_on_with_what_took_its_place(story):
    """The tweet is about the same case, and says what is right now."""
    await story.begins({"linked": LINKED})
    story.sandbox.faults.add("mastodon", FaultName.HTTP_503, 99, None)

    async def is_tried(times):
        tried = {line["delivery_id"] for line in story.logged("deferred")}
        states = {each["state"] for each in await story.deliveries()}
        return len(tried) == times and states <= {"ready", "cancelled"}

    await story.receives("Aged 13", subject="APP-1")
    await story.until(lambda: is_tried(1), passing=1)
    await corrects(story)
    await story.until(lambda: is_tried(2), passing=1)
    await corrects(story, "Aged 15")
    story.sandbox.faults.clear()
    (tweet,) = await story.until(lambda: standing(story, "x"), passing=1)
    assert standing(story, "mastodon") == ["Aged 15"]
    posts = [each for each in await story.deliveries() if each["channel"] == "force_mastodon"]
    assert sorted(each["state"] for each in posts) == ["cancelled", "cancelled", "delivered"]
    published = next(each for each in posts if each["receipt"])
    # To X a local address is no link, so its @ is a mention, which is broken up.
    assert tweet.replace("\u200a", "") == f"Aged 15 {published['receipt']['url']}"
