"""A recipe publishes without approval only once an admin who did not write it has accepted it as it is now."""

import os

import pytest

from appealbridge.model.people import Role
from tests.stories.crew import MAIL, UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
ADMIN, OPERATOR, AUTHOR = UIDS[Role.ADMIN], UIDS[Role.OPERATOR], UIDS[Role.AUTHOR]
OTHER_ADMIN = 53_001
TWO_ADMINS = people(eve=f"roles: [admin, author], uid: {OTHER_ADMIN}, email: eve@example.police.uk")


@pytest.fixture
def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder, live=True)


def mailed(story):
    """Return the texts of what went out, without notices."""
    return [text for text in story.posts("email") if text.startswith("M6")]


async def state(story, count, expected):
    """Wait until so many messages, without notices, are in this state; return them."""

    async def there():
        rows = [row for row in await story.deliveries() if row["recipe"] != "notice"]
        return len(rows) == count and {row["state"] for row in rows} == {expected} and rows

    return await story.until(there, passing=0.2)


async def listed(crew, name="news", **query):
    _, rows = await crew.asks(ADMIN, "GET", "/api/v1/recipes")
    return next(row for row in rows if row.get("name") == name)


async def accepts(crew, uid, hash_, name="news"):
    return await crew.asks(uid, "POST", f"/api/v1/recipes/{name}/accept?hash={hash_}")


async def begins(crew, recipes=None, settings=TWO_ADMINS):
    await crew.begins(recipes or {"news": MAIL}, settings=settings)


async def test_what_it_plans_is_held_until_an_admin_accepts_it_and_then_goes_out(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    (held,) = await state(story, 1, "held")
    assert (held["hold"], held["reason"]) == (
        "acceptance",
        "no admin has accepted recipe news as it is now",
    )
    row = await listed(crew)
    assert (row["to_accept"], row["waiting"], row["accepted_by"]) == ("approval: none", 1, None)
    status, answer = await accepts(crew, ADMIN, row["version"])
    assert (status, answer["accepted_by"]) == (200, "admin"), answer
    await state(story, 1, "delivered")
    await story.receives("M6 open")
    await state(story, 2, "delivered")
    assert mailed(story) == ["M6 closed", "M6 open"]
    assert (await listed(crew))["accepted_by"] == "admin"
    assert [line["by"] for line in story.logged("recipe_accepted")] == ["admin"]


async def test_a_change_of_its_text_template_or_list_has_to_be_accepted_again(crew):
    story = crew.story
    mail = MAIL.replace("desk@example-radio.example", '"{{ lists.desks }}"')
    lists = "lists:\n  desks: [a@example.org]\n  others: [b]\n"
    await begins(crew, {"news": mail}, settings=TWO_ADMINS + lists)
    first = (await listed(crew))["version"]
    assert (await accepts(crew, ADMIN, first))[0] == 200
    for changed, again in (
        ("lists:\n  desks: [a@example.org]\n  others: [c]\n", False),
        ("lists:\n  desks: [a@example.org, eve@example.org]\n  others: [c]\n", True),
    ):
        crew.write(TWO_ADMINS + changed)
        await crew.asks(ADMIN, "POST", "/api/v1/reload")
        row = await listed(crew)
        assert (row["version"] != first, row["accepted_by"] is None) == (again, again)
    await story.receives("M6 closed")
    assert {row["hold"] for row in await state(story, 2, "held")} == {"acceptance"}
    _, shown = await crew.asks(ADMIN, "GET", "/api/v1/recipes/news")
    assert shown["before"]["content"]["lists"] == {"desks": ["a@example.org"]}
    assert shown["content"]["lists"] == {"desks": ["a@example.org", "eve@example.org"]}
    # What was accepted does not let go what another version has planned.
    crew.write(TWO_ADMINS + lists)
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    assert (await listed(crew))["accepted_by"] == "admin"
    await story.clock.passes(seconds=5)
    assert len(await state(story, 2, "held")) == 2


async def test_nobody_accepts_what_they_wrote_whoever_owns_it_later(crew):
    story = crew.story
    await begins(crew)
    file = story.stage.recipes / "news.yaml"
    os.chown(file, OTHER_ADMIN, -1)
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    row = await listed(crew)
    assert "eve" in row["written_by"]
    os.chown(file, AUTHOR, -1)
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    status, refused = await accepts(crew, OTHER_ADMIN, row["version"])
    assert status == 409
    assert "belongs to eve, and nobody accepts what they wrote" in refused["detail"]
    assert (await accepts(crew, ADMIN, row["version"]))[0] == 200


async def test_only_an_admin_accepts_and_only_the_version_that_was_shown(crew):
    story = crew.story
    await begins(crew)
    version = (await listed(crew))["version"]
    for role, uid in UIDS.items():
        if role is not Role.ADMIN:
            assert (await accepts(crew, uid, version))[0] == 403
    assert (await accepts(crew, 0, version))[0] == 403
    for hash_, expected in (("", 422), (version[:7], 422), ("f" * 32, 409)):
        assert (await accepts(crew, ADMIN, hash_))[0] == expected
    crew.write(TWO_ADMINS, {"news": MAIL + "# changed\n"})
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    status, refused = await accepts(crew, ADMIN, version)
    assert (status, "look at it again" in refused["detail"]) == (409, True)
    new = (await listed(crew))["version"]
    assert (await accepts(crew, ADMIN, new[:12]))[0] == 200
    assert (await accepts(crew, OTHER_ADMIN, new[:12]))[0] == 409
    assert story.logged("recipe_accepted")[-1]["version"] == new


async def test_an_acceptance_is_in_the_trail_and_admins_are_told_what_waits(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    await state(story, 1, "held")
    version = (await listed(crew))["version"]
    await story.until(
        lambda: _mailed(story, "eve@example.police.uk", "delivery waits for an admin"), passing=5
    )
    (item,) = await _mailed(story, "admin@example.police.uk", "delivery waits for an admin")
    assert "appealbridge recipes accept news" in item
    assert "appealbridge release" not in item  # that would not let it go
    assert (await accepts(crew, ADMIN, version))[0] == 200
    entries = (await crew.asks(ADMIN, "GET", "/api/v1/audit"))[1]["entries"]
    (entry,) = [each for each in entries if each["act"] == "accept"]
    assert (entry["actor"], entry["how"], entry["object"], entry["content_hash"]) == (
        "admin",
        "control socket",
        "recipe news",
        version,
    )
    assert '"says":"approval: none"' in entry["shown"]
    assert '"waiting":1' in entry["shown"]
    item = "recipe waits for an admin"
    await story.until(lambda: _mailed(story, "admin@example.police.uk", item), passing=5)


async def _mailed(story, to, about):
    shown = [post.shown() for post in story.sandbox.shelf.everything()]
    return [mail["text"] for mail in shown if mail["to"] == to and about in mail["subject"]]


async def test_no_release_replaces_an_acceptance_but_clears_what_else_holds(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed", message="a")
    await story.receives("M6 closed", message="b")
    first, second = await state(story, 2, "held")
    assert (first["hold"], second["hold"]) == ("acceptance", "acceptance same_text")
    path = "/api/v1/deliveries/{}/release"
    status, refused = await crew.asks(OPERATOR, "POST", path.format(first["number"]))
    assert (status, "appealbridge recipes accept news" in refused["detail"]) == (409, True)
    status, answer = await crew.asks(OPERATOR, "POST", path.format(second["number"]))
    assert (status, answer["hold"]) == (200, "acceptance")
    row = await listed(crew)
    assert (await accepts(crew, ADMIN, row["version"]))[0] == 200
    await state(story, 2, "delivered")


async def test_an_acceptance_asks_every_other_hold_again(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed", message="a")
    await story.receives("M6 closed", message="b")
    await state(story, 2, "held")
    await crew.asks(OPERATOR, "POST", "/api/v1/stop?reason=wait")
    assert (await accepts(crew, ADMIN, (await listed(crew))["version"]))[0] == 200
    await story.clock.passes(seconds=30)
    assert mailed(story) == []
    rows = [row for row in await story.deliveries() if row["recipe"] != "notice"]
    assert [(row["state"], row["hold"]) for row in rows] == [
        ("ready", None),
        ("held", "same_text"),
    ]


async def test_what_takes_down_or_asks_for_approval_needs_no_acceptance(crew):
    story = crew.story
    asking = MAIL.replace("approval: none\n", "")
    await begins(crew, {"asks": asking})
    assert (await listed(crew, "asks"))["to_accept"] == ""
    await story.receives("M6 closed")
    (held,) = await state(story, 1, "held")
    assert held["hold"] == "approval"
    status, refused = await accepts(crew, ADMIN, (await listed(crew, "asks"))["version"], "asks")
    assert (status, "nothing that has to be accepted" in refused["detail"]) == (409, True)


async def test_acceptances_and_what_waits_for_them_survive_a_restart(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    await state(story, 1, "held")
    await story.restarts()
    await state(story, 1, "held")
    assert (await accepts(crew, ADMIN, (await listed(crew))["version"]))[0] == 200
    await story.restarts()
    await state(story, 1, "delivered")
    await story.clock.passes(seconds=60)
    await story.receives("M6 open")
    await state(story, 2, "delivered")


async def test_one_desk_needs_no_acceptance(crew):
    story = crew.story
    await begins(crew, settings="people:\n  duty: { email: duty@example.police.uk }\n")
    await story.receives("M6 closed")
    await state(story, 1, "delivered")
    status, refused = await accepts(crew, ADMIN, (await listed(crew))["version"])
    assert (status, "no recipe has to be accepted" in refused["detail"]) == (409, True)


async def test_an_earlier_version_can_be_accepted_while_something_waits_for_it(crew):
    story = crew.story
    await begins(crew)
    await story.receives("M6 closed")
    await state(story, 1, "held")
    before = (await listed(crew))["version"]
    crew.write(TWO_ADMINS, {"news": MAIL + "# changed\n"})
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    assert (await accepts(crew, ADMIN, (await listed(crew))["version"]))[0] == 200
    await story.clock.passes(seconds=5)
    await state(story, 1, "held")
    _, rows = await crew.asks(ADMIN, "GET", "/api/v1/recipes")
    (earlier,) = [row for row in rows if row["state"] == "earlier"]
    assert (earlier["version"], earlier["waiting"]) == (before, 1)
    assert (await accepts(crew, ADMIN, before))[0] == 200
    await state(story, 1, "delivered")


QUIET = "holds: { quiet_hours: { between: ['11:00', '12:30'] } }\n"
"""A story begins at 11:06:40 in the time zone of its settings."""


async def test_only_an_accepted_version_is_exempt_from_quiet_hours(crew):
    story = crew.story
    asking = MAIL.replace("approval: none\n", "threat_to_life: true\n")
    await begins(crew, {"news": asking}, settings=TWO_ADMINS + QUIET)
    await story.receives("M6 closed")
    await state(story, 1, "held")
    _, (question,) = await story.asks("GET", "/questions")
    approve = f"/api/v1/questions/{question['number']}/approve?hash={question['hash']}"
    status, answer = await crew.asks(UIDS[Role.APPROVER], "POST", approve)
    assert status == 200, answer
    await story.clock.passes(seconds=60)
    (waiting,) = await state(story, 1, "ready")
    assert waiting["reason"] == "quiet hours until 12:30 GMT"
    row = await listed(crew)
    assert (row["to_accept"], row["accepted_by"]) == ("threat_to_life: true", None)
    assert (await accepts(crew, ADMIN, row["version"]))[0] == 200
    await state(story, 1, "delivered")
    assert mailed(story) == ["M6 closed"]


async def test_an_accepted_threat_stays_exempt_although_the_recipe_is_changed_meanwhile(crew):
    story = crew.story
    await begins(crew, {"news": f"{MAIL}threat_to_life: true\n"}, settings=TWO_ADMINS + QUIET)
    first = await listed(crew)
    assert first["to_accept"] == "approval: none, threat_to_life: true"
    await story.receives("M6 closed")
    await state(story, 1, "held")
    crew.write(TWO_ADMINS + QUIET, {"news": f"{MAIL}threat_to_life: true\n# changed\n"})
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    assert (await accepts(crew, ADMIN, first["version"]))[0] == 200
    await state(story, 1, "delivered")
