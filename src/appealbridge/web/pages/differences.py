"""What changed from one revision to the next, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup

from appealbridge.model.value import value
from appealbridge.web.pages.previews import visible

MOST_CHANGES = 40
"""How many changes of one revision are shown."""

LONGEST_COMPARED = 6_000
"""The longest text that is compared word by word; of a longer one, both versions are shown."""

MOST_STEPS = 30_000_000
"""How much work a comparison may be. Many words that repeat take minutes; then both versions are shown."""

LONGEST_SHOWN = 50_000

_WORDS = re.compile(r"\S+\s*|\s+")


@value
class FieldChange:
    """One option of a message that changed: `marked` has both versions, word by word, or else `before` and `after`."""

    name: str
    marked: Markup | None
    before: Markup
    after: Markup


def clipped(difference: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return as many changes as are shown."""
    return difference[:MOST_CHANGES]


def change(changed: Mapping[str, Any]) -> FieldChange:
    """Return a change (`field`, `before`, `after`) for display."""
    before, after = changed.get("before"), changed.get("after")
    marked = None
    if isinstance(before, str) and isinstance(after, str):
        marked = compared(before, after)
    name = str(changed.get("field", "")).replace("_", " ").replace(".", ": ")
    return FieldChange(name, marked, _shown(before), _shown(after))


def compared(before: str, after: str) -> Markup | None:
    """Return two texts as one, with what was taken out and put in; `None` if that would take too long."""
    if max(len(before), len(after)) > LONGEST_COMPARED:
        return None
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    same = _alike(old, new)
    at_end = _alike(old[same:][::-1], new[same:][::-1])
    begin, end = old[:same], old[len(old) - at_end :]
    old, new = old[same : len(old) - at_end], new[same : len(new) - at_end]
    if _steps(old, new) > MOST_STEPS:
        return None
    parts: list[Markup] = [visible("".join(begin))] if begin else []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(visible("".join(old[a:b])))
            continue
        parts += _replaced("".join(old[a:b]), "".join(new[c:d]))
    if end:
        parts.append(visible("".join(end)))
    return Markup("").join(parts)


def _replaced(out: str, put: str) -> list[Markup]:
    gap = out[len(out.rstrip()) :]
    gap = gap if put.endswith(gap) else ""
    out, put = out.removesuffix(gap), put.removesuffix(gap)
    parts = [Markup("<del>{}</del>").format(visible(out))] if out else []
    if out and put and not out[-1].isspace():
        parts.append(Markup(" "))  # or 16:20 and 17:05 would be read as one time
    if put:
        parts.append(Markup("<ins>{}</ins>").format(visible(put)))
    return [*parts, visible(gap)] if gap else parts


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """Return with how many equal words both begin."""
    pairs = zip(old, new, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(old), len(new)))


def _steps(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many steps a comparison takes at the most: each of its passes looks at all pairs of equal words."""
    there = Counter(new)
    return min(len(old), len(new)) * (len(old) + sum(there[word] for word in old))


def _shown(value: Any) -> Markup:
    if value is None:
        return Markup("nothing")
    if isinstance(value, dict):
        value = "\n".join(f"{name}: {inner}" for name, inner in value.items())
    if isinstance(value, list):
        return Markup("\n").join(_shown(each) for each in value)
    return visible(str(value)[:LONGEST_SHOWN])
