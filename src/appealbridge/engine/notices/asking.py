"""What a notice about approval shows of a post: its text, recipients and pictures, and how to answer. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from appealbridge.model.amendment import Change
from appealbridge.model.delivery import Delivery, Kind
from appealbridge.model.withdrawal import scope_text
from appealbridge.recipes.templates.filters import plain

LONGEST_TEXT = 2000
"""How many characters of one text a notice quotes."""

LONGEST_POST = 6000
"""How many characters a notice shows of one post, with its thread and with what changed."""

REST = "… There is more: read all of it before you answer."
ON_PAGE = "to read and answer question {}, log in at {}"

_REJECT = "appealbridge reject {number} --reason WHY"
_POST = f"to read and publish it: appealbridge approve {{number}}; to reject it: {_REJECT}"
_WITHDRAWAL = (
    "to read it and take back what it names: appealbridge approve {number}; to leave that published: "
    f"{_REJECT}"
)
_AMENDMENTS: Mapping[str, str] = {
    Change.EDIT: (
        "to read it and correct the published post: appealbridge approve {number}; to leave that post as it is: "
        f"{_REJECT}"
    ),
    Change.FOLLOW_UP: (
        "to read it and publish it as a reply to the earlier post: appealbridge approve {number}; to reject it: "
        f"{_REJECT}"
    ),
    Change.REPLACE: (
        "to read it, publish it and take back the post that it replaces: appealbridge approve {number}; to leave that "
        f"post as it is: {_REJECT}"
    ),
}
_TITLES: Mapping[Kind, tuple[str, str]] = {
    Kind.WITHDRAW: ("a withdrawal waits for approval", "{} withdrawals wait for approval"),
    Kind.AMEND: ("a correction waits for approval", "{} corrections wait for approval"),
}

_HEADINGS = ("title", "subject", "spoiler_text")
_BODIES = ("text", "body", "html")
_RECIPIENTS = {"to": "to", "reply_to": "replies go to"}


def question_text(question: int, *, public_url: str, practice: bool) -> list[str]:
    """Return what a notice says once of a question; without a `public_url` there is no page to name."""
    lines = ["Practice: nothing of this becomes public."] if practice else []
    if public_url and question:
        lines.append(ON_PAGE.format(question, f"{public_url}/questions/{question}"))
    return lines


def asked_title(posts: Sequence[Delivery], total: int) -> str:
    """Return the title of a notice about nothing but withdrawals or corrections, else an empty one."""
    kinds = {post.kind for post in posts}
    if len(kinds) != 1 or len(posts) < total or not kinds <= _TITLES.keys():
        return ""
    singular, plural = _TITLES[kinds.pop()]
    return f"AppealBridge: {singular if total == 1 else plural.format(total)}"


def answer_text(post: Delivery, why_not: str) -> str:
    """Return what the reader of a notice can do about a post, or why they cannot."""
    if why_not:
        return why_not
    template = _WITHDRAWAL if post.kind is Kind.WITHDRAW else _AMENDMENTS.get(post.change, _POST)
    return template.format(number=post.number)


def cannot_approve(why: str, post: Delivery, *, may_reject: bool) -> str:
    """Return why the reader of a notice cannot approve a post, and how to reject it if they may."""
    return f"{why}; to reject it: {_REJECT.format(number=post.number)}" if may_reject else why


def asked_text(
    posts: Sequence[Delivery], changes: Sequence[Mapping[str, Any]], heading: Sequence[str] = ()
) -> str:
    """
    Return what a notice shows of a post and the later ones of its thread.

    `changes` is what changed since it was asked before. Everything that was written outside is quoted, so that none of
    it can be taken for words of the notice.
    """
    shown = [line for post in posts for line in _shown(post)]
    shown += [line for change in changes for line in _before(change)]
    text, length = [], 0
    for line in shown:
        length += len(line)
        if length > LONGEST_POST:
            text.append(REST)
            break
        text.append(line)
    return "\n".join(f"    {line}" for line in (*heading, *text))


def _shown(post: Delivery) -> Iterator[str]:
    message = orjson.loads(post.content or "{}")
    return _order(message) if post.is_order else _post(message)


def _order(order: Mapping[str, Any]) -> Iterator[str]:
    """Return what an order to withdraw does once it is approved."""
    yield (
        f"This is a withdrawal, and no post: once it is approved, it takes back {scope_text(order, 'this subject')}."
    )
    yield "The reason is:"
    yield from _quoted(str(order.get("reason", "")))
    if correction := order.get("correction"):
        yield "Everybody who had a mail that is withdrawn gets this one:"
        yield from _post(correction)


def _post(message: Mapping[str, Any]) -> Iterator[str]:
    for name, label in _RECIPIENTS.items():
        if message.get(name):
            yield f"{label}: {_line(message[name])}"
    for name in _HEADINGS:
        if message.get(name):
            yield from _quoted(str(message[name]))
    body = next((name for name in _BODIES if message.get(name)), "")
    if body:
        text = str(message[body])
        yield from _quoted(text if body == "text" else _without_tags(text[: LONGEST_TEXT * 10]))
    if message.get("link"):
        yield from _quoted(str(message["link"]))
    for number, image in enumerate(message.get("images") or (), start=1):
        yield (
            f"picture {number}, whose alt text is:"
            if image.get("alt")
            else (f"picture {number}, without an alt text")
        )
        yield from _quoted(image.get("alt") or "")


def _before(change: Mapping[str, Any]) -> Iterator[str]:
    """Return how something was before it changed."""
    before = change.get("before")
    if isinstance(before, str) and before:
        yield f"{str(change['field']).replace('_', ' ')}, as it was before:"
        yield from _quoted(before)
    else:
        yield f"{str(change['field']).replace('_', ' ')} has changed"


def _without_tags(html: str) -> str:
    try:
        return plain(html)
    except ValueError:  # more tags than are read
        return html


def _quoted(text: str) -> Iterator[str]:
    short = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    return (f"| {line}" for line in short.splitlines())


def _line(text: Any) -> str:
    named = text if isinstance(text, list) else [text]
    return " ".join(", ".join(map(str, named)).split())[:LONGEST_TEXT]
