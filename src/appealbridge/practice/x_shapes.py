"""The answers of the practice X: errors, tweets, and refusals of tweets."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from appealbridge.practice.accounts import account_number
from appealbridge.practice.answering import Declined, answer
from appealbridge.practice.links import links, short_link, weight
from appealbridge.practice.posts import PracticePost, iso

_PROBLEMS = "https://api.x.com/2/problems/"
_LONGEST = 280
_MOST_MEDIA = 4
_FIELDS = frozenset(
    {
        "text",
        "reply",
        "media",
        "reply_settings",
        "edit_options",
        "geo",
        "poll",
        "made_with_ai",
        "paid_partnership",
        "nullcast",
        "community_id",
        "quote_tweet_id",
        "card_uri",
        "direct_message_deep_link",
        "for_super_followers_only",
        "share_with_followers",
    }
)


def user_id(account: str) -> str:
    """Return an account's number: its own where its name tells it, otherwise always the same one."""
    digits = account.removeprefix("user_")
    return digits if digits.isdigit() else account_number(account, 19)


def problem(
    status: int, title: str, detail: str, *, kind: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    """Return an error in X's shape."""
    body = {
        "title": title,
        "detail": detail,
        "type": f"{_PROBLEMS}{kind}" if kind else "about:blank",
        "status": status,
    }
    return answer(status, body, headers, kind="application/problem+json")


def forbidden(detail: str) -> web.Response:
    """Return X's 403, which always has the same title."""
    return problem(403, "Forbidden", detail)


def invalid(parameter: str, value: Any, message: str) -> web.Response:
    """Return X's 400 for one bad parameter."""
    body = {
        "errors": [{"parameters": {parameter: [str(value)]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{_PROBLEMS}invalid-request",
    }
    return answer(400, body, kind="application/problem+json")


def checked(body: bytes) -> dict[str, Any]:
    """Return a wanted tweet, or say what X has against it."""
    try:
        parameters = orjson.loads(body)
    except orjson.JSONDecodeError:
        parameters = None
    if not isinstance(parameters, dict):
        raise Declined(invalid("body", "", "The request body is not a valid JSON object"))
    for name in parameters.keys() - _FIELDS:
        message = f"$.{name}: is not defined in the schema and the schema does not allow additional properties"
        raise Declined(invalid(name, parameters[name], message))
    text = parameters.get("text")
    if not isinstance(text, str) or not text.strip():
        message = "One of the following fields is required: text, media, poll"
        raise Declined(invalid("text", text, message))
    if weight(unicodedata.normalize("NFC", text.strip())) > _LONGEST:
        detail = (
            "Your Tweet text is too long. For more information on how Twitter determines text length"
            " see https://github.com/twitter/twitter-text."
        )
        raise Declined(problem(400, "Invalid Request", detail, kind="invalid-request"))
    return parameters


def media_ids(parameters: Mapping[str, Any]) -> list[str]:
    """Return the uploads that a wanted tweet shows."""
    media = parameters.get("media")
    if media is None:
        return []
    ids = media.get("media_ids") if isinstance(media, dict) else None
    if not isinstance(ids, list) or not 1 <= len(ids) <= _MOST_MEDIA:
        message = f"$.media.media_ids: must have between 1 and {_MOST_MEDIA} items"
        raise Declined(invalid("media.media_ids", ids, message))
    return [str(id_) for id_ in ids]


def in_reply_to(parameters: dict[str, Any]) -> str | None:
    """Return the tweet that a wanted one replies to, `None` for none."""
    reply = parameters.get("reply")
    if reply is None:
        return None
    answered = reply.get("in_reply_to_tweet_id") if isinstance(reply, dict) else None
    if not isinstance(answered, str):
        message = "$.reply.in_reply_to_tweet_id: is missing or no string"
        raise Declined(invalid("reply", reply, message))
    return answered


def rewritten(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a text as X gives it back, and the `urls` entities that tell what its links were."""
    text = unicodedata.normalize("NFC", text.strip())
    shown, at = "", 0
    entities = []
    for link in links(text, bare=True):
        shown += html.escape(text[at : link.start], quote=False)
        short = short_link(link.text)
        expanded = link.text if "://" in link.text else f"http://{link.text}"
        entities.append(
            {
                "start": len(shown),
                "end": len(shown) + len(short),
                "url": short,
                "expanded_url": expanded,
                "display_url": _displayed(expanded),
            }
        )
        shown += short
        at = link.end
    return shown + html.escape(text[at:], quote=False), entities


def _own_link(post: PracticePost, start: int) -> dict[str, Any]:
    expanded = f"https://x.com/{post.account}/status/{post.id}/photo/1"
    short = short_link(expanded)
    return {
        "start": start,
        "end": start + len(short),
        "url": short,
        "expanded_url": expanded,
        "display_url": f"pic.x.com/{short.rpartition('/')[2]}",
        "media_key": f"3_{post.media[0]['id']}",
    }


def _displayed(address: str) -> str:
    bare = address.partition("://")[2].removeprefix("www.")
    return bare if len(bare) <= 26 else f"{bare[:26]}…"


def tweet(post: PracticePost, fields: set[str]) -> dict[str, Any]:
    """Return a tweet with its `tweet.fields`."""
    shown, entities = rewritten(post.text)
    if post.media:  # X appends one link for all pictures of a tweet
        entity = _own_link(post, len(shown) + 1)
        shown, entities = f"{shown} {entity['url']}", [*entities, entity]
    shown_as: dict[str, Any] = {"id": post.id, "text": shown, "edit_history_tweet_ids": [post.id]}
    if "created_at" in fields:
        shown_as["created_at"] = iso(post.created_at)
    if "author_id" in fields:
        shown_as["author_id"] = user_id(post.account)
    if "referenced_tweets" in fields and (replied_to := post.more.get("in_reply_to")):
        shown_as["referenced_tweets"] = [{"type": "replied_to", "id": replied_to}]
    if "entities" in fields and entities:
        shown_as["entities"] = {"urls": entities}
    return shown_as


def page(posts: list[PracticePost], most: int, fields: set[str]) -> dict[str, Any]:
    """Return the first `most` posts as a page of a timeline; one more of them means a next page."""
    listed = posts[:most]
    if not listed:
        return {"meta": {"result_count": 0}}
    meta: dict[str, Any] = {
        "result_count": len(listed),
        "newest_id": listed[0].id,
        "oldest_id": listed[-1].id,
    }
    if len(posts) > most:
        meta["next_token"] = listed[-1].id
    return {"data": [tweet(post, fields) for post in listed], "meta": meta}


def not_found(kind: str, parameter: str, value: str) -> dict[str, Any]:
    """Return what X says, with a 200, of something that is not there."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_PROBLEMS}resource-not-found",
    }
