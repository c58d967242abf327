"""
Addresses as people write them, and a mail whose bytes are the same however often it is composed.

Nothing that a recipe says can begin a header of its own: line breaks are refused in every one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, getaddresses

from appealbridge.markup.text import html_to_text

_POLICY = SMTP.clone(cte_type="7bit")  # not every server takes eight
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address and the name before it, which may be empty."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """What stands after the @."""
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return formataddr((self.name, self.address))


def mailboxes(text: str) -> list[Mailbox]:
    """Return the addresses in `Press <a@example.org>, b@example.org`; raise `ValueError` where one is none."""
    one_line(text)
    found = [Mailbox(name, address) for name, address in getaddresses([text])]
    if not all(_ADDRESS.fullmatch(box.address) for box in found):
        raise ValueError(f"{text[:80]!r} is not an address such as press@example.org")
    return found


def mailbox(text: str) -> Mailbox:
    """Return the one address in a text; raise `ValueError` where there is another number of them."""
    found = mailboxes(text)
    if len(found) != 1:
        raise ValueError(f"{text[:80]!r} is not one address but {len(found)}; give one")
    return found[0]


def one_line(text: str) -> str:
    """Return the text; raise `ValueError` where it could begin a header of its own."""
    if _CONTROL.search(text):
        raise ValueError("line breaks and control characters cannot stand in a mail's header")
    return text


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
) -> EmailMessage:
    """
    Return the mail known by `key`, from which its Message-ID comes: the same bytes for the same arguments.

    `time` is its Date in Unix seconds UTC. Where `text` is missing, it is taken from `html`.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["Message-ID"] = f"<{_NOT_IN_ID.sub('_', key)}@{sender.domain}>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(int(time), UTC))
    mail["From"] = str(sender)
    mail["To"] = str(recipient)
    mail["Subject"] = one_line(subject)
    if reply_to is not None:
        mail["Reply-To"] = str(reply_to)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text or html_to_text(html or ""))
    if html:
        mail.add_alternative(html, subtype="html")
        # The library would draw the boundary at random, and a second try would be other bytes.
        mail.set_boundary(f"=_{hashlib.sha256(key.encode()).hexdigest()[:32]}")
    return mail
