import base64
import hashlib
import re

import feedparser
import pytest

FEED = "/website/appeals.rss"


async def entries(call):
    read = feedparser.parse((await call("GET", FEED)).text_read)
    assert not read.bozo
    return read.entries


async def test_the_feed_lists_the_held_appeals_newest_first(call):
    listed = await entries(call)
    assert len(listed) >= 3
    assert [row.published_parsed for row in listed] == sorted(
        (row.published_parsed for row in listed), reverse=True
    )
    first = listed[0]
    assert first.id.startswith("PRF-2026-")
    assert first.link == f"{call.sandbox.url}/website/appeals/{first.id}"
    assert {tag.scheme for tag in first.tags} == {"kind", "status", "place"}
    assert "<p>" in first.summary


async def test_an_items_link_leads_to_its_page(call):
    first = (await entries(call))[0]
    reply = await call("GET", f"/website/appeals/{first.id}")
    assert (reply.status, first.title in reply.text_read) == (200, True)
    assert (await call("GET", "/website/appeals/none")).status == 404


async def test_an_added_appeal_is_first_and_a_changed_one_keeps_its_place_in_time(call, clock):
    appeal = {
        "reference": "A-1",
        "title": "Missing: Ada",
        "kind": "missing",
        "text": "In a red coat",
    }
    assert (await call("POST", "/website/appeals", json=appeal)).status == 201
    added = (await entries(call))[0]
    clock.passes(60)
    changed = {**appeal, "status": "closed", "closed_reason": "found safe"}
    assert (await call("POST", "/website/appeals", json=changed)).status == 200
    closed = (await entries(call))[0]
    assert (added.id, closed.id) == ("A-1", "A-1")
    assert closed.published == added.published
    assert "found safe" in closed.summary
    assert "closed" in {tag.term for tag in closed.tags}


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
async def test_an_unchanged_feed_is_304(call, clock, validator):
    requested = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[validator]
    known = {requested: (await call("GET", FEED)).headers[validator]}
    assert (await call("GET", FEED, headers=known)).status == 304
    clock.passes(60)
    await call("POST", "/website/appeals", json={"reference": "A-1", "title": "New"})
    assert (await call("GET", FEED, headers=known)).status == 200


async def test_hostile_text_stays_text(call):
    hostile = "<script>alert(1)</script>]]>\x00\x0b\ufffe & so on"
    appeal = {"reference": "A-1", "title": hostile, "text": hostile}
    await call("POST", "/website/appeals", json=appeal)
    first = (await entries(call))[0]
    assert "<script>" not in (await call("GET", "/website/appeals/A-1")).text_read
    assert "<script>" not in first.summary
    assert "so on" in first.summary


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"title": "no reference"}'])
async def test_a_bad_appeal_is_422(call, body):
    reply = await call("POST", "/website/appeals", data=body)
    assert (reply.status, bool((await reply.json())["detail"])) == (422, True)


async def test_the_news_have_a_section_and_a_feed_of_their_own(call):
    item = {"reference": "news-1", "kind": "news", "title": "Award for officers"}
    assert (await call("POST", "/website/news", json=item)).status == 201
    assert "Award for officers" in (await call("GET", "/website/news.rss")).text_read
    assert "Award for officers" not in (await call("GET", FEED)).text_read


async def test_a_page_of_the_site_may_show_its_own_style_and_run_nothing(call):
    await call("POST", "/website/appeals", json={"reference": "A-1", "title": "New"})
    reply = await call("GET", "/website/appeals/A-1")
    policy = reply.headers["Content-Security-Policy"]
    assert re.search(r"style-src 'sha256-[^']+'; script-src 'none';", policy)
    (style,) = re.findall(r"<style>(.*?)</style>", reply.text_read, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
