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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

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
_NAMED = re.compile(r"\bcid:image([0-9]{1,2})\b(?![.@])")
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class ComposedMail:
    """One mail that is ready to send; `message_id` includes its angle brackets."""

    message_id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MailImage:
    """A picture of a mail; HTML shows it as `cid:image1`, `cid:image2` and so on."""

    media_type: str
    alt: str
    data: bytes


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
    images: Sequence[MailImage] = (),
) -> ComposedMail:
    """
    Return a mail: the same bytes for the same arguments. Its Message-ID is made from `key`.

    `time` is its Date in Unix seconds UTC, `in_reply_to` the Message-ID of the mail that it follows. Without `text` the
    plain text is made from `html`. HTML shows the images, those that it does not name at its end; a mail without HTML
    has them as attachments. The plain text has their alt texts. All bytes are ASCII, except in an address with other
    letters before its @.
    """
    its_id = message_id(key, sender)
    head = [
        f"Message-ID: {its_id}",
        f"Date: {format_datetime(datetime.fromtimestamp(int(time), UTC))}",
        _mailbox_header("From", sender),
        _mailbox_header("To", recipient),
        _text_header("Subject", subject),
        *([] if reply_to is None else [_mailbox_header("Reply-To", reply_to)]),
        # By these, mail programs show a mail below another (RFC 5322, 3.6.4).
        *(f"{name}: {in_reply_to}" for name in ("In-Reply-To", "References") if in_reply_to),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    # An encoded body never contains "=_", so no text can look like these boundaries.
    boundary = f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    body = _part("plain", (text or html_to_text(html or "")) + _alt_texts(images))
    ids = [f"image{number}.{its_id[1:-1]}" for number in range(1, len(images) + 1)]
    pictures = [
        _image(image, id_, inline=bool(html)) for image, id_ in zip(images, ids, strict=True)
    ]
    if html:
        shown = _part("html", _with_images(html, images, ids))
        if pictures:
            shown = _multipart("related", f"{boundary}r", [shown, *pictures])
        body = _multipart("alternative", boundary, [body, shown])
    elif pictures:
        body = _multipart("mixed", boundary, [body, *pictures])
    return ComposedMail(its_id, ("\r\n".join(head) + f"\r\n{body}").encode())


def _multipart(kind: str, boundary: str, parts: Iterable[str]) -> str:
    """Return several parts as one, with its header."""
    inside = "".join(f"\r\n--{boundary}\r\n{part}" for part in parts)
    return f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n{inside}\r\n--{boundary}--\r\n'


def _alt_texts(images: Sequence[MailImage]) -> str:
    lines = [
        f"Picture {number}: {one_line(image.alt)}"
        for number, image in enumerate(images, start=1)
        if image.alt.strip()
    ]
    return "\n\n" + "\n".join(lines) if lines else ""


def _with_images(html: str, images: Sequence[MailImage], ids: Sequence[str]) -> str:
    """Return HTML that shows each image, by the ids that the images have in this mail."""
    named = {int(number) for number in _NAMED.findall(html)}
    shown = _NAMED.sub(
        lambda match: (
            f"cid:{ids[int(match[1]) - 1]}" if 0 < int(match[1]) <= len(ids) else match[0]
        ),
        html,
    )
    for number, (image, id_) in enumerate(zip(images, ids, strict=True), start=1):
        if number not in named:
            alt = escape(one_line(image.alt), quote=True)
            shown += f'\n<p><img src="cid:{id_}" alt="{alt}" style="max-width: 100%"></p>'
    return shown


def _image(image: MailImage, id_: str, *, inline: bool) -> str:
    """Return a picture with its headers. Its name tells nothing of what it shows."""
    number = id_.partition(".")[0].removeprefix("image")
    name = f"picture-{number}.{_ENDINGS.get(image.media_type, 'bin')}"
    data = base64.encodebytes(image.data).replace(b"\n", b"\r\n").decode()
    return (
        f'Content-Type: {image.media_type}; name="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{id_}>\r\n"
        f'Content-Disposition: {"inline" if inline else "attachment"}; filename="{name}"\r\n\r\n{data}'
    )


def message_id(key: str, sender: Mailbox) -> str:
    """Return the Message-ID of the mail that `compose` makes with this key and sender."""
    name = _NOT_IN_ID.sub("_", key)
    if len(name) > _ID_LIMIT:  # it cannot be folded, so it must be short
        name = f"{name[: _ID_LIMIT - 33]}.{hashlib.sha256(key.encode()).hexdigest()[:32]}"
    return f"<{name}@{sender.domain}>"


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
    available = min(_WORD, first_line - len("=?utf-8?q??="))
    encoded, rest = [], text
    while rest:
        length = _that_fits(rest[:_WORD], available if as_q else available // 4 * 3, as_q=as_q)
        if length < len(rest):
            # Between words if possible: Python's own parser puts a space between two parts of a name.
            length = rest.rfind(" ", 1, length) + 1 or length
        encoded.append(_encoded_word(rest[:length], as_q=as_q))
        rest, available = rest[length:], _WORD
    return encoded


def _that_fits(text: str, available: int, *, as_q: bool) -> int:
    """Return how many letters of a text fit into so many characters (Q) or bytes (base64)."""
    size = 0
    for number, letter in enumerate(text):
        raw = letter.encode()
        size += sum(len(_Q[byte]) for byte in raw) if as_q else len(raw)
        if size > available:
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
