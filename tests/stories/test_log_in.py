"""People log in with a one-time code, a password and a second factor; and those who attack it do not."""

import asyncio
import re
import resource

import pytest

from appealbridge.engine.people.log_ins import WRONG
from appealbridge.model.people import Role
from tests.stories.browser import Browser, Phone
from tests.stories.crew import UIDS, Crew, as_root, open_folder, people

pytestmark = as_root
PUBLIC = "https://bridge.example.police.uk"
PASSWORD = "correct horse battery"
OTHER = "quite another one"


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


def public(**more):
    return people(**more) + f"public_url: {PUBLIC}\n"


def browser(crew, address="203.0.113.7"):
    return Browser(crew.story.bridge.url, PUBLIC, address)


async def enrols(crew, who="approver", code="", tab=None):
    """Let somebody choose a password with a one-time code; return the browser, logged in, and the phone."""
    tab, phone = tab or browser(crew), Phone()
    code = code or await crew.invites(who)
    assert await tab.get("/code") == 200
    assert await tab.post("/code", name=who, code=code.lower()) == 200, tab.page
    phone.scans(tab.page)
    digits = phone.shows(crew.story.clock.now())
    status = await tab.post("/code", name=who, password=PASSWORD, again=PASSWORD, digits=digits)
    assert (status, tab.goes_to) == (303, "/"), tab.page
    return tab, phone


async def logs_in(crew, phone, who="approver", password=PASSWORD, tab=None, **more):
    """Fill the log-in form in; return the browser and the status."""
    tab = tab or browser(crew)
    await tab.get("/log-in")
    await crew.story.clock.passes(seconds=30)  # the last code was used
    digits = phone.shows(crew.story.clock.now())
    return tab, await tab.post("/log-in", name=who, password=password, digits=digits, **more)


async def test_a_person_with_a_one_time_code_chooses_a_password_and_logs_in(crew):
    await crew.begins(settings=public())
    tab, phone = await enrols(crew)
    assert await tab.get("/") == 200
    assert "You are approver: approver." in tab.page
    assert await tab.post("/log-out") == 303
    assert tab.cookies == {}
    assert (await tab.get("/"), tab.goes_to) == (303, "/log-in?next=/")
    tab, status = await logs_in(crew, phone, "Approver@example.police.uk")
    assert (status, await tab.get("/")) == (303, 200)
    logged = [line["person"] for line in crew.story.logged("logged_in")]
    assert logged == ["approver", "approver"]
    assert PASSWORD not in crew.story.lines.getvalue().decode()


async def test_the_first_admin_gets_a_code_that_the_daemon_prints_until_it_is_used(crew):
    await crew.begins(settings=public())
    await crew.story.restarts()
    await (
        crew.story.bridge.reload()
    )  # a saved recipe does not make the code on somebody's note worthless
    first, second = crew.story.logged("first_code")
    assert first["person"] == second["person"] == "admin"
    tab = browser(crew)
    await tab.get("/code")
    assert await tab.post("/code", name="admin", code=first["code"]) == 403
    await enrols(crew, "admin", second["code"])
    await crew.story.restarts()
    assert len(crew.story.logged("first_code")) == 2


async def test_a_code_works_once_and_a_wrong_or_old_one_never(crew):
    await crew.begins(settings=public())
    code = await crew.invites("approver")
    tab = browser(crew)
    await tab.get("/code")
    assert await tab.post("/code", name="approver", code=code[:-1]) == 403
    assert await tab.post("/code", name="operator", code=code) == 403
    await enrols(crew, code=code)
    assert await tab.post("/code", name="approver", code=code) == 403
    late = await crew.invites("operator")
    await crew.story.clock.passes(hours=24, step=600)
    assert await tab.post("/code", name="operator", code=late) == 403


async def test_what_can_be_corrected_is_said_and_the_code_stays(crew):
    await crew.begins(settings=public())
    code = await crew.invites("approver")
    tab, phone = browser(crew), Phone()
    await tab.get("/code")
    await tab.post("/code", name="approver", code=code)
    phone.scans(tab.page)
    digits = phone.shows(crew.story.clock.now())
    for password, again, code_, text in (
        ("short", "short", digits, "fewer than 12 characters"),
        ("approver-approver", "approver-approver", digits, "too easy to guess"),
        (PASSWORD, OTHER, digits, "the two passwords are not the same"),
        (PASSWORD, PASSWORD, "000000", "not the six digits"),
    ):
        status = await tab.post(
            "/code", password=password, again=again, digits=code_, name="approver"
        )
        assert (status, text in tab.page) == (422, True), tab.page
        assert PASSWORD not in tab.page
    status = await tab.post(
        "/code", password=PASSWORD, again=PASSWORD, digits=digits, name="approver"
    )
    assert status == 303


async def test_a_step_of_the_second_factor_is_used_once(crew):
    await crew.begins(settings=public())
    _, phone = await enrols(crew)
    _, status = await logs_in(crew, phone)
    assert status == 303
    result = phone.shows(crew.story.clock.now())
    thief = browser(crew)
    await thief.get("/log-in")
    assert await thief.post("/log-in", name="approver", password=PASSWORD, digits=result) == 403


async def test_an_unknown_user_and_a_wrong_password_cost_and_say_the_same(crew):
    await crew.begins(settings=public())
    _, phone = await enrols(crew)
    passwords = crew.story.bridge.engine.people.log_ins.passwords
    text, cost = [], []
    for name, password, wrong in (
        ("approver", OTHER, False), ("nobody", OTHER, False), ("operator", OTHER, False), ("approver", PASSWORD, True),
    ):  # fmt: skip
        tab = browser(crew)
        await tab.get("/log-in")
        before = passwords.checked
        digits = "123456" if wrong else phone.shows(crew.story.clock.now())
        status = await tab.post("/log-in", name=name, password=password, digits=digits)
        text.append(
            (
                status,
                tab.page.replace(f'value="{name}"', "").replace(
                    re.search('form_token" value="([^"]+)', tab.page)[1], ""
                ),
            )
        )
        cost.append(passwords.checked - before)
        assert WRONG in tab.page
    assert len(set(text)) == 1
    assert cost == [1, 1, 1, 1]
    assert {line["person"] for line in crew.story.logged("not_logged_in")} == {
        "approver",
        "operator",
        "unknown",
    }


async def test_wrong_passwords_cost_time_and_lock_nobody_out(crew):
    await crew.begins(settings=public())
    _, phone = await enrols(crew)
    statuses = []
    for _ in range(5):
        tab = browser(crew, "198.51.100.9")
        await tab.get("/log-in")
        statuses.append(await tab.post("/log-in", name="approver", password=OTHER, digits="1"))
    assert statuses == [403, 403, 403, 403, 429]
    assert tab.headers["retry-after"] == "1"
    # From where the person has logged in before, at once; from elsewhere, a moment later.
    assert (await logs_in(crew, phone))[1] == 303
    for number in range(200):
        tab = browser(crew, f"198.51.100.{number}")
        await tab.get("/log-in")
        await tab.post("/log-in", name="approver", password=OTHER, digits="1")
    await crew.story.clock.passes(seconds=60)
    assert (await logs_in(crew, phone, tab=browser(crew, "192.0.2.1")))[1] == 303


@pytest.mark.usefixtures("large_passwords")
async def test_a_thousand_log_ins_at_once_take_little_memory_and_most_are_sent_away(crew):
    await crew.begins(settings=public())
    await enrols(crew)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def tries(number):
        tab = browser(crew, f"2001:db8:{number:x}::1")
        await tab.get("/log-in")
        return await tab.post("/log-in", name=f"user{number}", password=OTHER, digits="123456")

    statuses = await asyncio.gather(*map(tries, range(1000)))
    assert set(statuses) == {403, 503}
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 200, f"{grown:.0f} MB"
    assert (await enrols(crew, "operator"))[0]


async def test_the_session_is_a_new_one_after_every_log_in(crew):
    """Fixation: a cookie that an attacker planted is worth nothing."""
    await crew.begins(settings=public())
    tab, phone = await enrols(crew)
    planted = browser(crew)
    planted.cookies["__Host-appealbridge"] = tab.cookies["__Host-appealbridge"]
    await tab.get("/")
    assert await tab.post("/log-out") == 303
    victim = browser(crew)
    victim.cookies["__Host-appealbridge"] = "planted-by-somebody-else"
    victim, status = await logs_in(crew, phone, tab=victim)
    assert status == 303
    assert victim.cookies["__Host-appealbridge"] not in (
        "planted-by-somebody-else",
        planted.cookies["__Host-appealbridge"],
    )
    assert await planted.get("/") == 303
    old = dict(victim.cookies)
    again = browser(crew)
    again.cookies = old
    assert (await again.get("/"), await victim.get("/")) == (200, 200)
    assert await victim.post("/log-out") == 303
    assert (await again.get("/"), again.goes_to) == (303, "/log-in?next=/")


FORGED = {
    "another origin": ("https://evil.example", None),
    "no origin": ("", None),
    "an opaque origin": ("null", None),
    "no token": (None, ""),
    "a wrong token": (None, "0" * 64),
}


async def test_a_form_of_another_site_changes_nothing(crew):
    await crew.begins(settings=public())
    tab, phone = await enrols(crew)
    await tab.get("/")
    for what, (origin, token) in FORGED.items():
        status = await tab.post("/log-out", origin=origin, token=token)
        assert (status, await tab.get("/")) == (403, 200), what
        outside = browser(crew)
        await outside.get("/log-in")
        digits = phone.shows(crew.story.clock.now() + 30)
        fields = {"name": "approver", "password": PASSWORD, "digits": digits}
        assert await outside.post("/log-in", origin=origin, token=token, **fields) == 403, what
        assert "__Host-appealbridge" not in outside.cookies


async def test_the_token_of_one_log_in_is_none_of_another(crew):
    await crew.begins(settings=public())
    mine, _ = await enrols(crew)
    theirs, _ = await enrols(crew, "operator")
    await mine.get("/")
    token = re.search(r'name="form_token" value="(\w+)"', mine.page)[1]
    assert await theirs.post("/log-out", token=token) == 403


async def test_no_page_can_be_framed_or_run_a_script_and_the_cookie_is_for_us_alone(crew):
    await crew.begins(settings=public())
    tab, _ = await enrols(crew)
    (cookie,) = [line for line in tab.set_cookies if line.startswith("__Host-appealbridge=")]
    assert {part.strip().lower() for part in cookie.split(";")[1:]} == {
        "path=/", "httponly", "secure", "samesite=lax",
    }  # fmt: skip
    for path in ("/", "/log-in", "/code", "/style.css", "/nothing"):
        await tab.get(path)
        if path == "/nothing":
            continue
        policy = tab.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert tab.headers["x-frame-options"] == "DENY"
        assert tab.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in tab.page
        assert "style=" not in tab.page


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
    "/%0d%0aSet-Cookie:a=b", "/\r\nSet-Cookie: a=b", "/\t/evil.example", "", "evil", "/" + "a" * 600,
]  # fmt: skip


async def test_a_log_in_leads_to_no_other_site(crew):
    await crew.begins(settings=public())
    _, phone = await enrols(crew)
    for target in ELSEWHERE:
        tab, status = await logs_in(crew, phone, next=target)
        assert status == 303, target
        assert tab.goes_to in ("/", "/%0d%0aSet-Cookie:a=b"), target
        assert "a" not in tab.cookies, target


async def test_a_log_in_leads_on_to_the_page_that_was_asked_for(crew):
    await crew.begins(settings=public())
    _, phone = await enrols(crew)
    tab, status = await logs_in(crew, phone, next="/?page=2")
    assert (status, tab.goes_to) == (303, "/?page=2")


async def test_the_session_of_somebody_who_was_removed_or_reset_ends_at_once(crew):
    await crew.begins(settings=public(carl="roles: [viewer]"))
    carl, _ = await enrols(crew, "carl")
    tab, phone = await enrols(crew)
    crew.write(public())
    await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/reload")
    assert (await carl.get("/"), await tab.get("/")) == (303, 200)
    status, answer = await crew.asks(UIDS[Role.ADMIN], "POST", "/api/v1/people/approver/reset")
    assert status == 200
    assert await tab.get("/") == 303
    assert (await logs_in(crew, phone))[1] == 403
    await enrols(crew, code=answer["code"])
    mails = await crew.story.until(lambda: crew.story.posts("email"), passing=400)
    assert any(
        "approver, by admin: password and second factor were taken away" in mail for mail in mails
    )


async def test_a_session_ends_without_use_and_after_a_shift(crew):
    await crew.begins(settings=public())
    tab, phone = await enrols(crew)
    await crew.story.clock.passes(hours=3, minutes=59, step=600)
    assert await tab.get("/") == 200
    await crew.story.clock.passes(hours=4, step=600)
    assert await tab.get("/") == 303
    tab, _ = await logs_in(crew, phone)
    for _ in range(4):
        await crew.story.clock.passes(hours=2, minutes=55, step=600)
        assert await tab.get("/") == 200
    await crew.story.clock.passes(minutes=21)
    assert await tab.get("/") == 303


async def test_a_viewer_who_asks_for_what_is_not_theirs_is_told_who_may(crew):
    await crew.begins(settings=public())
    tab, _ = await enrols(crew, "viewer")
    assert await tab.get("/") == 200
    assert "viewer" in tab.page


async def test_under_another_name_there_are_no_pages(crew):
    """A name of an attacker that leads to this address (DNS rebinding) shows nothing."""
    await crew.begins(settings=public())
    for origin in (
        "https://evil.example",
        "http://127.0.0.1:8080",
        "https://bridge.example.police.uk.evil.example",
    ):
        tab = Browser(crew.story.bridge.url, origin)
        assert await tab.get("/log-in") == 421
        assert "the pages are at https://bridge.example.police.uk" in tab.page


async def test_without_a_public_address_people_log_in_on_this_machine_alone(crew):
    await crew.begins(settings=people())
    here = Browser(crew.story.bridge.url)
    await enrols(crew, tab=here)
    assert set(here.cookies) == {"appealbridge-this-machine"}
    (cookie,) = [line for line in here.set_cookies if "this-machine=" in line]
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie
    port = crew.story.bridge.url.rpartition(":")[2]
    for tab in (
        Browser(crew.story.bridge.url, f"http://evil.example:{port}"),
        Browser(crew.story.bridge.url, address="203.0.113.7"),
    ):
        assert await tab.get("/log-in") == 421
        assert "only from this machine" in tab.page


async def test_one_desk_sees_the_pages_on_this_machine_without_a_log_in(story):
    await story.begins({})
    here = Browser(story.bridge.url)
    assert await here.get("/") == 200
    assert "One desk" in here.page
    assert (await here.get("/log-in"), here.goes_to) == (303, "/")
    port = story.bridge.url.rpartition(":")[2]
    assert await Browser(story.bridge.url, f"http://evil.example:{port}").get("/") == 404
    assert await Browser(story.bridge.url, address="203.0.113.7").get("/") == 404


async def test_one_desk_with_a_control_socket_has_no_pages(crew):
    """Who may use the socket decides, and not every user of the machine."""
    await crew.begins(settings="people: {}\n")
    assert await Browser(crew.story.bridge.url).get("/") == 404


async def test_practice_and_live_are_never_mistaken(crew):
    await crew.begins(settings=public())
    tab = browser(crew)
    await tab.get("/log-in")
    assert '<body class="practice">' in tab.page
    assert "<title>Practice: Log in" in tab.page
    assert "Nothing here is public" in tab.page
