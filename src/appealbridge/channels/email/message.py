"""
Composes mails as bytes, which are always the same for the same mail.

Headers are not written by Python's email package, because in Python 3.11 it folds some of them wrongly
(python/cpython#80222, #92081, #100884, #121284): a subject loses spaces or gains a header, and a name with a comma
becomes several addresses. A header that is not plain ASCII, or longer than a line, is encoded by RFC 2047.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from appealbridge.markup.text import html_to_text
from appealbridge.model.mailbox import Mailbox, one_line, well_formed

HEADER_LIMIT = 10_000
"""The longest subject in characters: encoded it has 60 KB, and servers cut headers at 100 KB."""

_LINE = 76
_WORD = 75 - len("=?utf-8?q??=")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")
_ID_LIMIT = 200
_PLAIN = re.compile(r"[ -~]*")
_PHRASE_LIMIT = 200
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = [chr(byte) if byte in _Q_SAFE else f"={byte:02X}" for byte in range(256)]
_Q[ord(" ")] = "_"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """One mail that is ready to send; `message_id` includes its angle brackets."""

    message_id: str
    content: bytes


def compose(
    key: str,
    *,
    time: float,
    sender: Mailbox,
    recipient: Mailbox,
    subject: str,
    text: str | None,
    html: str | None,
    reply_to: Mailbox | None = None,
    in_reply_to: str | None = None,
) -> ComposedMail:
    """
    Return a mail: the same bytes for the same arguments. Its Message-ID is made from `key`.

    `time` is its Date in Unix seconds UTC, `in_reply_to` the Message-ID of the mail that it follows. Without `text` the
    plain text is made from `html`. All bytes are ASCII, except in an address with other letters before its @.
    """
    message_id = f"<{_id(key)}@{sender.domain}>"
    head = [
        f"Message-ID: {message_id}",
        f"Date: {format_datetime(datetime.fromtimestamp(int(time), UTC))}",
        _mailbox_header("From", sender),
        _mailbox_header("To", recipient),
        _text_header("Subject", subject),
        *([] if reply_to is None else [_mailbox_header("Reply-To", reply_to)]),
        *_thread_headers(in_reply_to),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    plain = _part("plain", text or html_to_text(html or ""))
    if html:
        # An encoded body never contains "=_", so no text can look like this boundary.
        boundary = f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        head.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
        parts = "".join(f"\r\n--{boundary}\r\n{part}" for part in (plain, _part("html", html)))
        content = "\r\n".join(head) + f"\r\n{parts}\r\n--{boundary}--\r\n"
    else:
        content = "\r\n".join(head) + f"\r\n{plain}"
    return ComposedMail(message_id, content.encode())


def _thread_headers(message_id: str | None) -> list[str]:
    """Return the headers by which mail programs show a mail below another (RFC 5322, 3.6.4)."""
    if message_id is None:
        return []
    return [f"{name}: {message_id}" for name in ("In-Reply-To", "References")]


def _id(key: str) -> str:
    """Return the key as the first part of a Message-ID, which must be short because it cannot be folded."""
    name = _NOT_IN_ID.sub("_", key)
    if len(name) <= _ID_LIMIT:
        return name
    return f"{name[: _ID_LIMIT - 33]}.{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def _text_header(name: str, text: str) -> str:
    line = one_line(text)
    if len(line) > HEADER_LIMIT:
        line = f"{line[: HEADER_LIMIT - 1]}…"
    header = f"{name}: {line}"
    if _is_plain(line) and len(header) <= _LINE:
        return header
    return f"{name}: " + "\r\n ".join(_encoded(line, _LINE - len(f"{name}: ")))


def _mailbox_header(name: str, box: Mailbox) -> str:
    shown = one_line(box.name)
    if not shown:
        return f"{name}: {box.address}"
    address = f"<{box.address}>"
    if _is_plain(shown) and len(shown) <= _PHRASE_LIMIT:
        # Not folded inside the quotes: some mail programs read a folded name as several addresses.
        phrase = shown if _PHRASE.fullmatch(shown) else _quoted(shown)
        header = f"{name}: {phrase} {address}"
        return header if len(header) <= _LINE else f"{name}: {phrase}\r\n {address}"
    encoded = _encoded(shown, _LINE - len(f"{name}: "))
    return f"{name}: " + "\r\n ".join([*encoded, address])


def _is_plain(text: str) -> bool:
    """Return whether mail programs show a text as it is, without decoding a part of it."""
    return _PLAIN.fullmatch(text) is not None and "=?" not in text


def _quoted(text: str) -> str:
    return '"{}"'.format(re.sub(r'([\\"])', r"\\\1", text))


def _encoded(text: str, first_line: int) -> list[str]:
    """Return a text as encoded words, one for each line; the first line has less room."""
    raw = text.encode()
    as_q = sum(len(_Q[byte]) for byte in raw) <= 4 * len(raw) / 3
    room = min(_WORD, first_line - len("=?utf-8?q??="))
    words, rest = [], text
    while rest:
        taken = _that_fits(rest[:_WORD], room if as_q else room // 4 * 3, as_q=as_q)
        if taken < len(rest):
            # Between words if possible: Python's own parser puts a space between two parts of a name.
            taken = rest.rfind(" ", 1, taken) + 1 or taken
        words.append(_encoded_word(rest[:taken], as_q=as_q))
        rest, room = rest[taken:], _WORD
    return words


def _that_fits(text: str, room: int, *, as_q: bool) -> int:
    """Return how many letters of a text fit into so many characters (Q) or bytes (base64)."""
    size = 0
    for number, letter in enumerate(text):
        raw = letter.encode()
        size += sum(len(_Q[byte]) for byte in raw) if as_q else len(raw)
        if size > room:
            return number
    return len(text)


def _encoded_word(text: str, *, as_q: bool) -> str:
    if as_q:
        return "=?utf-8?q?{}?=".format("".join(_Q[byte] for byte in text.encode()))
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def _part(kind: str, text: str) -> str:
    """Return a body with its headers; it ends with a line end."""
    lines = _LINE_END.split(well_formed(text).encode())
    if lines[-1] != b"":
        lines.append(b"")
    data = b"\r\n".join(lines)
    quoted = b"\r\n".join(binascii.b2a_qp(line).replace(b"\n", b"\r\n") for line in lines)
    encoding = "quoted-printable"
    if len(quoted) > len(data) * 1.4:
        encoding, quoted = "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{quoted.decode()}"
    )
