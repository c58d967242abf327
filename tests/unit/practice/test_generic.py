"""The practice platform for channels of plug-ins: it keeps what it is sent, and answers as its address says."""

import base64

import orjson
import pytest

PLACE = "/generic/teams/force_teams"


def answering(status, values):
    return f"{PLACE}/answer/{status}/{base64.urlsafe_b64encode(orjson.dumps(values)).decode()}"


async def test_what_it_is_sent_is_among_the_posts_and_on_the_wall(call):
    reply = await call("POST", PLACE, json={"text": "Seen her?", "colour": "red"})
    assert reply.status == 200
    (post,) = await call.posts("generic")
    assert (post["account"], post["plug_in"], post["text"]) == ("force_teams", "teams", "Seen her?")
    assert post["sent"] == {"text": "Seen her?", "colour": "red"}
    assert orjson.loads(reply.text_read)["id"] == post["id"]
    wall = await call.json("GET", "/wall.json")
    assert [each["text"] for each in wall["posts"]] == ["Seen her?"]


@pytest.mark.parametrize("below", ["", "/v1/messages", "/v1/messages/5"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_any_address_below_an_account_is_its_own(call, below, method):
    assert (await call(method, PLACE + below, data=b"Seen her?")).status == 200
    (post,) = await call.posts("generic")
    assert (post["method"], post["path"]) == (method, below.removeprefix("/"))


async def test_a_delete_takes_down_the_post_at_the_end_of_the_address_and_publishes_nothing(call):
    post_id = orjson.loads((await call("POST", PLACE, json={"text": "Seen her?"})).text_read)["id"]
    assert (await call("DELETE", f"/generic/teams/other/{post_id}")).status == 404
    assert (await call("DELETE", f"{PLACE}/v1/messages/{post_id}")).status == 200
    assert (await call("DELETE", f"{PLACE}/v1/messages/{post_id}")).status == 404
    assert (await call("DELETE", PLACE)).status == 404
    (post,) = await call.posts("generic")
    assert post["deleted_at"]


READ = {
    "a card": (
        {"attachments": [{"content": {"body": [{"type": "TextBlock", "text": "Seen her?"}]}}]},
        "Seen her?",
    ),
    "several texts": ({"title": "Appeal", "text": "Seen her?"}, "Appeal\n\nSeen her?"),
    "the same text twice": ({"text": "Seen her?", "content": "Seen her?"}, "Seen her?"),
    "nothing that looks like a text": ({"n": 1}, '{"n":1}'),
}


@pytest.mark.parametrize(("body", "text"), READ.values(), ids=READ)
async def test_the_text_is_what_people_would_read(call, body, text):
    await call("POST", PLACE, json=body)
    (post,) = await call.posts("generic")
    assert post["text"] == text


async def test_a_form_and_bytes_are_kept_too(call):
    await call("POST", PLACE, data={"message": "Seen her?"})
    await call("POST", PLACE, data=b"\xff\x00 Seen her?")
    form, bare = await call.posts("generic")
    assert form["sent"] == {"message": "Seen her?"}
    assert bare["text"].endswith("Seen her?")


async def test_a_body_nested_without_an_end_is_taken_all_the_same(call):
    await call("POST", PLACE, data=b'{"text":' * 500 + b'"x"' + b"}" * 500)
    assert len(await call.posts("generic")) == 1


@pytest.mark.parametrize(
    ("status", "output"),
    [(202, ""), (200, "ok"), (201, {"name": "spaces/A/messages/{id}"}), (204, "")],
)
async def test_it_answers_as_its_address_says(call, status, output):
    reply = await call("POST", answering(status, output), json={"text": "Seen her?"})
    (post,) = await call.posts("generic")
    assert reply.status == status
    if isinstance(output, dict):
        assert orjson.loads(reply.text_read) == {"name": f"spaces/A/messages/{post['id']}"}
    else:
        assert reply.text_read == output
    below = await call("POST", f"{answering(status, output)}/v1/messages", json={"text": "More"})
    assert below.status == status
    assert (await call.posts("generic"))[1]["path"] == "v1/messages"


@pytest.mark.parametrize(
    "place", ["/generic", "/generic/", "/generic/teams", f"{PLACE}/answer/202/%%%"]
)
async def test_an_address_that_is_none_is_told(call, place):
    assert (await call("POST", place, json={})).status == 404
    assert await call.posts() == []


async def test_it_cannot_be_searched_and_says_so(call):
    await call("POST", PLACE, json={"text": "Seen her?"})
    assert (await call("GET", f"{PLACE}/messages")).status == 404


FAULTS = {
    "http_429": 429,
    "http_503": 503,
    "token_expired": 401,
    "out_of_credits": 402,
    "read_only": 403,
    "suspended": 403,
}


@pytest.mark.parametrize(("fault", "status"), FAULTS.items())
async def test_it_fails_as_it_is_told_and_takes_nothing_then(call, fault, status):
    await call.fault("generic", fault, count=1)
    assert (await call("POST", PLACE, json={"text": "Seen her?"})).status == status
    assert await call.posts() == []


async def test_what_is_published_before_a_fault_stays(call):
    await call.fault("generic", "post_then_500", count=1)
    assert (await call("POST", PLACE, json={"text": "Seen her?"})).status == 500
    assert len(await call.posts("generic")) == 1


async def test_its_column_is_on_the_wall_only_once_there_is_something_in_it(call):
    page = (await call("GET", "/")).text_read
    assert 'section.hidden = platform === "generic"' in page
    assert "column.section.hidden = column.entry.hidden = false" in page
