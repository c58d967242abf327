"""Who may do what on the control socket and over the network: each role, no role, and tokens."""

import json
import re

import pytest

from appealbridge.cli.main import FILES
from appealbridge.model.people import Role, TokenScope
from appealbridge.store.records import DeliveryFilter
from appealbridge.web.access import COMMANDS, ROUTES
from appealbridge.web.server import application, control_application
from tests.stories.crew import HELD, NOBODIES, UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
ADMIN, OPERATOR, VIEWER = UIDS[Role.ADMIN], UIDS[Role.OPERATOR], UIDS[Role.VIEWER]
API = {key: access for key, access in ROUTES.items() if " /api/" in key}


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


def example(key):
    """Return a method and an address for a line of the table; nothing of this name is in the store."""
    method, _, path = key.partition(" ")
    path = re.sub(r"\{path:.*\}", "deliveries", path)
    return method, re.sub(r"\{\w+(:[^}]+)?\}", "77", path)


def test_every_route_has_a_line_in_the_table_and_every_line_a_route(story_app):
    served = {
        f"{route.method} {route.resource.canonical if route.resource else ''}"
        for route in story_app
    }
    assert {
        re.sub(r"(\{\w+):\S*\}", r"\1}", key) for key in ROUTES if "/hooks/" not in key
    } == served


@pytest.fixture
async def story_app(crew):
    await crew.begins()
    story = crew.story
    apps = [
        application(story.bridge.engine, story.bridge.metrics, "t", story.bridge.reload),
        control_application(story.bridge.engine, story.bridge.reload),
    ]
    return [
        route
        for app in apps
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource.canonical != "/{anything}"
    ]


def test_every_command_has_a_line_in_the_table_and_uses_known_routes():
    assert set(COMMANDS) == {name for names in FILES.values() for name in names}
    assert {key for routes in COMMANDS.values() for key in routes} <= set(ROUTES)


async def test_each_role_may_do_what_the_table_says_and_nothing_else(crew):
    await crew.begins()
    wrong = []
    for key, access in API.items():
        method, path = example(key)
        for role, uid in UIDS.items():
            status, _ = await crew.asks(uid, method, path)
            if (status == 403) == (role in access.roles):
                wrong.append((key, role, status))
    assert wrong == []


@pytest.mark.parametrize("uid", NOBODIES.values(), ids=NOBODIES.keys())
async def test_nobody_in_particular_may_read_states_and_decide_nothing(crew, uid):
    await crew.begins()
    for key, access in API.items():
        method, path = example(key)
        status, answer = await crew.asks(uid, method, path)
        assert (status == 403) == (not access.nobody), (key, answer)
        assert method == "GET" or not access.nobody
    status, answer = await crew.asks(uid, "POST", "/api/v1/reload?by=admin")
    assert "is not under people: in appealbridge.yaml" in answer["detail"]


async def test_the_user_who_connects_is_the_person_whatever_the_request_says(crew, monkeypatch):
    monkeypatch.setenv("SUDO_UID", str(OPERATOR))
    await crew.begins()
    await crew.story.receives("M6 closed")
    (held,) = await crew.story.state(1, "held")
    path = f"/api/v1/deliveries/{held['number']}/cancel?by=operator"
    assert (await crew.asks(0, "POST", path))[0] == 403
    assert (await crew.asks(VIEWER, "POST", path))[0] == 403
    assert (await crew.asks(OPERATOR, "POST", path.replace("operator", "admin")))[0] == 200
    await crew.story.state(1, "cancelled")
    assert [line["by"] for line in crew.story.logged("cancelled")] == ["operator"]


async def test_the_daemons_own_token_names_nobody_once_there_are_people(crew):
    await crew.begins()
    await crew.story.receives("M6 closed")
    (held,) = await crew.story.state(1, "held")
    status, answer = await crew.story.asks(
        "POST", f"/deliveries/{held['number']}/release?by=operator"
    )
    assert (status, answer["detail"]) == (
        403,
        "the daemon's own token names nobody; use the control socket: this needs a person with the role operator",
    )


async def test_without_roles_one_desk_decides_everything(crew):
    await crew.begins(settings="people:\n  duty: { email: duty@example.police.uk }\n")
    await crew.story.receives("M6 closed")
    (held,) = await crew.story.state(1, "held")
    path = f"/api/v1/deliveries/{held['number']}/release?by=eve"
    assert (await crew.asks(51_999, "POST", path))[0] == 200
    status, answer = await crew.asks(0, "POST", "/api/v1/people/duty/invite")
    assert status == 409
    assert "nobody logs in" in answer["detail"]
    assert crew.story.logged("first_code") == []


MAIL = HELD.replace(
    'action: tweet, channel: force_x, text: "{{ event.data.text }}"',
    "action: email, channel: press_office, to: Ann <ann@example.org>, subject: News, text: Write to ann@example.org",
)


async def test_a_viewer_sees_no_recipient_and_everybody_else_does(crew):
    await crew.begins({"mail": MAIL})
    await crew.story.receives("M6 closed", mail="ben@example.org")
    await crew.story.state(1, "held")
    for path in ("deliveries", "events", "traces/msg_1"):
        for uid in (VIEWER, 0):
            _, answer = await crew.asks(uid, "GET", f"/api/v1/{path}")
            assert "@example" not in str(answer)
            assert "(recipient)" in str(answer)
        assert "@example.org" in str((await crew.asks(OPERATOR, "GET", f"/api/v1/{path}"))[1])


async def test_a_token_does_what_its_scope_says_until_it_ends_or_is_revoked(crew):
    await crew.begins({"mail": MAIL})
    await crew.story.receives("M6 closed")
    await crew.story.state(1, "held")

    async def with_token(secret, method, path):
        url = f"{crew.story.bridge.url}{path}"
        headers = {"Authorization": f"Bearer {secret}"}
        async with crew.story.session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.text()

    secrets = {}
    for scope in TokenScope:
        status, response = await crew.asks(
            ADMIN, "POST", f"/api/v1/tokens/for-{scope}?scopes={scope}&days=2"
        )
        assert status == 200
        secrets[scope] = response["token"]
        for key, access in API.items():
            method, path = example(key)
            status, _ = await with_token(response["token"], method, path)
            assert (status == 403) == (access.scope is not scope), key
    assert (
        "ann@example"
        not in (await with_token(secrets[TokenScope.READ], "GET", "/api/v1/deliveries"))[1]
    )
    assert (await with_token("abt_wrong", "GET", "/api/v1/mode"))[0] == 401
    await crew.asks(ADMIN, "POST", "/api/v1/tokens/for-stop/revoke")
    assert (await with_token(secrets[TokenScope.STOP], "GET", "/api/v1/mode"))[0] == 401
    await crew.story.clock.passes(hours=48, step=600)
    assert (await with_token(secrets[TokenScope.READ], "GET", "/api/v1/mode"))[0] == 401
    _, listed = await crew.asks(ADMIN, "GET", "/api/v1/tokens")
    states = {row["name"]: row["state"] for row in listed}
    assert states == {"for-read": "ended", "for-withdraw": "ended", "for-stop": "revoked"}
    assert not any(secret in str(listed) for secret in secrets.values())


def test_no_scope_of_a_token_approves_or_edits():
    assert {*TokenScope} == {"read", "withdraw", "stop"}


async def test_a_reload_that_changes_people_or_approvals_is_told_to_the_admins(crew):
    await crew.begins()
    crew.write(people(carl="roles: [viewer]"), {"tweet": HELD + "approval: none\n"})
    status, _ = await crew.asks(ADMIN, "POST", "/api/v1/reload")
    assert status == 200
    (mail,) = await crew.story.until(lambda: crew.story.posts("email"), passing=1)
    for phrase in ("carl: added (viewer)", "recipe tweet: approval left out -> none"):
        assert phrase in mail


async def test_an_admin_whom_a_reload_removes_is_told_at_the_address_of_before(crew):
    await crew.begins(settings=people(carl="roles: [admin], email: carl@example.police.uk"))
    crew.write(people(admin="roles: [viewer], uid: 51100"))
    assert (await crew.story.bridge.reload())["problems"] == []
    mails = await crew.story.until(lambda: crew.story.posts("email"), passing=1)
    stored = await crew.story.bridge.engine.store.deliveries(DeliveryFilter())
    values = {json.loads(each.content)["to"] for each in stored}
    assert {"carl@example.police.uk", "admin@example.police.uk"} <= values
    assert all("carl: removed" in mail for mail in mails)


async def trail(crew):
    """Return what the trail has about people and tokens: who, how they were known, the act, and about what."""
    return [
        (entry.actor, entry.how, entry.act, entry.object)
        for entry in await crew.story.bridge.engine.store.audit()
        if entry.act != "reload"
    ]


async def test_the_trail_has_what_is_decided_about_people_and_tokens(crew):
    await crew.begins()
    for path in ("people/viewer/invite", "people/viewer/reset", "tokens/cad?scopes=stop&days=2"):
        assert (await crew.asks(ADMIN, "POST", f"/api/v1/{path}"))[0] == 200
    assert (await crew.asks(ADMIN, "POST", "/api/v1/people/eve/invite"))[0] == 404
    assert (await crew.asks(OPERATOR, "POST", "/api/v1/people/viewer/reset"))[0] == 403
    assert (await crew.asks(ADMIN, "POST", "/api/v1/tokens/cad/revoke"))[0] == 200
    assert await trail(crew) == [
        ("", "daemon", "invite", "person admin"),
        ("admin", "control socket", "invite", "person viewer"),
        ("admin", "control socket", "reset", "person viewer"),
        ("admin", "control socket", "make_token", "token cad"),
        ("admin", "control socket", "revoke_token", "token cad"),
    ]


@pytest.mark.parametrize("cause", ["reload", "SIGHUP", "saved file"])
async def test_the_trail_has_what_a_reload_changes_about_people_whoever_caused_it(crew, cause):
    await crew.begins()
    crew.write(people(carl="roles: [viewer]"), {"tweet": HELD + "approval: none\n"})
    if cause == "reload":
        await crew.asks(ADMIN, "POST", "/api/v1/reload")
    else:
        await crew.story.bridge.reload(cause=cause)
    entry = (await crew.story.bridge.engine.store.audit())[1]
    assert (entry.act, entry.object) == ("change_people", "people")
    changes = ["carl: added (viewer)", "recipe tweet: approval left out -> none"]
    shown = json.loads(entry.shown)
    if cause == "reload":
        assert (entry.actor, entry.how) == ("admin", "control socket")
        assert shown == {"changes": changes, "more": 0}
    else:
        assert (entry.actor, entry.how) == ("", "daemon")
        assert shown == {"changes": changes, "more": 0, "cause": cause}


async def test_everybody_who_logs_in_may_stop_and_only_an_operator_lifts(crew):
    for where in ("/api/v1/stop", "/stop"):
        assert ROUTES[f"POST {where}"].roles == {*Role}
    for where in ("/api/v1/start", "/start"):
        assert ROUTES[f"POST {where}"].roles == {Role.OPERATOR}
    await crew.begins()
    for role, uid in UIDS.items():
        status, _ = await crew.asks(uid, "POST", "/api/v1/stop?reason=wrong")
        assert status == 200, role
        _, would = await crew.asks(uid, "GET", "/api/v1/stop")
        assert would["stop"], role
        status, _ = await crew.asks(uid, "POST", f"/api/v1/start?seen={would['seen']}")
        assert status == (200 if role is Role.OPERATOR else 403), role


async def test_the_id_of_somebody_who_was_removed_is_never_used_again(crew):
    await crew.begins(settings=people(carl="roles: [viewer], uid: 51100"))
    assert (await crew.asks(51_100, "GET", "/api/v1/mode"))[0] == 200
    crew.write(people())
    await crew.asks(ADMIN, "POST", "/api/v1/reload")
    crew.write(people(carl="roles: [admin], uid: 51100"))
    _, answer = await crew.asks(ADMIN, "POST", "/api/v1/reload")
    assert "people.carl: was removed earlier" in str(answer)
    assert (await crew.asks(51_100, "GET", "/api/v1/people"))[0] == 403
    await crew.story.restarts()
    assert (await crew.asks(51_100, "GET", "/api/v1/people"))[0] == 403
    assert "an id is never used again" in crew.story.logged("alarm")[-1]["reason"]
