"""
Send mail by SMTP, one message to each recipient.

A step of a recipe:

    - action: email
      channel: press_office
      to: "{{ lists.regional_press }}"
      subject: "Appeal: {{ appeal.title }}"
      text: "{{ appeal.text }}"

The account, in appealbridge.yaml:

    press_office:
      platform: email
      smtp: smtp://mail.internal:587
      sender: Press Office <press@example.police.uk>
      credentials: { username: press, password: !secret smtp_password }

A mail that is sent twice arrives twice, and there is no account to search. So if a connection breaks after the final
dot, a person or `when_unsure` decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from appealbridge.channels.email.message import ComposedMail, MailImage, compose, message_id
from appealbridge.channels.email.smtp import (
    PRACTICE_MAIL,
    MailServer,
    hand_over,
    log_in,
    mail_server,
)
from appealbridge.model.mailbox import (
    MOST_RECIPIENTS,
    InvalidMailbox,
    Mailbox,
    mailbox,
    mailboxes,
    one_line,
    read_mailboxes,
    well_formed,
)
from appealbridge.model.size import Size, size_text
from appealbridge.plugin import (
    HTML,
    Account,
    Appearance,
    Channel,
    Delivery,
    Field,
    Options,
    Person,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    Secret,
    Tools,
    field_validator,
    in_thread,
    model_validator,
)
from appealbridge.plugin.images import AcceptsImages, Illustrated, ImageLimits, ImageRules
from appealbridge.plugin.text import safe_links

_LONGEST_ID = 500
_LONG = 16_000
_MEDIA_TYPES = frozenset({"image/jpeg", "image/png"})
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>", re.ASCII)


class SmtpCredentials(Options):
    """A login at the mail server."""

    username: str = Field(min_length=1, description="The user name.", examples=["press"])
    password: Secret = Field(description="The password.", examples=["!secret smtp_password"])


class EmailAccount(Account):
    """One sender at one mail server."""

    smtp: str = Field(
        description="The mail server: `smtp://host:port`, or `smtps://host:port` for TLS from the first byte.",
        examples=["smtp://mail.internal:587"],
    )
    starttls: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether `smtp://` switches to TLS: if the server offers it (`auto`), always, or never.",
        examples=["always"],
    )
    sender: str = Field(
        description="The address that the mail is from.",
        examples=["Press Office <press@example.police.uk>"],
    )
    credentials: SmtpCredentials | None = Field(
        None,
        description="The login for the mail server, if it needs one.",
        examples=[{"username": "press", "password": "!secret smtp_password"}],
    )
    max_recipients: int = Field(
        500,
        ge=1,
        le=MOST_RECIPIENTS,
        description="A step with more recipients than this is refused, because that is probably a mistake.",
        examples=[500],
    )

    max_size: Size = Field(
        10_000_000,
        ge=100_000,
        le=50_000_000,
        description="The largest mail, with its pictures as they are sent. Most servers take 10 to 25 MB.",
        examples=["10MB"],
    )

    @field_validator("smtp")
    @classmethod
    def _server(cls, value: str) -> str:
        return mail_server(value)

    @field_validator("sender")
    @classmethod
    def _from(cls, value: str) -> str:
        sender = mailbox(value)
        if not sender.address.isascii():
            raise ValueError(
                "the part before the @ must have ASCII letters only, which every server accepts"
            )
        return str(sender)


class Email(Illustrated):
    """One mail, to one recipient or to several who do not see each other."""

    to: str | tuple[str, ...] = Field(
        description="One address, several separated by commas or semicolons, or a list of addresses.",
        examples=["{{ lists.regional_press }}"],
    )
    subject: str = Field(
        min_length=1,
        description="The subject. Line breaks in it become spaces.",
        examples=["Appeal: {{ appeal.title }}"],
    )
    text: str | None = Field(
        None,
        description="The mail as plain text. If left out, it is made from `html`.",
        examples=["{{ appeal.text }}"],
    )
    html: Annotated[str | None, HTML] = Field(
        None,
        description="The mail as HTML. Values in it are escaped.",
        examples=["<p>{{ appeal.text }}</p>"],
    )
    reply_to: str | None = Field(
        None,
        description="The address for replies, if not the sender's.",
        examples=["desk@example.org"],
    )

    in_reply_to: str | None = Field(
        None,
        max_length=_LONGEST_ID,
        description="The Message-ID of an earlier mail, which is its step's `id`: mail programs show this mail below "
        "that one.",
        examples=["{{ results.appeal_mail.id }}"],
    )

    @field_validator("in_reply_to")
    @classmethod
    def _message_id(cls, value: str | None) -> str | None:
        if value is not None and not _MESSAGE_ID.fullmatch(value):
            raise ValueError("give a Message-ID with its angle brackets, such as <412@example.org>")
        return value

    @field_validator("subject")
    @classmethod
    def _one_line(cls, value: str) -> str:
        line = one_line(value)
        if not line:
            raise ValueError("must not be empty")
        return line

    @field_validator("to")
    @classmethod
    def _to(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        # An entry that is not an address becomes a delivery that fails, without stopping the others.
        if not _recipients(value):
            raise ValueError("give at least one address in `to`")
        return value

    @field_validator("text")
    @classmethod
    def _well_formed(cls, value: str | None) -> str | None:
        return None if value is None else well_formed(value)

    @field_validator("html")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        return None if value is None else safe_links(well_formed(value))

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if not (self.text or self.html):
            raise ValueError("give the mail text:, html: or both")
        return self

    def recipients(self) -> list[Mailbox | InvalidMailbox]:
        """Return each recipient once, in order, and the entries that are not addresses."""
        return _recipients(self.to)


def _recipients(to: str | tuple[str, ...]) -> list[Mailbox | InvalidMailbox]:
    recipients: dict[str, Mailbox | InvalidMailbox] = {}
    for entry in read_mailboxes(*([to] if isinstance(to, str) else to)):
        recipients.setdefault(_part(entry), entry)
    return list(recipients.values())


def _part(entry: Mailbox | InvalidMailbox) -> str:
    """Return the part of a delivery's id for a recipient."""
    return (entry.address if isinstance(entry, Mailbox) else entry.text).lower()


class Mail(Channel[EmailAccount, Email], AcceptsImages[EmailAccount]):
    """Sends one message for one recipient through the mail server, with its images inside."""

    platform: ClassVar[str] = "email"
    action: ClassVar[str] = "email"
    appearance: ClassVar[Appearance] = Appearance("Mail", "#9a4a12", form="letter")
    account = EmailAccount
    message = Email
    repeat: ClassVar[Repeat] = Repeat.NEITHER
    time_limit: ClassVar[float] = 1200.0  # a server may take ten minutes after the final dot alone
    mentions: ClassVar[frozenset[str]] = frozenset()
    recipient: ClassVar[str] = "to"

    async def deliver(
        self, account: EmailAccount, message: Email, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Send the message; the receipt is its Message-ID."""
        sender, recipient = mailbox(account.sender), _recipient(message)
        images = [
            MailImage(image.rendition.media_type, image.alt, await tools.data_of(image))
            for image in message.images
        ]
        long = sum(len(text or "") for text in (message.subject, message.text, message.html))
        if images or long > _LONG:
            # To write some megabytes of base64, or to read long HTML, takes time that others need.
            mail = await in_thread(_composed, sender, recipient, message, delivery, images)
        else:
            mail = _composed(sender, recipient, message, delivery)
        if len(mail.content) > account.max_size:
            raise Rejected(
                f"the mail has {size_text(len(mail.content))}, but max_size allows "
                f"{size_text(account.max_size)}; send fewer pictures, or raise it in appealbridge.yaml"
            )
        server = await _server(account, tools)
        await hand_over(server, sender.address, recipient.address, mail.content, tools.http)
        return Receipt(mail.message_id, account=account.sender)

    def known_receipt(self, account: EmailAccount, delivery: Delivery) -> Receipt:
        return Receipt(message_id(delivery.id, mailbox(account.sender)), account=account.sender)

    def image_rules(self, account: EmailAccount) -> ImageRules:
        """Four pictures, and the text, fit into the largest mail: base64 makes them larger by a third."""
        limits = ImageLimits(
            _MEDIA_TYPES, account.max_size * 17 // 100, max_width=2560, max_height=2560
        )
        return ImageRules(limits, most=4, alt_length=2000)

    async def check(self, account: EmailAccount, tools: Tools) -> str:
        """Log in, check whether the sender may send, and log out; return the sender."""
        sender = mailbox(account.sender).address
        await log_in(await _server(account, tools), tools.http, sender)
        return account.sender

    def flaw(self, option: str, text: str) -> str:
        read = {"to": mailboxes, "reply_to": mailbox}.get(option)
        try:
            if read is not None:
                read(text)
        except ValueError as error:
            return str(error)
        return ""

    def parts(self, account: EmailAccount, message: Email) -> Iterable[tuple[str, Email]]:
        recipients = message.recipients()
        if len(recipients) > account.max_recipients:
            raise Rejected(
                f"{len(recipients)} recipients, but max_recipients allows {account.max_recipients}; "
                "shorten the list, or raise it in appealbridge.yaml"
            )
        return [
            (_part(entry), message.model_copy(update={"to": str(entry)})) for entry in recipients
        ]

    def tell(self, account: EmailAccount, person: Person, title: str, text: str) -> Email | None:
        if not person.email:
            return None
        return Email(
            to=person.email,
            subject=title,
            text=text,
            html=None,
            reply_to=None,
            in_reply_to=None,
        )

    def practice(self, name: str, options: Mapping[str, Any], address: str) -> Mapping[str, Any]:
        """Use the mail server of the practice platforms, and no other."""
        smtp = f"{PRACTICE_MAIL}{address}"
        return {**options, "smtp": smtp, "starttls": "auto", "credentials": None}


async def _server(account: EmailAccount, tools: Tools) -> MailServer:
    login = account.credentials
    address = account.smtp
    if address.startswith(PRACTICE_MAIL):
        reply = await tools.http.get(f"{address.removeprefix(PRACTICE_MAIL)}/smtp")
        with reply.expecting("the address of a mail server"):
            address = mail_server(str(reply.at("smtp")))
    return MailServer(
        address,
        mailbox(account.sender).domain,
        account.starttls,
        "" if login is None else login.username,
        None if login is None else login.password,
    )


def _recipient(message: Email) -> Mailbox:
    """Return the only recipient of a delivery; raise `Rejected` if it has none or several."""
    recipients = message.recipients()
    if len(recipients) != 1:
        raise Rejected(f"a mail goes to one recipient, but this has {len(recipients)}")
    (recipient,) = recipients
    if isinstance(recipient, InvalidMailbox):
        raise Rejected(recipient.why)
    return recipient


def _composed(
    sender: Mailbox,
    recipient: Mailbox,
    message: Email,
    delivery: Delivery,
    images: Sequence[MailImage] = (),
) -> ComposedMail:
    try:
        reply_to = None if message.reply_to is None else mailbox(message.reply_to)
    except ValueError as error:
        raise Rejected(f"reply_to: {error}") from None
    return compose(
        delivery.id,
        time=delivery.planned_at,
        sender=sender,
        recipient=recipient,
        subject=message.subject,
        text=message.text,
        html=message.html,
        reply_to=reply_to,
        in_reply_to=message.in_reply_to,
        images=images,
    )


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(Mail())
