import pytest

from appealbridge.practice.faults import FaultName
from appealbridge.practice.posts import PLATFORMS


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("fault", list(FaultName))
async def test_every_fault_can_be_asked_for_on_every_platform(call, platform, fault):
    requested = {"platform": platform, "fault": fault, "count": 3, "seconds": 10}
    reply = await call("POST", "/faults", json=requested)
    assert (reply.status, (await reply.json())["fault"]) == (201, fault)
    assert await call.json("GET", "/faults") == [await reply.json()]


UNKNOWN = {
    "platform": {"platform": "bebo", "fault": "refuse"},
    "fault": {"platform": "x", "fault": "meteor"},
    "option": {"platform": "x", "fault": "refuse", "times": 2},
    "count": {"platform": "x", "fault": "refuse", "count": 0},
    "seconds": {"platform": "x", "fault": "refuse", "seconds": -1},
    "missing": {"platform": "x"},
    "no object": [],
}


@pytest.mark.parametrize("requested", UNKNOWN.values(), ids=UNKNOWN.keys())
async def test_what_is_unknown_is_422_with_the_list_of_what_is_known(call, requested):
    reply = await call("POST", "/faults", json=requested)
    body = await reply.json()
    assert reply.status == 422
    assert body["platforms"] == list(PLATFORMS)
    assert "delete_lies" in body["faults"]
    assert body["detail"]
    assert await call.json("GET", "/faults") == []


async def test_faults_that_are_not_json_are_422(call):
    assert (await call("POST", "/faults", data=b"{")).status == 422


async def test_faults_are_switched_off_at_once(call):
    await call.fault("x", "refuse", seconds=600)
    assert (await call("DELETE", "/faults")).status == 204
    assert (await call.tweet("a")).status == 201


async def test_posts_are_listed_in_the_order_they_came_and_forgotten_when_told(call):
    await call.tweet("one")
    await call.toot("two")
    await call.page_post("three")
    assert [post["text"] for post in await call.posts()] == ["one", "two", "three"]
    assert (await call("DELETE", "/posts")).status == 204
    assert await call.posts() == []


async def test_an_unchanged_list_is_304(call):
    await call.tweet("one")
    tag = (await call("GET", "/posts")).headers["ETag"]
    assert (await call("GET", "/posts", headers={"If-None-Match": tag})).status == 304
    await call.tweet("two")
    assert (await call("GET", "/posts", headers={"If-None-Match": tag})).status == 200
