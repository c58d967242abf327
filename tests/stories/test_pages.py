"""The pages: what waits, what went out, one post, and the stop, for each role and for those who attack them."""

import io
import re

import pytest
from PIL import Image as Drawing

from appealbridge.model.delivery import Hold
from appealbridge.model.people import Role
from appealbridge.web.access import ROUTES
from appealbridge.web.pages.wording import hold_text
from tests.stories import staging
from tests.stories.crew import HELD, Crew, as_root, open_folder, people
from tests.stories.test_images import TOOTED, arrives, picture, puts
from tests.stories.test_log_in import browser, enrols, public

pytestmark = as_root
MAIL = """
alias: Incident, mail
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - { action: email, channel: press_office, to: Ann <ann@radio.example>, subject: "{{ event.data.text }}",
      html: "<h2>News</h2><p>{{ event.data.text }}</p>" }
"""
HOSTILE = (
    "</div><script>alert(1)</script><img src=x onerror=alert(1)> \"'>{{ 7 * 7 }} "
    'javascript:alert(1) http://evil.example/"onmouseover=alert(1) '
)


@pytest.fixture
async def crew(story):
    with open_folder() as folder:
        yield Crew(story, folder)


async def logged_in(crew, who):
    """Return the browser of somebody who has logged in."""
    tab, _ = await enrols(crew, who)
    return tab


async def held(crew, *texts, recipes=None):
    """Begin with posts that are held for approval; return their numbers."""
    await crew.begins(recipes or {"tweet": HELD}, settings=public())
    for text in texts:
        await crew.story.receives(text)
    count = len(texts) * len(recipes or "1")
    return [each["number"] for each in await crew.story.state(count, "held")]


async def test_what_waits_is_listed_and_each_post_shown_as_its_platform_shows_it(crew):
    (number,) = await held(crew, "M6 closed at J4 https://example.police.uk/m6")
    tab = await logged_in(crew, "viewer")
    assert await tab.get("/held") == 200
    assert "M6 closed at J4" in tab.page
    assert f'href="/deliveries/{number}"' in tab.page
    assert await tab.get(f"/deliveries/{number}") == 200
    assert 'class="look x post"' in tab.page
    assert ">https://example.police.uk/m6</a>" in tab.page
    assert "39 of 280" in tab.page  # a link counts 23
    assert "It waits for approval" in tab.page


async def test_a_viewer_sees_no_recipient_on_any_page(crew):
    (number,) = await held(crew, "Write to ben@radio.example", recipes={"mail": MAIL})
    tab = await logged_in(crew, "viewer")
    for path in (
        "/waiting",
        "/held",
        "/deliveries",
        f"/deliveries/{number}",
        "/stop",
        "/questions/1",
    ):
        assert await tab.get(path) == 200
        assert "radio.example" not in tab.page, path
    operator = await logged_in(crew, "operator")
    await operator.get(f"/deliveries/{number}")
    assert "Ann &lt;ann@radio.example&gt;" in operator.page


async def test_text_from_outside_can_do_nothing_on_any_page(crew):
    recipes = {
        "all": staging.EVERYWHERE.replace("approval: none\n", "").replace(
            "It is on X at {{ results.x.url }}", "{{ event.data.text }}"
        ),
        "mail": MAIL,
    }
    await crew.begins(recipes, settings=public())
    await crew.story.receives(HOSTILE, subject=HOSTILE)
    waiting = await crew.story.until(lambda: crew.story.deliveries(state="held"))
    tab = await logged_in(crew, "operator")
    pages = [
        "/waiting",
        "/held",
        "/deliveries",
        "/questions/1",
        "/questions/2",
        *(f"/deliveries/{each['number']}" for each in waiting),
    ]
    for path in pages:
        assert await tab.get(path) == 200
        assert not re.search(r"<script|<img|<[^>]+\son\w+\s*=|href=\"javascript", tab.page), path
        assert "{{ 7 * 7 }}" in tab.page


async def test_an_operator_does_not_stand_in_for_an_approver(crew):
    (number,) = await held(crew, "M6 closed")
    tab = await logged_in(crew, "operator")
    await tab.get(f"/deliveries/{number}")
    assert await tab.post(f"/deliveries/{number}/release", hold="approval") == 409
    await crew.story.state(1, "held")


async def approves(crew, tab, number, **fields):
    """Approve the first waiting post of a question that is shown; return the status."""
    await tab.get("/questions/1")
    hash_ = re.search(
        rf'/deliveries/{number}/answer">.*?name="hash" value="(\w+)"', tab.page, re.DOTALL
    )[1]
    return await tab.post(f"/deliveries/{number}/answer", answer="approve", hash=hash_, **fields)


async def test_an_approved_post_goes_out_is_withdrawn_and_the_trace_says_by_whom(crew):
    (number,) = await held(crew, "M6 closed")
    tab, operator = await logged_in(crew, "approver"), await logged_in(crew, "operator")
    assert await approves(crew, tab, number) == 303
    assert tab.goes_to == "/questions/1"
    await crew.story.state(1, "delivered", passing=5)
    await operator.get(f"/deliveries/{number}")
    assert "<strong>Published</strong>" in operator.page
    assert "by approver (log-in)" in operator.page
    assert await operator.post(f"/deliveries/{number}/withdraw", reason=" ") == 422
    await operator.get(f"/deliveries/{number}")
    listed = operator.page.partition("This takes back:")[2].partition("</ul>")[0]
    assert f'<a href="/deliveries/{number}">{number}</a> on force_x: <bdi>M6 closed</bdi>' in listed
    assert await operator.post(f"/deliveries/{number}/withdraw", reason="found safe") == 303
    await crew.story.until(lambda: crew.story.logged("withdrawn"), passing=1)
    await tab.get("/deliveries?show=withdrawn")
    assert f'href="/deliveries/{number}"' in tab.page
    await tab.get(f"/deliveries/{number}")
    assert "found safe" in tab.page


async def test_what_a_person_edits_is_asked_again_with_the_difference_and_they_cannot_approve_it(
    crew,
):
    (number,) = await held(crew, "M6 closed at J4")
    author, approver = await logged_in(crew, "author"), await logged_in(crew, "approver")
    await approver.get("/questions/1")
    old = re.search(r'name="hash" value="(\w+)"', approver.page)[1]
    assert await author.get(f"/deliveries/{number}/edit") == 200
    text = "M6 closed at J5\r\n<b>now</b>"
    assert await author.post(f"/deliveries/{number}/edit", option_text=text) == 303
    status = await approver.post(f"/deliveries/{number}/answer", answer="approve", hash=old)
    assert status == 409
    assert "It has changed since you looked" in approver.page
    assert "<del>J4</del> <ins>J5" in approver.page  # not J4J5, as one word
    await approver.get("/questions/1")
    assert "revision 2" in approver.page
    assert "author edited it" in approver.page
    assert "&lt;b&gt;now&lt;/b&gt;" in approver.page
    assert await approves(crew, approver, number) == 303
    await crew.story.state(1, "delivered", passing=5)
    assert crew.story.posts("x") == ["M6 closed at J5\n<b>now</b>"]


async def test_why_changes_were_asked_for_stays_and_no_reason_turns_the_direction_of_reading(crew):
    """Whatever the trail shows of a reason is what somebody wrote, in the order in which they wrote it."""
    (number,) = await held(crew, "M6 closed at J4")
    author, approver = await logged_in(crew, "author"), await logged_in(crew, "approver")
    await approver.get("/questions/1")
    status = await approver.post(
        f"/deliveries/{number}/answer", answer="changes", reason="leave \u202e4J out"
    )
    assert status == 303
    shown = 'leave <span class="unseen-character">[U+202E]</span>4J out'
    for path in ("/questions/1", f"/deliveries/{number}", "/deliveries"):
        await author.get(path)
        assert shown in author.page, path
        assert "\u202e" not in author.page, path
    await author.get(f"/deliveries/{number}/edit")
    assert await author.post(f"/deliveries/{number}/edit", option_text="M6 closed") == 303
    await approver.get("/questions/1")
    assert f"asked for changes to revision 1: <bdi>{shown}</bdi>" in approver.page
    assert await approves(crew, approver, number) == 303
    await author.get("/deliveries")
    assert "Waits to be sent, and goes out on <time" in author.page
    await author.get(f"/deliveries/{number}")
    assert "<strong>changes asked for</strong> by approver" in author.page


async def test_two_people_who_edit_at_once_lose_no_word(crew):
    (number,) = await held(crew, "M6 closed at J4")
    author, approver = await logged_in(crew, "author"), await logged_in(crew, "approver")
    for tab in (author, approver):
        await tab.get(f"/deliveries/{number}/edit")
    assert await author.post(f"/deliveries/{number}/edit", option_text="M6 closed at J5") == 303
    status = await approver.post(f"/deliveries/{number}/edit", option_text="M6 closed, slowly")
    assert status == 409
    assert "M6 closed, slowly</textarea>" in approver.page
    assert "<ins>J5</ins>" in approver.page
    await approver.get(f"/deliveries/{number}/edit")
    assert await approver.post(f"/deliveries/{number}/edit", option_text="x" * 400) == 422
    assert "x" * 400 in approver.page  # what is too long is not lost either


async def test_an_approver_rejects_asks_for_changes_and_chooses_a_time_that_is_to_come(crew):
    numbers = await held(crew, "A", "B", "C")
    tab = await logged_in(crew, "approver")

    async def answers(number, **fields):
        await tab.get(f"/questions/{number}")
        hash_ = re.search(r'name="hash" value="(\w+)"', tab.page)[1]
        return await tab.post(f"/deliveries/{numbers[number - 1]}/answer", hash=hash_, **fields)

    assert await answers(1, answer="reject", reason="") == 422
    assert await answers(1, answer="reject", reason="wrong road") == 303
    await tab.get(f"/deliveries/{numbers[0]}")
    assert "Cancelled" in tab.page
    assert "wrong road" in tab.page
    assert await answers(2, answer="changes", reason="which junction?") == 303
    await tab.get(f"/deliveries/{numbers[1]}")
    assert "which junction?" in tab.page
    assert await answers(2, answer="perhaps") == 422
    assert await answers(3, answer="approve", at="2020-01-01T10:00") == 422
    assert await answers(3, answer="approve", at="2026-11-18T20:30") == 303
    await tab.get("/questions/3")
    assert "18 November 2026, 20:30" in tab.page
    assert await tab.post(f"/deliveries/{numbers[2]}/take-back") == 303
    await tab.get("/questions/3")
    assert "taken back" in tab.page


async def test_every_post_of_a_thread_is_shown_before_its_first_post_is_approved(crew):
    thread = HELD.replace(
        'text: "{{ event.data.text }}"',
        'text: "{{ event.data.text }}", thread: ["Use the A38", "Expect <b>delays</b>"]',
    )
    await crew.begins({"tweet": thread}, settings=public())
    await crew.story.receives("M6 closed")
    (post,) = await crew.story.until(lambda: crew.story.deliveries(state="held"))
    number = post["number"]
    tab = await logged_in(crew, "approver")
    await tab.get("/questions/1")
    shown = [
        tab.page.index(text) for text in ("M6 closed", "Use the A38", "Expect &lt;b&gt;delays")
    ]
    assert shown == sorted(shown)
    assert tab.page.count('class="look x post"') == 3
    assert f"Approve post {number} and what follows it" in tab.page
    assert tab.page.count("Use the A38") == 1
    assert tab.page.count(f'action="/deliveries/{number}/answer"') == 4
    assert f'action="/deliveries/{number + 1}/answer"' not in tab.page
    assert await approves(crew, tab, number) == 303
    await crew.story.until(lambda: len(crew.story.posts("x")) == 3, passing=5)


async def test_a_later_post_of_a_thread_is_edited_on_its_page_and_the_whole_is_asked_again(crew):
    thread = HELD.replace(
        'text: "{{ event.data.text }}"', 'text: "{{ event.data.text }}", thread: ["Use the A38"]'
    )
    await crew.begins({"tweet": thread}, settings=public())
    await crew.story.receives("M6 closed")
    await crew.story.until(lambda: crew.story.deliveries(state="held"))
    author, approver = await logged_in(crew, "author"), await logged_in(crew, "approver")
    await approver.get("/questions/1")
    old = re.search(r'name="hash" value="(\w+)"', approver.page)[1]
    assert await author.get("/deliveries/2/edit") == 200
    assert "Use the A38</textarea>" in author.page
    assert await author.post("/deliveries/2/edit", option_text="Use the A4540") == 303
    assert author.goes_to == "/questions/1"
    assert await approver.post("/deliveries/1/answer", answer="approve", hash=old) == 409
    assert "A4540" in approver.page
    await approver.get("/questions/1")
    assert approver.page.count('class="look x post"') == 2
    assert approver.page.count('<h2 id="post-') == 1  # it is shown once, below its first post
    assert await approves(crew, approver, 1) == 303
    await crew.story.until(lambda: len(crew.story.posts("x")) == 2, passing=5)
    assert "Use the A4540" in crew.story.posts("x")


async def test_a_question_shows_every_hold_in_the_order_in_which_they_are_cleared(crew):
    (number,) = await held(crew, "M6 closed")
    tab = await logged_in(crew, "approver")
    await tab.get("/stop")
    await tab.post("/stop", reason="wrong picture")
    await tab.get("/questions/1")
    holds = re.findall(r"<li>([^<]+)</li>", re.search(r'<ul class="holds">.*?</ul>', tab.page)[0])
    assert [hold_text(hold) for hold in (Hold.STOP, Hold.APPROVAL)] == holds
    assert await approves(crew, tab, number) == 303
    await crew.story.clock.passes(minutes=5)
    assert crew.story.posts("x") == []
    await tab.get("/questions/1")
    assert hold_text(Hold.STOP) in tab.page


async def test_the_posts_of_one_run_are_answered_together_or_one_by_one(crew):
    recipe = staging.EVERYWHERE.replace("approval: none\n", "")
    await crew.begins({"all": recipe}, settings=public())
    await crew.story.receives("M6 closed")
    await crew.story.until(lambda: crew.story.deliveries(state="held"))
    tab = await logged_in(crew, "approver")
    await tab.get("/waiting")
    assert len(re.findall(r'href="/questions/\d+"', tab.page)) == 1
    await tab.get("/questions/1")
    together = re.search(r'/questions/1/answer">.*?name="hash" value="(\w+)"', tab.page, re.DOTALL)[
        1
    ]
    assert await tab.post("/questions/1/answer", answer="approve", hash="0" * 64) == 409
    await tab.get("/questions/1")
    assert await tab.post("/questions/1/answer", answer="approve", hash=together) == 303
    await crew.story.until(lambda: crew.story.posts("mastodon"), passing=5)


async def test_a_page_offers_what_a_role_may_do_and_nothing_else(crew):
    (number,) = await held(crew, "M6 closed")
    for role in Role:
        tab = await logged_in(crew, role.value)
        await tab.get(f"/deliveries/{number}")
        offered = set(re.findall(rf'action="(/deliveries/{number}/\w+)"', tab.page))
        expected = {f"/deliveries/{number}/{act}" for act in ("cancel",)}
        assert offered == (expected if role is Role.OPERATOR else set()), role


async def test_each_role_may_send_the_forms_that_the_table_says(crew):
    await crew.begins(settings=public())
    forms = [key for key in ROUTES if re.match(r"POST /(deliveries|stop|start|questions)", key)]
    assert len(forms) >= 7
    tabs = {role: await logged_in(crew, role.value) for role in Role}
    for role, tab in tabs.items():
        for key in forms:
            path = re.sub(r"\{\w+\}", "77", key.removeprefix("POST "))
            await tab.get("/stop")
            status = await tab.post(path)
            assert (status == 403) == (role not in ROUTES[key].roles), (key, role, tab.page)


async def test_no_form_is_taken_from_another_site_or_without_its_token_or_a_log_in(crew):
    (number,) = await held(crew, "M6 closed")
    tab = await logged_in(crew, "operator")
    for path in (f"/deliveries/{number}/release", f"/deliveries/{number}/cancel", "/stop"):
        await tab.get(f"/deliveries/{number}")
        for wrong in ({"origin": "https://evil.example"}, {"origin": ""}, {"token": "0" * 64}):
            assert await tab.post(path, reason="evil", **wrong) == 403, (path, wrong)
        assert await browser(crew).post(path, reason="evil", token="") == 303  # to the log-in
        assert await tab.get(path) in (200, 404, 405)  # nothing is changed by opening an address
    await crew.story.state(1, "held")
    assert crew.story.bridge.engine.stops.in_force is None


async def test_anybody_stops_everything_and_only_an_operator_lifts_it_after_seeing_what_goes(crew):
    await crew.begins({"tweet": staging.TWEET}, settings=public())
    viewer, operator = await logged_in(crew, "viewer"), await logged_in(crew, "operator")
    await viewer.get("/stop")
    assert await viewer.post("/stop", reason="") == 422
    await viewer.get("/stop")
    assert await viewer.post("/stop", reason="wrong picture") == 303
    await crew.story.receives("M6 closed")
    await crew.story.state(1, "ready")
    for path in ("/", "/stop", "/deliveries"):
        await viewer.get(path)
        assert "Everything is stopped." in viewer.page
    assert "Lift the stop" not in viewer.page
    await operator.get("/stop")
    assert "by <strong>viewer</strong> (log-in)" in operator.page
    assert "wrong picture" in operator.page
    assert "M6 closed" in operator.page
    page = operator.page
    await crew.story.receives("M5 closed")
    await crew.story.state(2, "ready")
    assert await operator.post("/start") == 409  # something else would go out
    assert page != operator.page
    await operator.get("/stop")
    assert await operator.post("/start") == 303
    await crew.story.state(2, "delivered", passing=1)


async def test_lists_are_shown_a_page_at_a_time_and_none_is_left_out(crew):
    numbers = await held(crew, *(f"Road {place} closed" for place in range(45)))
    tab = await logged_in(crew, "viewer")
    for first in ("/held", "/deliveries", "/deliveries?show=waiting"):
        path, match = first, []
        while path:
            assert await tab.get(path) == 200
            match += map(int, re.findall(r'<a href="/deliveries/(\d+)"', tab.page))
            older = re.search(r'href="([^"]+)" rel="next"', tab.page)
            path = older[1].replace("&amp;", "&") if older else ""
            assert len(tab.page) < 40_000
        assert match == numbers[::-1]


@pytest.mark.parametrize(
    "path",
    ["/deliveries/x", "/deliveries/1.5", "/deliveries/99", "/deliveries/9999999999999999999"],
)
async def test_what_is_not_there_is_said(crew, path):
    await crew.begins(settings=public())
    tab = await logged_in(crew, "viewer")
    assert await tab.get(path) == 404
    assert "That did not work" in tab.page


def test_the_people_of_these_stories_have_all_roles():
    assert all(f"roles: [{role}]" in people() for role in Role)


async def test_pictures_are_shown_with_their_alt_texts_to_people_who_are_logged_in(crew):
    await crew.begins({"toot": TOOTED.replace("approval: none\n", "")}, settings=public())
    url = await puts(crew.story, "a.png", picture(size=(3000, 2000)))
    await arrives(crew.story, "Missing: Aisha", {"url": url, "alt": '"><script>A girl'})
    (post,) = await crew.story.state(1, "held")
    tab = await logged_in(crew, "viewer")
    path = f"/deliveries/{post['number']}/images/1"
    await tab.get(f"/deliveries/{post['number']}")
    assert f'src="{path}?size=small" alt="&#34;&gt;&lt;script&gt;A girl"' in tab.page
    assert url not in tab.page  # nothing is loaded from elsewhere
    for address in (path, f"{path}?size=small"):
        assert (await browser(crew).get(address)) == 303
    headers = {
        "Host": "bridge.example.police.uk",
        "Cookie": f"__Host-appealbridge={next(iter(tab.cookies.values()))}",
    }
    sizes = []
    for address in (path, f"{path}?size=small"):
        async with crew.story.session.get(
            crew.story.bridge.url + address, headers=headers
        ) as answer:
            assert answer.status == 200
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            sizes.append(Drawing.open(io.BytesIO(await answer.read())).width)
    assert sizes[1] < sizes[0]
    assert await tab.get(f"/deliveries/{post['number']}/images/2") == 404


ASKED_TO_WITHDRAW = """
alias: Incident, and its end
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - { action: withdraw, reason: "{{ event.data.text }}", approval: true, channels: [force_x] }
      - stop: closed
  - { action: tweet, channel: force_x, text: "{{ event.data.text }}" }
approval: none
"""


async def test_whoever_is_asked_about_a_withdrawal_reads_what_it_takes_back_and_why(crew):
    await crew.begins({"closing": ASKED_TO_WITHDRAW}, settings=public())
    await crew.story.receives("Missing: Aisha", subject="APP-1")
    await crew.story.state(1, "delivered")
    await crew.story.receives("she is <b>found</b>", type="incident.closed", subject="APP-1")
    await crew.story.state(2, "delivered", "held")
    tab = await logged_in(crew, "approver")
    assert await tab.get("/questions/1") == 200
    assert "Withdrawal 2</h2>" in tab.page
    assert "It takes back <bdi>everything about APP-1 on force_x</bdi>." in tab.page
    assert "Reason: <bdi>she is &lt;b&gt;found&lt;/b&gt;</bdi>" in tab.page
    assert "Approve withdrawal 2" in tab.page
    assert "Edit post" not in tab.page
