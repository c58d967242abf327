"""
Mail addresses as people write them: one or several, with or without names.

Each entry is read for itself, so that a wrong one says what is wrong with it and spoils no other.
The domain is turned into its ASCII form here, so that all that follows compares and sends only that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest

import idna

MOST_RECIPIENTS = 2000
"""How many recipients one message may have."""

_TEXT_LIMIT = 100_000
_ENTRY_LIMIT = 500
_SHOWN = 100
_LISTED = 5

_EXAMPLE = "press@example.org"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\U0010ffff-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_SEPARATORS = re.compile(r"[,;\r\n]")
_MARKS = re.compile(r'\\.|["(),;\r\n]', re.DOTALL)
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_COMMENTED = re.compile(r"(?P<address>[^\s()<>\"]+)\s*\((?P<name>[^()]*)\)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,."\x00-\x1f\x7f]|^\s|\s$')
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_GAP = re.compile(rf"(?:\s|{_CONTROL.pattern})+")
_BLANKS = "".join(
    char for char in map(chr, range(0x3001)) if char.isspace() or _CONTROL.fullmatch(char)
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address, its domain in ASCII, and the name before it, which may be empty."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The domain, after the @."""
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        if not self.name:
            return self.address
        name = self.name
        if _SPECIAL.search(name):
            name = '"{}"'.format(re.sub(r'([\\"])', r"\\\1", name))
        return f"{name} <{self.address}>"


@dataclass(frozen=True, slots=True)
class InvalidMailbox:
    """An entry that is not an address, and why; `str()` is the entry on one line, without separators."""

    text: str
    why: str

    def __str__(self) -> str:
        return self.text


def read_mailboxes(*texts: str) -> list[Mailbox | InvalidMailbox]:
    """
    Return each entry of texts such as `Press <a@example.org>; b@example.org`, also those that are no address.

    Raise `ValueError` where there are more than any message is written to.
    """
    if sum(map(len, texts)) > _TEXT_LIMIT:
        raise ValueError(f"more than {_TEXT_LIMIT:,} characters of addresses; write to fewer")
    parts = [
        [part for part in (piece.strip(_BLANKS) for piece in _split(text)) if part]
        for text in texts
    ]
    if sum(map(len, parts)) > MOST_RECIPIENTS:
        raise ValueError(f"more than {MOST_RECIPIENTS:,} addresses; write to fewer")
    return [
        _read(part, after)
        for some in parts
        for part, after in zip_longest(some, some[1:], fillvalue="")
    ]


def mailboxes(text: str) -> list[Mailbox]:
    """Return the addresses in a text; raise `ValueError` with all that are none."""
    boxes = read_mailboxes(text)
    wrong = [entry.why for entry in boxes if isinstance(entry, InvalidMailbox)]
    if wrong:
        raise ValueError(", and ".join(wrong[:_LISTED]))
    return [entry for entry in boxes if isinstance(entry, Mailbox)]


def mailbox(text: str) -> Mailbox:
    """Return the one address in a text; raise `ValueError` where there is another number of them."""
    boxes = mailboxes(text)
    if len(boxes) != 1:
        raise ValueError(
            f'"{_shown(text)}" is not one address but {len(boxes)}; give one, and put a name with a comma in quotes'
        )
    return boxes[0]


def one_line(text: str) -> str:
    """
    Return a text as one line without blanks at its ends: line ends and control characters become a space.

    So nothing in it can begin a header of its own.
    """
    line = well_formed(text)
    if _CONTROL.search(line):
        line = _GAP.sub(lambda gap: " " if _CONTROL.search(gap[0]) else gap[0], line)
    return line.strip()


def well_formed(text: str) -> str:
    """Return a text that UTF-8 can write: halves of surrogate pairs are replaced."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _split(text: str) -> Iterator[str]:
    """Yield the texts between separators, except separators in quotes or parentheses."""
    begin = depth = 0
    quoted = False
    for mark in _MARKS.finditer(text):
        sign = mark[0][-1]
        if quoted and len(mark[0]) > 1:
            continue  # escaped; outside quotes a backslash is one
        if sign == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth = max(0, depth - 1)
        elif not depth and sign in ",;\r\n":
            yield text[begin : mark.end() - 1]
            begin = mark.end()
    rest = text[begin:]
    # A quote that is never closed must not take the entries after it along.
    yield from _SEPARATORS.split(rest) if quoted or depth else [rest]


def _read(text: str, after: str = "") -> Mailbox | InvalidMailbox:
    """Read one entry; `after` is the next one."""
    if len(text) > _ENTRY_LIMIT:
        return _none(text, "is too long for an address")
    form = _NAMED.fullmatch(text) or _COMMENTED.fullmatch(text)
    name, address = ("", text) if form is None else (_name(form["name"]), form["address"].strip())
    local, at, domain = address.rpartition("@")
    ascii_domain = _ascii(domain) if at and _is_local(local) else ""
    if ascii_domain:
        return Mailbox(name, f"{unicodedata.normalize('NFC', local)}@{ascii_domain}")
    return _none(text, f"is not an address such as {_EXAMPLE}{_cure(text, after)}")


def _none(text: str, problem: str) -> InvalidMailbox:
    shown = _shown(text)
    return InvalidMailbox(_SEPARATORS.sub(" ", shown).strip() or "?", f'"{shown}" {problem}')


def _cure(text: str, after: str) -> str:
    if re.fullmatch(r"lists\.\w+", text):
        return f'; write "{{{{ {text} }}}}"'
    if "@" not in text and (named := _NAMED.fullmatch(after)) and named["name"].strip():
        return f'; a name with a comma needs quotes: "{text}, {_shown(named["name"].strip())}" <…>'
    return ""


def _name(text: str) -> str:
    return one_line(_QUOTED.sub(lambda match: _ESCAPED.sub(r"\1", match[1]), text))


def _is_local(text: str) -> bool:
    """Return whether a text can be before the @; letters outside ASCII can, if both servers accept them."""
    if not _LOCAL.fullmatch(text) or len(well_formed(text).encode()) > 64:
        return False
    if text.isascii():
        return "=?" not in text  # some readers would decode it
    return text.isprintable() and not any(map(str.isspace, text))


@lru_cache(maxsize=4096)
def _ascii(domain: str) -> str:
    """Return a domain in its ASCII form, empty if it is not one."""
    if not domain or len(domain) > 253:
        return ""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (UnicodeError, ValueError):
            return ""
    labels = domain.split(".")
    good = all(len(label) <= 63 and _LABEL.fullmatch(label) for label in labels)
    return domain if good and len(domain) <= 253 else ""


def _shown(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
