"""Decides what a mail server's refusal means at each stage of the conversation. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Rejected,
    TryAgain,
    Unsure,
)


class SmtpStage(StrEnum):
    """The stages of the conversation."""

    GREETING = "greeting"
    """The first line, EHLO, STARTTLS."""
    AUTH = "AUTH"
    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    """DATA itself, and the mail up to its final dot."""
    FINAL_DOT = "final dot"


_QUOTA_WAIT = 3600.0
"""Servers do not say when an account's daily quota is renewed, so AppealBridge tries once an hour."""

_TOO_BIG = 552
_LOGIN = frozenset({530, 534, 535, 538})
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_RATE = re.compile(
    r"\brates?\b|rate.?limit|throttl|\btoo (?:many|much|fast|quickly|often)\b"
    r"|\b(?:limit|quota)s?\b.{0,30}\b(?:exceeded|reached)\b|\bexceed\w*\b.{0,30}\b(?:limit|quota)s?\b",
    re.IGNORECASE,
)
_NO_RATE = re.compile(r"gr[ea]y.?list|\bsize\b", re.IGNORECASE)
_SENDER = re.compile(
    r"sender address rejected|not owned by|\bsend.?as|bad outbound sender|not allowed to send"
    r"|authenticat|\blog(?:ged)?.?in\b|not verified",
    re.IGNORECASE,
)
_CLIENT = re.compile(r"client host|helo command|\brelay|\bblock\w* using", re.IGNORECASE)
_RECIPIENT = re.compile(r"mailbox|\busers?\b|no such|unknown|inactive|disabled", re.IGNORECASE)
_SENDER_CODES = ((1, 7), (1, 8))
"""5.1.7 and 5.1.8 are about the sender's address."""
_THEIR_RULE = range(124, 137)
"""Exchange's 5.7.124 to 5.7.136: this recipient takes no mail from this sender."""


def failure(
    stage: SmtpStage, code: int, text: str, message: str, *, sender: str = "", recipient: str = ""
) -> DeliveryError:
    """
    Return what a refusal means; `message` is for people.

    As RFC 5321 says, the first digit of the `code` decides: 4 is temporary, 5 permanent. Any other code says nothing,
    so after the final dot the outcome is unclear. A refusal of the account, its login or its sender stops the account;
    a refusal of the recipient or the mail ends this delivery only.
    """
    subject, detail = _enhanced(code, text)
    if 400 <= code < 600 and (subject, detail) == (4, 5):
        return TryAgain(message, after=_QUOTA_WAIT, throttled=True, status=code)
    if 400 <= code < 500:
        is_rate = _RATE.search(text) is not None and not _NO_RATE.search(text)
        throttled = subject not in (1, 2) and is_rate
        return TryAgain(message, throttled=throttled, status=code)
    if 500 <= code < 600:
        enhanced = (subject, detail)
        if not _is_about_the_account(stage, code, text, enhanced, sender, recipient):
            return Rejected(message, status=code)
        if code in _LOGIN or stage is SmtpStage.AUTH:
            return LoginExpired(message, status=code)
        named = _names_us(text.lower(), sender.lower(), recipient.lower())
        sure = stage is not SmtpStage.RCPT or enhanced in _SENDER_CODES or named
        return AccountRefused(message, sure=sure, status=code)
    return Unsure(message) if stage is SmtpStage.FINAL_DOT else TryAgain(message)


def _enhanced(code: int, text: str) -> tuple[int, int]:
    """Return the second and third number of an enhanced status code (RFC 3463) of the same class as the reply."""
    for number in _ENHANCED.finditer(text):
        if int(number[1]) == code // 100:
            return int(number[2]), int(number[3])
    return 0, 0


def _is_about_the_account(
    stage: SmtpStage, code: int, text: str, enhanced: tuple[int, int], sender: str, recipient: str
) -> bool:
    if code in _LOGIN or stage in (SmtpStage.GREETING, SmtpStage.AUTH):
        return True
    if stage is SmtpStage.MAIL:
        # 5.3.4 means too big, 5.6.7 that the mail needs SMTPUTF8: both are about this mail.
        return code != _TOO_BIG and enhanced not in ((3, 4), (6, 7))
    if enhanced in _SENDER_CODES:
        return True
    if enhanced[0] in (1, 2) or (enhanced[0] == 7 and enhanced[1] in _THEIR_RULE):
        return False
    if stage is not SmtpStage.RCPT:
        return _SENDER.search(text) is not None
    return _refuses_us(code, text.lower(), sender.lower(), recipient.lower())


def _refuses_us(code: int, text: str, sender: str, recipient: str) -> bool:
    """
    Return whether a refusal at RCPT is about the sender or the client, which many servers refuse only then.

    If the text does not say, the code decides: 553 and 554 are about us, while for an unknown recipient servers say
    550.
    """
    if "recipient" in text:
        return False
    if _names_us(text, sender, recipient):
        return True
    if (recipient and recipient in text) or _RECIPIENT.search(text):
        return False
    return code in (553, 554)


def _names_us(text: str, sender: str, recipient: str) -> bool:
    """Return whether the text of a refusal is about the sender or the client."""
    if _SENDER.search(text) or _CLIENT.search(text):
        return True
    return bool(sender) and sender != recipient and sender in text
