"""The public door: everything that a trigger or a channel may use, and nothing else of ours."""

from pydantic import Field, SecretStr, field_validator, model_validator

from appealbridge.markup.entry import Entry as FeedEntry
from appealbridge.markup.safe_links import safe_links
from appealbridge.markup.text import html_to_text, paragraphs
from appealbridge.model.appeal import Appeal, AppealImage, AppealStatus
from appealbridge.model.delivery import Delivery
from appealbridge.model.duration import Duration
from appealbridge.model.errors import (
    AccountRefused,
    DeliveryError,
    LoginExpired,
    Refused,
    Rejected,
    SourceDown,
    TryAgain,
    Unsure,
)
from appealbridge.model.event import ALWAYS, Event, EventDraft, Repeats
from appealbridge.model.receipt import Receipt
from appealbridge.plugin.allowance import Allowance
from appealbridge.plugin.appeal_files import AppealFile, read_appeals
from appealbridge.plugin.body import json_body
from appealbridge.plugin.channel import (
    Account,
    Channel,
    Measure,
    Person,
    Repeat,
    Sought,
    Tools,
    WhenUnsure,
)
from appealbridge.plugin.feeds import READING as FEED_READING
from appealbridge.plugin.feeds import FeedLook, read_feed
from appealbridge.plugin.feeds import bounded as short_identity
from appealbridge.plugin.feeds import digest as content_digest
from appealbridge.plugin.feeds import identity as feed_identity
from appealbridge.plugin.http import Http
from appealbridge.plugin.jsonpath import JsonPath, PathText, compile_path
from appealbridge.plugin.links import links
from appealbridge.plugin.mail import ComposedMail, compose
from appealbridge.plugin.mail_addresses import (
    MOST_RECIPIENTS,
    InvalidMailbox,
    Mailbox,
    mailbox,
    mailboxes,
    one_line,
    read_mailboxes,
    well_formed,
)
from appealbridge.plugin.mapping import Paths, mapped
from appealbridge.plugin.normal_form import composed
from appealbridge.plugin.options import (
    HTML,
    Address,
    FeedAddress,
    FeedCredentials,
    Options,
    Secret,
    feed_credentials,
)
from appealbridge.plugin.preset import (
    MONITORING,
    MONITORING_BYTES,
    PRESET_FIELDS,
    PRESETS,
    WHOLE_REQUEST,
    PresetName,
    Read,
    is_pagerdutys_test,
    moment,
)
from appealbridge.plugin.registry import Registry
from appealbridge.plugin.reply import Effect, Reply, excerpt, failure
from appealbridge.plugin.seeking import (
    TAKEN_FOR_A_REPEAT,
    Seen,
    candidates,
    clock_ahead,
    judge,
    listed_since,
    refused_as_repeat,
    shown,
)
from appealbridge.plugin.signature import (
    SHORTEST,
    Digest,
    Proof,
    Scheme,
    Verify,
    key_of,
    proof,
    signed_id,
    verifier,
)
from appealbridge.plugin.smtp import PRACTICE_MAIL, MailServer, hand_over, log_in, mail_server
from appealbridge.plugin.text import (
    FACEBOOK_LIMIT,
    MASTODON_LIMIT,
    X_LIMIT,
    characters,
    cut,
    mastodon_length,
    plain_length,
    x_length,
)
from appealbridge.plugin.threaded import Threaded
from appealbridge.plugin.threads import in_folder, in_thread
from appealbridge.plugin.trigger import (
    BODY_BYTES,
    Basis,
    Burst,
    Item,
    Look,
    PolledSource,
    Poller,
    Received,
    Receiver,
    Request,
    ToldSource,
    Trigger,
    Weakness,
)

__all__ = [
    "ALWAYS",
    "BODY_BYTES",
    "FACEBOOK_LIMIT",
    "FEED_READING",
    "HTML",
    "MASTODON_LIMIT",
    "MONITORING",
    "MONITORING_BYTES",
    "MOST_RECIPIENTS",
    "PRACTICE_MAIL",
    "PRESETS",
    "PRESET_FIELDS",
    "SHORTEST",
    "TAKEN_FOR_A_REPEAT",
    "WHOLE_REQUEST",
    "X_LIMIT",
    "Account",
    "AccountRefused",
    "Address",
    "Allowance",
    "Appeal",
    "AppealFile",
    "AppealImage",
    "AppealStatus",
    "Basis",
    "Burst",
    "Channel",
    "ComposedMail",
    "Delivery",
    "DeliveryError",
    "Digest",
    "Duration",
    "Effect",
    "Event",
    "EventDraft",
    "FeedAddress",
    "FeedCredentials",
    "FeedEntry",
    "FeedLook",
    "Field",
    "Http",
    "InvalidMailbox",
    "Item",
    "JsonPath",
    "LoginExpired",
    "Look",
    "MailServer",
    "Mailbox",
    "Measure",
    "Options",
    "PathText",
    "Paths",
    "Person",
    "PolledSource",
    "Poller",
    "PresetName",
    "Proof",
    "Read",
    "Receipt",
    "Received",
    "Receiver",
    "Refused",
    "Registry",
    "Rejected",
    "Repeat",
    "Repeats",
    "Reply",
    "Request",
    "Scheme",
    "Secret",
    "SecretStr",
    "Seen",
    "Sought",
    "SourceDown",
    "Threaded",
    "ToldSource",
    "Tools",
    "Trigger",
    "TryAgain",
    "Unsure",
    "Verify",
    "Weakness",
    "WhenUnsure",
    "candidates",
    "characters",
    "clock_ahead",
    "compile_path",
    "compose",
    "composed",
    "content_digest",
    "cut",
    "excerpt",
    "failure",
    "feed_credentials",
    "feed_identity",
    "field_validator",
    "hand_over",
    "html_to_text",
    "in_folder",
    "in_thread",
    "is_pagerdutys_test",
    "json_body",
    "judge",
    "key_of",
    "links",
    "listed_since",
    "log_in",
    "mail_server",
    "mailbox",
    "mailboxes",
    "mapped",
    "mastodon_length",
    "model_validator",
    "moment",
    "one_line",
    "paragraphs",
    "plain_length",
    "proof",
    "read_appeals",
    "read_feed",
    "read_mailboxes",
    "refused_as_repeat",
    "safe_links",
    "short_identity",
    "shown",
    "signed_id",
    "verifier",
    "well_formed",
    "x_length",
]
