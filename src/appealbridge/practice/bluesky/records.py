"""
Checks the records of posts as a Bluesky server does, by the rules of `app.bsky.feed.post`, with its own words.

Like the real one, it takes offsets of facets that are outside the text, and everything that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import regex

POSTS = "app.bsky.feed.post"
MOST_CHARACTERS = 300
MOST_BYTES = 3000
MOST_BLOB_BYTES = 1_000_000

DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")
HANDLE = re.compile(
    r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
)
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
CID = re.compile(r"b[a-z2-7]{58}")
_URI = re.compile(r"\w+:(?://)?[^\s/]\S*")
_AT_URI = re.compile(r"at://[^/\s]+/[^/\s]+/[^/\s]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_CHARACTER = regex.compile(r"\X")

Rule = Callable[[Any, str], None]


class InvalidRecord(ValueError):
    """A record breaks a rule; the message is that of the server."""


def check_post(record: Any) -> None:
    """Raise `InvalidRecord` if a record is not a post."""
    _no_fractions(record, "$.record")
    if not isinstance(record, dict):
        raise InvalidRecord(f"Expected object value type (got {_shown(record)}) at $.record")
    if record.setdefault("$type", POSTS) != POSTS:
        raise InvalidRecord(f"Invalid $type: expected {POSTS}, got {record['$type']}")
    try:
        _POST(record, "$.record")
    except InvalidRecord as error:
        raise InvalidRecord(f"Invalid {POSTS} record: {error}") from None


def characters(text: str) -> int:
    """Return how many characters a reader sees."""
    return len(_CHARACTER.findall(text))


def text_within(*, most_bytes: int = 0, most_characters: int = 0) -> Rule:
    """Return the rule for a text with at most so many bytes and characters; 0 is no limit."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str):
            _expected("string", value, place)
        size = len(value.encode())
        if most_bytes and size > most_bytes:
            raise InvalidRecord(f"string too big (maximum {most_bytes}, got {size}) at {place}")
        count = characters(value) if most_characters else 0
        if count > most_characters:
            raise InvalidRecord(
                f"grapheme too big (maximum {most_characters}, got {count}) at {place}"
            )

    return check


def _written(pattern: re.Pattern[str], name: str) -> Rule:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, str):
            _expected("string", value, place)
        if pattern.fullmatch(value) is None:
            raise InvalidRecord(f"Invalid {name} (got {_shown(value)}) at {place}")

    return check


def _time(value: Any, place: str) -> None:
    try:
        if not isinstance(value, str):
            _expected("string", value, place)
        if "T" not in value or datetime.fromisoformat(value).tzinfo is None:
            raise ValueError
    except InvalidRecord:
        raise
    except ValueError:
        raise InvalidRecord(f"Invalid datetime (got {_shown(value)}) at {place}") from None


def _whole(least: int) -> Rule:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            _expected("integer", value, place)
        if value < least:
            raise InvalidRecord(f"integer too small (minimum {least}, got {value}) at {place}")

    return check


def _listed(rule: Rule, most: int = 0) -> Rule:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            _expected("array", value, place)
        if most and len(value) > most:
            raise InvalidRecord(f"array too big (maximum {most}, got {len(value)}) at {place}")
        for number, entry in enumerate(value):
            rule(entry, f"{place}[{number}]")

    return check


def _shaped(required: Collection[str], **rules: Rule) -> Rule:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            _expected("object", value, place)
        for name in rules:
            if name in required and name not in value:
                raise InvalidRecord(f'Missing required key "{name}" at {place}')
            if name in value:
                rules[name](value[name], f"{place}.{name}")

    return check


def _one_of(**rules: Rule) -> Rule:
    """Return the rule for a value that says by `$type` what it is; what is not known passes."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("$type"), str):
            _expected('an object which includes the "$type" property', value, place)
        rule = rules.get(value["$type"].rpartition(".")[2].replace("#", "_"))
        if rule is not None and value["$type"].startswith("app.bsky."):
            rule(value, place)

    return check


def _picture(value: Any, place: str) -> None:
    is_blob = isinstance(value, dict) and value.get("$type") == "blob"
    if not is_blob or CID.fullmatch(str((value.get("ref") or {}).get("$link"))) is None:
        _expected("blob", value, place)
    kind, size = value.get("mimeType"), value.get("size")
    if not str(kind).startswith("image/"):
        raise InvalidRecord(f'Expected "image/*" (got {_shown(kind)}) at {place}.mimeType')
    if size > MOST_BLOB_BYTES:
        raise InvalidRecord(f"blob too big (maximum {MOST_BLOB_BYTES}, got {size}) at {place}")


def _no_fractions(value: Any, place: str) -> None:
    """Raise `InvalidRecord` for a number that is not whole: the format of records has none."""
    if isinstance(value, float):
        known = "null, boolean, integer, string, cid, bytes, array or object"
        raise InvalidRecord(f"Expected one of {known} value type (got {_shown(value)}) at {place}")
    if isinstance(value, dict):
        for name, inner in value.items():
            _no_fractions(inner, f"{place}.{name}")
    if isinstance(value, list):
        for number, inner in enumerate(value):
            _no_fractions(inner, f"{place}[{number}]")


def _expected(kind: str, value: Any, place: str) -> None:
    raise InvalidRecord(f"Expected {kind} value type (got {_shown(value)}) at {place}")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dict):
        names = [f'"{name}": ...' for name in [*value][:2]]
        return "{" + ", ".join([*names, *(["..."] if len(value) > 2 else [])]) + "}"
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, list)
        else "array"
    )


_LINK = _shaped(("uri",), uri=_written(_URI, "uri"))
_FACET = _shaped(
    ("index", "features"),
    index=_shaped(("byteStart", "byteEnd"), byteStart=_whole(0), byteEnd=_whole(0)),
    features=_listed(
        _one_of(
            facet_link=_LINK,
            facet_mention=_shaped(("did",), did=_written(DID, "DID")),
            facet_tag=_shaped(("tag",), tag=text_within(most_bytes=640, most_characters=64)),
        )
    ),
)
_IMAGE = _shaped(
    ("image", "alt"),
    image=_picture,
    alt=text_within(),
    aspectRatio=_shaped(("width", "height"), width=_whole(1), height=_whole(1)),
)
_CARD = _shaped(
    ("uri", "title", "description"),
    uri=_written(_URI, "uri"),
    title=text_within(),
    description=text_within(),
    thumb=_picture,
)
_STRONG = _shaped(("uri", "cid"), uri=_written(_AT_URI, "at-uri"), cid=_written(CID, "CID string"))
_POST = _shaped(
    ("text", "createdAt"),
    text=text_within(most_bytes=MOST_BYTES, most_characters=MOST_CHARACTERS),
    facets=_listed(_FACET),
    reply=_shaped(("root", "parent"), root=_STRONG, parent=_STRONG),
    embed=_one_of(
        images=_shaped(("images",), images=_listed(_IMAGE, most=4)),
        external=_shaped(("external",), external=_CARD),
    ),
    langs=_listed(_written(_LANGUAGE, "language"), most=3),
    tags=_listed(text_within(most_bytes=640, most_characters=64), most=8),
    createdAt=_time,
)
