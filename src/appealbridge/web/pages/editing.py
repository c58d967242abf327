"""The fields of the form with which a message is edited, and what somebody changed in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from appealbridge.model.value import value
from appealbridge.recipes.planning.editing import NOT_EDITED

_LONG = frozenset({"text", "body", "html", "excerpt"})
_ALT = "alt_"
_FIELD = "option_"


@value
class EditField:
    """One field: its name in the form, its label, what is in it, and whether it has several lines."""

    name: str
    label: str
    text: str
    is_long: bool


def fields_of(content: str, changes: Mapping[str, Any]) -> list[EditField]:
    """Return the fields for a message (canonical JSON), with what somebody already changed."""
    message = orjson.loads(content) | dict(changes)
    fields = [
        EditField(f"{_FIELD}{name}", name.replace("_", " "), text, name in _LONG or "\n" in text)
        for name, text in _texts(message).items()
    ]
    fields.sort(key=lambda field: not field.is_long)
    fields += [
        EditField(f"{_ALT}{place}", f"alt text of picture {place}", image.get("alt") or "", True)
        for place, image in enumerate(message.get("images") or (), start=1)
    ]
    return fields


def changes_of(content: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a message that are not as they were before."""
    message = orjson.loads(content)
    changes: dict[str, Any] = {}
    for name, text in _texts(message).items():
        sent = form.get(f"{_FIELD}{name}")
        # Browsers send every line end as two characters.
        if sent is not None and (sent := sent.replace("\r\n", "\n")) != text:
            changes[name] = sent
    images = [dict(image) for image in message.get("images") or ()]
    for place, image in enumerate(images, start=1):
        image["alt"] = " ".join(form.get(f"{_ALT}{place}", image.get("alt") or "").split("\r\n"))
    if images != (message.get("images") or []):
        changes["images"] = images
    return changes


def _texts(message: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: text
        for name, text in message.items()
        if isinstance(text, str) and name not in NOT_EDITED
    }
