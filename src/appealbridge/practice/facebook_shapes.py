"""The answers of the practice Facebook: errors, pages and posts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from appealbridge.practice.accounts import account_number
from appealbridge.practice.answering import Declined, answer
from appealbridge.practice.posts import PracticePost

_TRACE = "A1practiceTRACE0000000"
_DIGITS = re.compile(r"\d{5,20}")


def graph_error(
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    status: int = 400,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """Return an error in Graph's shape."""
    error: dict[str, Any] = {"message": message, "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    error["fbtrace_id"] = _TRACE
    return answer(status, {"error": error}, headers)


def gone(method: str, post_id: str) -> web.Response:
    """Return Graph's answer for an object that is not there, or not any more."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{post_id}' does not exist, cannot be "
        "loaded due to missing permissions, or does not support this operation."
    )
    return graph_error(100, text, subcode=33)


def page_of(account: str) -> str:
    """Return the page that a token belongs to: the number its name tells, or always the same one."""
    digits = _DIGITS.search(account)
    return digits[0] if digits else account_number(account, 15)


def page_shown(page: str, fields: Collection[str], *, can_post: bool) -> dict[str, Any]:
    """Return a page's wanted fields; `can_post` is whether the token's owner may post there."""
    whole = {"name": f"Practice page {page}", "id": page, "can_post": can_post}
    return {name: value for name, value in whole.items() if name in fields or name == "id"}


def post_shown(post: PracticePost, fields: Collection[str], origin: str) -> dict[str, Any]:
    """Return a post's wanted fields; its permanent address is its place on the wall."""
    changed = post.edits[-1]["edited_at"] if post.edits else None
    whole: dict[str, Any] = {
        "created_time": _time(datetime.fromtimestamp(post.created_at, UTC)),
        "updated_time": _time(
            datetime.fromisoformat(changed)
            if changed
            else datetime.fromtimestamp(post.created_at, UTC)
        ),
        "message": _as_kept(post.text),
        "is_published": post.more["published"],
        "permalink_url": f"{origin}/#facebook-{post.id}",
        "id": post.id,
    }
    if post.media:
        photos = [medium for medium in post.media if medium["type"] == "image"]
        whole["attachments"] = {
            "data": [
                {"type": "photo", "target": {"id": photo["id"]}, "description": photo["alt"]}
                for photo in photos
            ]
            or [{"type": "share", "url": post.media[0]["url"]}]
        }
    if not post.text:
        del whole["message"]  # as the real one leaves out what is empty
    return {name: value for name, value in whole.items() if name in fields or name == "id"}


def _as_kept(message: str) -> str:
    """Return a message as the real one gives it back: line ends of one kind, trimmed, accents composed."""
    lines = message.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    trimmed = "\n".join(line.rstrip() for line in lines).strip()
    return unicodedata.normalize("NFC", trimmed)


def wanted_fields(value: str, otherwise: tuple[str, ...]) -> Collection[str]:
    """Return the names in a `fields` parameter, without what stands in their braces."""
    flat = re.sub(r"\{[^{}]*\}", "", value)
    return [name.strip() for name in flat.split(",")] if flat.strip() else otherwise


def seconds_of(value: str | None, otherwise: float) -> float:
    """Return `since` or `until` as Unix seconds; they come as those or as a date."""
    if not value:
        return otherwise
    if value.isdigit():
        return float(value)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Declined(graph_error(100, f"(#100) Invalid timestamp: {value}")) from None
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S+0000")
