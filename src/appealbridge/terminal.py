"""
Makes text from outside safe for a terminal: escapes what moves the cursor, hides letters or turns their order.

Scripts and emoji stay as they are, so joiners between their letters are kept.
"""

from __future__ import annotations

import re

_UNSEEN = (
    "\x00-\x1f\x7f-\x9f"  # control characters, ESC and NEL among them
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"  # letters without a shape
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, text direction
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff"  # half a character, out of bytes that are no text
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags and other marks that nobody sees
)
_SCRIPT = (
    "[\u0600-\u061b\u061d-\u109f\u1780-\u17b3\u17b6-\u180d\u180f-\u18af\ufb50-\ufdff\ufe70-\ufefc]"
)
"""Scripts in which a joiner changes how letters are written: Arabic, Indic, Khmer and others."""
_PICTURE = "[\u2190-\u2bff\U0001f000-\U0001faff]"
_LAND = "\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f"
"""The flags of England, Scotland and Wales: a black flag, then tags."""

_HARMFUL = re.compile(
    rf"(?P<kept>{_LAND}|(?<={_SCRIPT})[\u200c\u200d](?={_SCRIPT})"
    rf"|(?:(?<={_PICTURE})|(?<=\ufe0f))\u200d(?={_PICTURE}))|[{_UNSEEN}]"
)
_PLAIN = re.compile(r"[\x20-\x7e]*")


def visible(text: str, *, lines: bool = False) -> str:
    r"""
    Return a text with every harmful character escaped, such as `\x1b`.

    With `lines` its line ends stay; otherwise they are escaped too, so that no text can look like a
    line of the program.
    """
    if _PLAIN.fullmatch(text):
        return text
    if not lines:
        return _HARMFUL.sub(_spelt, text)
    return "\n".join(_HARMFUL.sub(_spelt, line) for line in re.split(r"\r?\n", text))


def harmless_json(text: str) -> str:
    r"""Return JSON with every harmful character inside its texts escaped, as `\u001b`."""
    return "\n".join(_HARMFUL.sub(_escaped, line) for line in text.split("\n"))


def _spelt(match: re.Match[str]) -> str:
    if match["kept"]:
        return match["kept"]
    return match[0].encode("unicode_escape").decode()


def _escaped(match: re.Match[str]) -> str:
    if match["kept"]:
        return match["kept"]
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
