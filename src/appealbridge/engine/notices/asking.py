"""What a notice about approval shows of a post: where to answer, its text, recipients and pictures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from appealbridge.model.delivery import Delivery
from appealbridge.model.withdrawal import scope_words
from appealbridge.recipes.templates.filters import plain

LONGEST_TEXT = 2000
"""How many characters of one text a notice quotes."""

LONGEST_POST = 6000
"""How many characters a notice shows of one post, with its thread and with what changed."""

REST = "… There is more: read all of it before you answer."
ON_PAGE = "to read and answer question {}, log in at {}"

_HEADINGS = ("title", "subject", "spoiler_text")
_BODIES = ("text", "body", "html")
_RECIPIENTS = {"to": "to", "reply_to": "replies go to"}


def question_text(question: int, *, public_url: str, practice: bool) -> list[str]:
    """Return what a notice says once of a question; without a `public_url` there is no page to name."""
    lines = ["Practice: nothing of this becomes public."] if practice else []
    if public_url and question:
        lines.append(ON_PAGE.format(question, f"{public_url}/questions/{question}"))
    return lines


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
        f"This is a withdrawal, and no post: once it is approved, it takes back {scope_words(order, 'this subject')}."
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
