"""
Words that people write because another tool has them, or because they are the ordinary ones.

Each has the cure: what is written here instead. A cure that is one word means "did you mean that word".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_PICTURES = (
    'write images: with url: and alt: for each picture, such as images: "{{ appeal.images }}"'
)
_NO_FILM = "films are not published: leave it out, and give a link to the page that shows them"
_IN_THE_TEXT = "leave it out, and write the address in the text: {{ appeal.url }}"
_TIME = 'leave it out, and put an entry before this one: - delay: { until: "10:00" }'
_SEVERAL = "write channel: for one account; for several, action: post, and to: with their names"
_AT_THE_TOP = "it is for the whole recipe: write it in the first column"
_TEXT = "text"

OPTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("alt", "attachment", "attachments", "image", "media", "photo", "photos", "picture",
         "pictures"), _PICTURES),
    "video": _NO_FILM,
    **dict.fromkeys(("link", "links", "url"), _IN_THE_TEXT),
    **dict.fromkeys(
        ("at", "date", "publish_at", "schedule", "scheduled_at", "time", "until", "when"), _TIME),
    **dict.fromkeys(("accounts", "channels", "to"), _SEVERAL),
    **dict.fromkeys(
        ("approval", "enabled", "mode", "on_failure", "publish_within", "retry"), _AT_THE_TOP),
    **dict.fromkeys(("body", "content", "message", "status", "title"), _TEXT),
    **dict.fromkeys(("account", "page"), "channel"),
    **dict.fromkeys(("hashtag", "hashtags"), "leave it out, and write them in the text: #Digbeth"),
    **dict.fromkeys(
        ("condition", "conditions"), "put this entry under then:, in an entry that begins with if:"),
    "data": "write its options directly below action:",
    "target": "write channel: with the account's name",
    "alias": "leave it out, or write it after a #",
}  # fmt: skip
"""Options of a step."""

ACTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("delete", "remove", "take_down", "unpublish"), "withdraw"),
    **dict.fromkeys(("correct", "edit", "update", "change"), "amend"),
    "reply": "write the action of the platform, such as tweet, with in_reply_to: below it",
    **dict.fromkeys(("mail", "send_email", "send_mail"), "email"),
    **dict.fromkeys(("twitter", "x_post"), "tweet"),
    "toot": "mastodon_post",
    "skeet": "bluesky_post",
    **dict.fromkeys(("notify", "sms"), "use email"),
    **dict.fromkeys(("all", "everywhere", "publish"), "post"),
}  # fmt: skip
"""Values of `action`."""

_WAIT = "write wait_for: with the type of an event, such as appeal.closed, and timeout: below it"

ENTRIES: Final[Mapping[str, str]] = {
    "service": "action",
    "wait": "write delay: 3d to wait that long, or wait_for: to wait for an event",
    "sleep": "write delay: 3d",
    "pause": "write delay: 3d",
    "wait_for_trigger": _WAIT,
    "wait_template": _WAIT,
    "continue_on_timeout": "write on_timeout: stop, or on_timeout: continue",
    "repeat": "there are no loops: write an entry for each time, with delay: between them",
    "parallel": "leave it out: entries that do not wait for each other go out side by side",
    "sequence": "leave it out, and write its entries here",
    "condition": "write if: with the condition, and then: with what follows",
    "event": "leave it out: a recipe can only publish",
    "scene": "leave it out: a recipe can only publish",
    "device_id": "leave it out: a recipe can only publish",
    "variables": "write them under variables: at the top of the recipe",
    **{name: cure for name, cure in ACTIONS.items() if " " in cure},
}
"""What does not begin an entry of `actions:`."""

CONDITIONS: Final[Mapping[str, str]] = {
    "template": 'write the template itself as the condition: - "{{ … }}"',
    "numeric_state": "write field: $.lanes, and above: or below: with a number below it",
    "state": "write field: $.status, and equals: with the value below it",
    "time": 'write between: ["22:00", "06:00"]',
    "trigger": 'write field: "{{ event.type }}", and equals: with the type below it',
    "and": "write all:, with the conditions below it",
    "or": "write any:, with the conditions below it",
    "not": "write none:, with the conditions below it",
    "sun": 'write between: with two times by the clock, such as ["16:00", "08:00"]',
    "zone": "write field: with the place, and within: with a circle or an area below it",
    "device": "write field: $.status, and equals: with the value below it",
}
"""Home Assistant's `condition:`."""

FIELDS: Final[Mapping[str, str]] = {
    "headline": "title", "heading": "title",
    "link": "url", "address": "url", "page": "url",
    "body": "text", "description": "text", "summary": "text", "details": "text",
    "place": "area", "location": "area", "category": "kind", "type": "kind",
    "ref": "reference", "id": "reference", "number": "reference",
    "image": "images", "photo": "images", "photos": "images", "picture": "images",
    "state": "status", "until": "deadline", "reason": "closed_reason",
}  # fmt: skip
"""Fields of an event."""

WHOLE: Final[Mapping[str, str]] = {
    "id": "leave it out: the file's name is the recipe's name",
    "name": "alias",
    "title": "alias",
    "author": "leave it out, or write it after a #",
    "owner": "leave it out, or write it after a #",
    "version": "leave it out, or write it after a #",
    "max": "leave it out: mode: says what happens to the next event",
    "initial_state": "enabled",
    "action": "actions",
    "trigger": "triggers",
    "condition": "conditions",
    "steps": "actions",
    "deadline": "publish_within",
    "expires": "publish_within",
    "approver": "approval",
    **dict.fromkeys(
        ("channel", "text", "to", "subject", "overflow", "in_reply_to", "images"),
        "it belongs to an action: indent it as far as the word action"),
    **dict.fromkeys(
        ("on", "kinds", "types", "webhook_id", "feed", "folder"),
        "it belongs to a trigger: indent it as far as the word trigger"),
}  # fmt: skip
"""The top level of a recipe."""
