"""
Send mail by SMTP, one message to each recipient.

A step of a recipe:

    - action: email
      channel: press_office
      to: "{{ lists.regional_press }}"
      subject: "Appeal: {{ headline }}"
      text: "{{ appeal.text }}"

The account, in appealbridge.yaml:

    press_office:
      platform: email
      smtp: smtp://mail.internal:587
      sender: Press Office <press@example.police.uk>
      credentials: { username: press, password: !secret smtp_password }

Mail has no memory: the same message handed over twice is delivered twice, and nobody can look. A
connection that breaks after the final dot is therefore for a person, or for `when_unsure`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from typing import Any, ClassVar, Literal

from appealbridge.plugin import (
    PRACTICE_MAIL,
    Account,
    Channel,
    Delivery,
    Field,
    Mailbox,
    MailServer,
    Options,
    Person,
    Receipt,
    Registry,
    Rejected,
    Repeat,
    Secret,
    Tools,
    compose,
    field_validator,
    hand_over,
    log_in,
    mail_server,
    mailbox,
    mailboxes,
    model_validator,
    one_line,
)


class SmtpCredentials(Options):
    """A login at the mail server."""

    username: str = Field(min_length=1, description="The login's name.", examples=["press"])
    password: Secret = Field(description="Its password.", examples=["!secret smtp_password"])


class EmailAccount(Account):
    """One sender at one mail server."""

    smtp: str = Field(
        description="The mail server: `smtp://host:port`, or `smtps://` for TLS from the first byte.",
        examples=["smtp://mail.internal:587"],
    )
    starttls: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Whether `smtp://` goes over to TLS: where the server offers it, always, or never.",
        examples=["always"],
    )
    sender: str = Field(
        description="Whom the mail is from.", examples=["Press Office <press@example.police.uk>"]
    )
    credentials: SmtpCredentials | None = Field(
        None,
        description="How we log in, where the server wants it.",
        examples=[{"username": "press", "password": "!secret smtp_password"}],
    )
    max_recipients: int = Field(
        500,
        ge=1,
        description="More recipients than this in one step are refused: a slip, not a list.",
        examples=[500],
    )

    @field_validator("smtp")
    @classmethod
    def _server(cls, value: str) -> str:
        return mail_server(value)

    @field_validator("sender")
    @classmethod
    def _from(cls, value: str) -> str:
        return str(mailbox(value))


class Email(Options):
    """One mail, to one recipient or to many who never learn of each other."""

    to: str | tuple[str, ...] = Field(
        description="One address, several with commas between, or a list of them.",
        examples=["{{ lists.regional_press }}"],
    )
    subject: str = Field(
        min_length=1, description="The subject, on one line.", examples=["Appeal: {{ headline }}"]
    )
    text: str | None = Field(
        None,
        description="The mail in plain words; left out, taken from `html`.",
        examples=["{{ appeal.text }}"],
    )
    html: str | None = Field(
        None, description="The mail as HTML.", examples=["<p>{{ appeal.text }}</p>"]
    )
    reply_to: str | None = Field(
        None, description="Where answers go, if not to the sender.", examples=["desk@example.org"]
    )

    @field_validator("subject")
    @classmethod
    def _one_line(cls, value: str) -> str:
        return one_line(value)

    @field_validator("to")
    @classmethod
    def _to(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not _recipients(value):
            raise ValueError("give at least one address in `to`")
        return value

    @field_validator("reply_to")
    @classmethod
    def _reply_to(cls, value: str | None) -> str | None:
        return None if value is None else str(mailbox(value))

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if not (self.text or self.html):
            raise ValueError("give the mail a text, or html, or both")
        return self

    def recipients(self) -> list[Mailbox]:
        """Return each recipient once, in order."""
        return _recipients(self.to)


def _recipients(to: str | tuple[str, ...]) -> list[Mailbox]:
    given = [to] if isinstance(to, str) else to
    found: dict[str, Mailbox] = {}
    for box in (box for part in given for box in mailboxes(part)):
        found.setdefault(box.address.lower(), box)
    return list(found.values())


class Mail(Channel[EmailAccount, Email]):
    """Hand one message for one recipient to the mail server."""

    platform: ClassVar[str] = "email"
    action: ClassVar[str] = "email"
    account = EmailAccount
    message = Email
    repeat: ClassVar[Repeat] = Repeat.NEITHER

    async def deliver(
        self, account: EmailAccount, message: Email, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Hand the message over; the receipt is its Message-ID."""
        mail = _composed(account, message, delivery)
        sender, recipient = mailbox(account.sender), mailbox(str(mail["To"]))
        await hand_over(
            await _server(account, tools),
            sender.address,
            recipient.address,
            mail.as_bytes(),
            tools.clean,
        )
        return Receipt(str(mail["Message-ID"]))

    async def check(self, account: EmailAccount, tools: Tools) -> str:
        """Log in and leave; return the sender."""
        await log_in(await _server(account, tools), tools.clean)
        return account.sender

    def parts(self, account: EmailAccount, message: Email) -> Iterable[tuple[str, Email]]:
        """Return one message a recipient."""
        recipients = message.recipients()
        if len(recipients) > account.max_recipients:
            raise Rejected(
                f"{len(recipients)} recipients, and max_recipients allows {account.max_recipients}; "
                "shorten the list, or raise it in appealbridge.yaml"
            )
        return [
            (box.address.lower(), message.model_copy(update={"to": str(box)})) for box in recipients
        ]

    def tell(self, account: EmailAccount, person: Person, title: str, text: str) -> Email | None:
        """Write to the person's address."""
        del account
        if not person.email:
            return None
        return Email(to=person.email, subject=title, text=text, html=None, reply_to=None)

    def practice(self, name: str, options: Mapping[str, Any], address: str) -> Mapping[str, Any]:
        """Have the practice platforms asked where their mail server is, so that it can be no other."""
        del name
        asked = f"{PRACTICE_MAIL}{address}"
        return {**options, "smtp": asked, "starttls": "auto", "credentials": None}


async def _server(account: EmailAccount, tools: Tools) -> MailServer:
    login = account.credentials
    address = account.smtp
    if address.startswith(PRACTICE_MAIL):
        reply = await tools.http.get(f"{address.removeprefix(PRACTICE_MAIL)}/smtp")
        with reply.taken_for("the address of a mail server"):
            address = mail_server(str(reply.at("smtp")))
    return MailServer(
        address,
        mailbox(account.sender).domain,
        account.starttls,
        "" if login is None else login.username,
        None if login is None else login.password,
    )


def _composed(account: EmailAccount, message: Email, delivery: Delivery) -> EmailMessage:
    try:
        (recipient,) = message.recipients()
        return compose(
            delivery.id,
            time=delivery.planned_at,
            sender=mailbox(account.sender),
            recipient=recipient,
            subject=message.subject,
            text=message.text,
            html=message.html,
            reply_to=None if message.reply_to is None else mailbox(message.reply_to),
        )
    except ValueError as error:
        raise Rejected(f"this cannot be sent as one mail to one recipient: {error}") from None


def register(registry: Registry) -> None:
    """Take the channel in."""
    registry.add(Mail())
