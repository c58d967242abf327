"""The filters of templates: those made for the job, and Jinja's own that cannot run away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from appealbridge.markup.text import pieces
from appealbridge.plugin.text import cut, plain_length
from appealbridge.recipes.bounds import bounded
from appealbridge.recipes.jinja_filters import LENT, Whole, entries
from appealbridge.recipes.scope import Scope

_TIME_FORMAT = "%H:%M on %-d %B %Y"
_BREAKS = frozenset(("p", "br", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"))
_HIDDEN = frozenset(("script", "style", "head", "title"))


@pass_context
def shorten(context: Context, text: Any, limit: Whole) -> str:
    """Cut a text at a word to `limit`, counted as the step's channel does, with an ellipsis."""
    if type(limit) is not int or limit < 1:
        raise ValueError(f"shorten needs a number of characters from 1, not {limit!r:.60}")
    scope = context.parent
    count = scope.count if isinstance(scope, Scope) else None
    return cut(_words(text, "shorten"), limit, count or plain_length)


def plain(html: Any) -> str:
    """Return the words of an HTML text, a line to a paragraph."""
    words: list[str] = []
    hidden = 0
    for piece in pieces(_words(html, "plain")):
        if isinstance(piece, str):
            words += () if hidden else (piece.replace("\n", " "),)
            continue
        if piece.name in _HIDDEN:
            hidden = max(0, hidden + (-1 if piece.closes else 1))
        elif piece.name in _BREAKS:
            words.append("\n")
    lines = (" ".join(line.split()) for line in "".join(words).splitlines())
    return "\n".join(line for line in lines if line)


def hashtag(text: Any) -> str:
    """Return words as one hashtag: `road closure` becomes `#RoadClosure`."""
    words = re.findall(r"\w+", _words(text, "hashtag").replace("'", "").replace("’", ""))
    if not words:
        raise ValueError("hashtag finds no letter or digit in the text")
    return "#" + "".join(word[:1].upper() + word[1:] for word in words)


@pass_context
def local_time(context: Context, moment: Any, form: str = _TIME_FORMAT) -> str:
    """Write a moment (ISO 8601 or Unix seconds) in the settings' time zone; `form` as of strftime."""
    if re.search(r"%[-_0^#]*\d", _text(form, "local_time")):
        raise ValueError("local_time takes no widths in its format")
    bounded(len(form))
    scope = context.parent
    zone = scope.zone if isinstance(scope, Scope) else UTC
    try:
        return _moment(moment).astimezone(zone).strftime(form)
    except OverflowError:
        raise ValueError("local_time cannot tell a time so long ago or ahead") from None


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(_text(value, "local_time"))
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"local_time needs a time as 2026-05-01T14:30:00Z, not {value!r:.60}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def join_and(items: Any, word: str = "and") -> str:
    """Return a list as a sentence has it: `a, b and c`."""
    if not isinstance(items, (list, tuple)):
        str(items)  # a missing value says so itself
        raise ValueError("join_and needs a list")
    if not items:
        raise ValueError("join_and has an empty list")
    *rest, last = [_printed(item, "join_and") for item in items]
    bounded(sum(map(len, rest)))
    return f"{', '.join(rest)} {word} {last}" if rest else last


def join(items: Any, separator: str = "") -> str:
    """Return a list's entries one after another."""
    words = [_printed(item, "join") for item in entries(items, "join")]
    bounded(sum(map(len, words)) + len(_text(separator, "join")) * len(words))
    return separator.join(words)


def replace(text: Any, old: str, new: str) -> str:
    """Return the text with every `old` as `new`."""
    whole = _words(text, "replace")
    old, new = (_text(one, "replace") for one in (old, new))
    bounded(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    str(value)  # a missing value says so itself
    raise ValueError(
        f"{name} needs a text, and was given {_KINDS.get(type(value), 'another value')}"
    )


def _words(value: Any, name: str) -> str:
    """Return the text that a filter is to work on: a number too, as senders write one for a road or a year."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if number else _text(value, name)


_KINDS = {list: "a list", tuple: "a list", dict: "a mapping", bool: "true or false"}


def _printed(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    str(value)  # a missing value says so itself
    raise ValueError(f"{name} finds an entry that is neither text nor number")


FILTERS: Mapping[str, Callable[..., Any]] = {
    **LENT,
    "hashtag": hashtag,
    "join": join,
    "join_and": join_and,
    "local_time": local_time,
    "plain": plain,
    "replace": replace,
    "shorten": shorten,
}
"""Every filter that a recipe may use."""
