"""The filters of templates: our own, and the allowed ones of Jinja."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import regex
from jinja2 import pass_context
from jinja2.runtime import Context

from appealbridge.markup.text import html_to_lines
from appealbridge.model.moment import NoTime, read
from appealbridge.plugin.text.counting import COUNTED, plain_length
from appealbridge.plugin.text.normal_form import composed
from appealbridge.plugin.text.splitting import shortened
from appealbridge.recipes.templates.builtin_filters import LENT, Whole, entries
from appealbridge.recipes.templates.limits import (
    MARKUP_LIMIT,
    LimitExceeded,
    bounded,
    bounded_list,
    bounded_text,
)
from appealbridge.recipes.templates.public_text import mentions_in, without_invisible
from appealbridge.recipes.templates.scope import Scope

WORD = regex.compile(
    r"[\p{L}\p{Nd}_] [[\p{L}\p{M}\p{Nd}_\u200c\u200d] -- [\ufe00-\ufe0f\u20e3]]*",
    regex.VERBOSE | regex.V1,
)
"""
A word as platforms accept it in a hashtag.

The marks of Indian scripts are part of a word; the variation selectors of emoji are not.
"""

_JOINERS = "\u200c\u200d"
_TIME_FORMAT = "%H:%M %Z on %-d %B %Y"
_LONGEST_FORM = 200
_EARLIEST, _LATEST = 1e9, 4e9
"""From 2001 to 2096: numbers that can be Unix seconds, but no hour, no date such as 20261127 and no milliseconds."""


@pass_context
def shorten(context: Context, text: Any, limit: Whole | None = None) -> str:
    """
    Cut a text at a word to `limit` characters, counted as the step's channel does, with an ellipsis.

    Links at its end stay. Without a limit it is cut as far as needed for the whole post to fit.
    """
    scope = context.parent
    assert isinstance(scope, Scope)  # noqa: S101 - templates are only ever filled from a scope
    whole = _words(text, "shorten")
    if limit is None:
        return (
            whole if scope.shortening is None else scope.shortening.marked(scope.publishable(whole))
        )
    if type(limit) is not int or limit < 1:
        raise ValueError(f"shorten needs a number of characters, at least 1, not {limit!r:.60}")
    # Broken-up mentions are longer, so they are counted as they will be published.
    whole = scope.publishable(whole[: 3 * COUNTED + limit])
    count = scope.count or plain_length
    return whole if count(whole) <= limit else shortened(whole, limit, count)


@pass_context
def mentions(context: Context, text: Any) -> str:
    """Keep the mentions in a text as they are, so that the platform links them."""
    bounded, scope = bounded_text(_words(text, "mentions"), "mentions"), context.parent
    assert isinstance(scope, Scope)  # noqa: S101 - templates are only ever filled from a scope
    for mention in mentions_in(without_invisible(bounded)):
        scope.keep(mention)
    return bounded


def plain(html: Any) -> str:
    """Return the words of an HTML text, each paragraph on one line."""
    html = _words(html, "plain")
    if html.count("<") + html.count("&") > MARKUP_LIMIT:
        raise LimitExceeded(f"plain takes texts with at most {MARKUP_LIMIT} tags and &…;")
    return html_to_lines(html)


def hashtag(text: Any) -> str:
    """Return words as one hashtag: `road closure` becomes `#RoadClosure`."""
    whole = composed(bounded_text(_words(text, "hashtag"), "hashtag"))
    parts = WORD.findall(whole.replace("'", "").replace("’", ""))
    if not parts:
        raise ValueError("hashtag finds no letter or digit in the text")
    # `title` and not `upper`: Georgian has no capitals at the begin of a word.
    return "#" + "".join(word[:1].title() + word[1:].rstrip(_JOINERS) for word in parts)


def wordcount(text: Any) -> int:
    """Return how many words a text has."""
    return len(WORD.findall(composed(bounded_text(_words(text, "wordcount"), "wordcount"))))


@pass_context
def local_time(context: Context, moment: Any, form: str = _TIME_FORMAT) -> str:
    """
    Return a moment in the settings' time zone; `form` is as for strftime.

    The moment is read as in `until`. Unix seconds are accepted if they can be nothing else.
    """
    if len(_text(form, "local_time")) > _LONGEST_FORM:
        raise ValueError(f"local_time takes a format of at most {_LONGEST_FORM} characters")
    if re.search(r"%[-_0^#]*\d", form):
        raise ValueError("local_time takes no widths in its format")
    scope = context.parent
    assert isinstance(scope, Scope)  # noqa: S101 - templates are only ever filled from a scope
    try:
        return _moment(moment, scope).astimezone(scope.zone).strftime(form)
    except NoTime as wrong:
        if not scope.writing:
            raise ValueError(f"local_time needs a time: {wrong}; {wrong.cure}") from None
        scope.unread = scope.unread or str(wrong)
        return str(moment)


def _moment(value: Any, scope: Scope) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if _EARLIEST <= value < _LATEST:
            return datetime.fromtimestamp(value, scope.zone)
        raise NoTime(f"{value} is a bare number, not a time")
    at = read(_text(value, "local_time"), scope.zone).at(scope.arrived_at, scope.zone)
    return datetime.fromtimestamp(at, scope.zone)


def join_and(items: Any, word: str = "and") -> str:
    """Return a list as a sentence has it: `a, b and c`."""
    if not isinstance(items, (list, tuple)):
        str(items)  # a missing value says so itself
        raise ValueError("join_and needs a list")
    if not items:
        raise ValueError("join_and has an empty list")
    *rest, last = [_printed(item, "join_and") for item in bounded_list(items, "join_and")]
    bounded(sum(map(len, rest)))
    return f"{', '.join(rest)} {word} {last}" if rest else last


def join(items: Any, separator: str = "") -> str:
    """Return a list's entries joined."""
    texts = [_printed(item, "join") for item in entries(items, "join")]
    bounded(sum(map(len, texts)) + len(_text(separator, "join")) * len(texts))
    return separator.join(texts)


def replace(text: Any, old: str, new: str) -> str:
    """Return the text with every `old` replaced by `new`."""
    whole = bounded_text(_words(text, "replace"), "replace")
    old, new = (_text(argument, "replace") for argument in (old, new))
    bounded(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    str(value)  # a missing value says so itself
    raise ValueError(f"{name} needs a text, but got {_KINDS.get(type(value), 'another value')}")


def _words(value: Any, name: str) -> str:
    """Return the text for a filter, or a number as text, because senders write roads and years so."""
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
    "mentions": mentions,
    "plain": plain,
    "replace": replace,
    "shorten": shorten,
    "wordcount": wordcount,
}
"""Every filter that a recipe may use."""
