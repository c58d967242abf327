"""The page that people see first: self-contained, and deaf to what hostile posts would have it do."""

import base64
import hashlib
import re

import pytest

from appealbridge.practice.posts import PLATFORMS

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


async def test_the_page_needs_nothing_from_outside(call):
    page = (await call("GET", "/")).text_read
    assert re.findall(r"<(?:link|img|iframe)\b", page) == []
    assert re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page) == []
    assert "@import" not in page


async def test_the_page_holds_no_post_and_makes_no_markup_of_any(call):
    await call.tweet(HOSTILE)
    page = (await call("GET", "/")).text_read
    assert HOSTILE not in page
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", page) == []
    )


async def test_only_the_pages_own_script_and_style_may_run(call):
    reply = await call("GET", "/")
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", reply.text_read, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


async def test_hostile_posts_travel_as_json(call):
    await call.tweet(HOSTILE)
    reply = await call("GET", "/wall.json")
    assert reply.content_type == "application/json"
    assert (await reply.json())["posts"][0]["text"] == HOSTILE


async def test_the_page_asks_for_the_newest_of_each_platform_only(call, sandbox):
    for number in range(70):
        sandbox.shelf.add("x", "force", f"n{number}")
    sandbox.shelf.add("mastodon", "force", "alone")
    wall = await call.json("GET", "/wall.json")
    texts = [post["text"] for post in wall["posts"] if post["platform"] == "x"]
    assert (len(texts), texts[0]) == (60, "n69")
    assert wall["totals"] == {**dict.fromkeys(PLATFORMS, 0), "x": 70, "mastodon": 1}


async def test_an_unchanged_wall_is_304_until_a_post_or_a_fault_comes(call):
    tag = (await call("GET", "/wall.json")).headers["ETag"]
    known = {"If-None-Match": tag}
    assert (await call("GET", "/wall.json", headers=known)).status == 304
    await call.fault("x", "refuse")
    changed = await call("GET", "/wall.json", headers=known)
    assert changed.status == 200
    await call.toot("new")
    known = {"If-None-Match": changed.headers["ETag"]}
    assert (await call("GET", "/wall.json", headers=known)).status == 200


HELD = {"number": 7, "channel": "force_x", "about": "M6", "why": "approval"}


async def test_what_the_daemon_holds_is_shown_until_it_has_said_nothing_for_a_while(call, sandbox):
    assert (await call.json("GET", "/wall.json"))["held"] is None
    tag = (await call("GET", "/wall.json")).headers["ETag"]
    reply = await call("PUT", "/held", json={"held": [HELD]})
    assert reply.status == 204
    changed = await call("GET", "/wall.json", headers={"If-None-Match": tag})
    assert changed.status == 200
    assert (await changed.json())["held"] == {"held": [HELD], "more": False}
    sandbox.clock.passes(seconds=16)
    assert (await call.json("GET", "/wall.json"))["held"] is None


@pytest.mark.parametrize(
    "report",
    [
        {"held": [HELD] * 21},
        {"held": [{**HELD, "about": "x" * 301}]},
        {"held": [{**HELD, "number": "seven"}]},
        {"held": 1},
        [],
    ],
)
async def test_a_report_beyond_its_bounds_is_refused_and_changes_nothing(call, report):
    reply = await call("PUT", "/held", json=report)
    assert reply.status == 422
    assert (await call.json("GET", "/wall.json"))["held"] is None
