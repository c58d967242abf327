"""
A signed POST at `/hooks/<webhook_id>` becomes an event.

    triggers:
      - trigger: webhook
        webhook_id: incident-desk
        types: [incident.*]

How the sender proves itself stands in appealbridge.yaml, out of recipe authors' sight:

    webhooks:
      incident-desk:
        secrets: [!secret hook_incident_desk]
        preset: alertmanager
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal

from appealbridge.model.event import ALWAYS
from appealbridge.plugin import (
    Duration,
    Event,
    EventDraft,
    Field,
    Options,
    Registry,
    Secret,
    Weakness,
    model_validator,
)
from appealbridge.plugin.jsonpath import PathText
from appealbridge.plugin.receiver import (
    BODY_BYTES,
    PushSource,
    Received,
    Receiver,
    Refused,
    Request,
)
from appealbridge.triggers.webhook.body import json_body
from appealbridge.triggers.webhook.fields import (
    MOST_FIELDS,
    FieldKind,
    FieldName,
    differences,
    names_of,
)
from appealbridge.triggers.webhook.mapping import Paths, mapped, with_author
from appealbridge.triggers.webhook.presets import (
    MONITORING,
    MONITORING_BYTES,
    PRESET_FIELDS,
    PRESETS,
    WHOLE_REQUEST,
    PresetName,
    Read,
    is_pagerdutys_test,
)
from appealbridge.triggers.webhook.signature import (
    SHORTEST,
    Digest,
    Proof,
    Scheme,
    key_of,
    proof,
    sign,
    signed_id,
)


class WebhookSource(PushSource):
    """The settings of one webhook in appealbridge.yaml: who may send, and what its JSON means."""

    signature: Scheme = Field(
        Scheme.STANDARD,
        description="How the sender proves itself.",
        examples=["standard-webhooks", "github", "hmac", "bearer"],
    )
    secrets: tuple[Secret, ...] = Field(
        (),
        max_length=2,
        description="The sender's secret. Give two while you change it.",
        examples=[["!secret hook_incident_desk"]],
    )
    allow_unsigned: bool = Field(
        False,
        description="Must be true for `signature: none`, which lets anyone send.",
        examples=[True],
    )
    preset: PresetName | None = Field(
        None, description="The system whose JSON the sender uses.", examples=["alertmanager"]
    )
    mapping: Paths | None = Field(
        None,
        description="Where the JSON has the parts of an event, if there is no preset for it. Beside a preset: "
        "where `event.data` has the `author`.",
        examples=[{"key": "$.id", "subject": "$.incident.number"}],
    )
    fields: Mapping[FieldName, FieldKind] = Field(
        {},
        max_length=MOST_FIELDS,
        description="The fields of `event.data`, and what each contains, so that `check` knows them. "
        '`incident.number` is a field inside another, and `"*": any` says that there may be others.',
        examples=[{"road": "text", "lanes_closed": "number", "closed_at": "time"}],
    )
    tolerance: Duration = Field(
        300.0,
        gt=0,
        le=86_400,
        description="How far a signed timestamp may differ from the present time. Other requests are refused.",
        examples=["5m"],
    )
    header: str | None = Field(
        None,
        min_length=1,
        description="For `hmac`: the header with the signature.",
        examples=["X-Signature"],
    )
    algorithm: Literal["sha256", "sha384", "sha512"] | None = Field(
        None, description="For `hmac`: the hash function. If left out, sha256.", examples=["sha256"]
    )
    encoding: Literal["hex", "base64"] | None = Field(
        None, description="For `hmac`: how the hash is written. If left out, hex.", examples=["hex"]
    )
    prefix: str | None = Field(
        None,
        description="For `hmac`: the text before the hash in the header.",
        examples=["sha256="],
    )
    repeat_within: Duration = Field(
        600.0,
        gt=0,
        description="For events without an id: how long the same body counts as a repeat. After that it is "
        "a new event.",
        examples=["10m"],
    )

    @model_validator(mode="after")
    def _sound(self) -> WebhookSource:
        _check_proof(self)
        _check_secrets(self)
        others = (
            self.mapping.model_dump(exclude_none=True, exclude={"author"}) if self.mapping else {}
        )
        if self.preset is not None and others:
            raise ValueError(
                f"the preset {self.preset} knows the {' and '.join(others)} of an event; beside a preset, "
                "mapping takes author only"
            )
        if self.fields and self.preset in PRESET_FIELDS:
            raise ValueError(f"the preset {self.preset} knows its fields; leave fields out")
        return self

    @cached_property
    def proof(self) -> Proof:
        """The check of the sender, made once."""
        secrets = [secret.get_secret_value() for secret in self.secrets]
        return proof(self.signature, secrets, tolerance=self.tolerance, digest=self.digest)

    @property
    def digest(self) -> Digest:
        """The options of `hmac`."""
        return Digest(
            (self.header or "X-Signature").lower(),
            self.algorithm or "sha256",
            self.encoding or "hex",
            self.prefix,
        )

    @cached_property
    def read(self) -> Read:
        """The reader that turns JSON into events, made once."""
        if self.preset is not None:
            read, author = PRESETS[self.preset], self.mapping and self.mapping.author
            return with_author(read, author) if author else read
        return mapped(
            self.mapping or Paths(),
            within=self.repeat_within,
            replayable=self.signature.replayable,
            usual_key=_OWN_IDS.get(self.signature, ""),
        )


_OWN_IDS = {Scheme.STRIPE: "$.id", Scheme.SLACK: "$.event_id"}
"""The path of an event's id in the JSON of well-known senders, by their signature."""


def _check_proof(source: WebhookSource) -> None:
    """Raise `ValueError`, without the secret, if the settings of the signature are not consistent."""
    if source.signature is not Scheme.HMAC:
        for name in ("header", "algorithm", "encoding", "prefix"):
            if getattr(source, name) is not None:
                raise ValueError(f"{name} is only for signature: hmac; leave it out")
    if source.signature is Scheme.NONE:
        if not source.allow_unsigned:
            raise ValueError(
                "signature: none lets anyone send; write allow_unsigned: true if this is meant"
            )
        if source.secrets:
            raise ValueError("signature: none checks no secrets; leave them out")
    elif source.allow_unsigned:
        raise ValueError("allow_unsigned is only for signature: none; leave it out")
    elif not source.secrets:
        raise ValueError("no secret; write secrets: [!secret NAME]")


def _check_secrets(source: WebhookSource) -> None:
    for n, secret in enumerate(source.secrets):
        try:
            key_of(source.signature, secret.get_secret_value())
        except ValueError as error:
            raise ValueError(f"secrets[{n}] {error}") from None


class WebhookOptions(Options):
    """The options of the trigger in a recipe."""

    webhook_id: str = Field(
        min_length=1,
        description="The webhook's name in appealbridge.yaml.",
        examples=["incident-desk"],
    )
    types: tuple[str, ...] = Field(
        (),
        description="The types of event wanted; `*` stands for any letters. If left out, all.",
        examples=[["incident.opened", "incident.*"]],
    )
    key: PathText | None = Field(
        None,
        description="A value that is the same in a repeat of the event, if the settings do not give one.",
        examples=["$.message_id"],
    )
    subject: PathText | None = Field(
        None,
        description="What the event is about, if the settings do not say.",
        examples=["$.incident.number"],
    )
    type: PathText | None = Field(
        None, description="The event's type, if the settings do not say.", examples=["$.kind"]
    )


class Webhook(Receiver[WebhookOptions, WebhookSource]):
    """A POST request from an authenticated sender."""

    name = "webhook"
    section = "webhooks"
    options = WebhookOptions
    source_options = WebhookSource

    def source(self, options: WebhookOptions) -> str:
        """Return the webhook's name."""
        return options.webhook_id

    def accepts(self, options: WebhookOptions, event: Event) -> str:
        """Return why the event's type is not wanted."""
        if not options.types or any(fnmatchcase(event.type, pattern) for pattern in options.types):
            return ""
        return f"type is {event.type}, wanted {' or '.join(options.types)}"

    def types(self, options: WebhookOptions) -> frozenset[str] | None:
        """Return the types wanted, where they are named in full."""
        if not options.types or any(set("*?[") & set(pattern) for pattern in options.types):
            return None
        return frozenset(options.types)

    def fields(
        self, options: WebhookOptions, source: WebhookSource | None
    ) -> frozenset[str] | None:
        """Return the names that the settings declare, or that the preset's JSON has."""
        del options
        if source is None:
            return None
        if source.fields:
            return names_of(source.fields)
        return None if source.preset is None else PRESET_FIELDS.get(source.preset)

    def with_recipe(self, source: WebhookSource, options: WebhookOptions) -> WebhookSource:
        """Return the source with the recipe's paths added, if the settings do not have them."""
        own = {name: path for name in _IDENTITY if (path := getattr(options, name)) is not None}
        if not own:
            return source
        if source.preset is not None:
            raise ValueError(
                f"the preset {source.preset} of webhook {options.webhook_id} knows its "
                f"{' and '.join(own)}; leave it out of the recipe"
            )
        known = source.mapping.model_dump(exclude_none=True) if source.mapping else {}
        for name, path in own.items():
            if known.get(name, path) != path:
                raise ValueError(
                    f"{name} of webhook {options.webhook_id} is {known[name]} elsewhere and {path} "
                    "here; settle it under mapping in appealbridge.yaml"
                )
        return WebhookSource(**{**source.model_dump(), "mapping": Paths(**{**known, **own})})

    def before_body(self, source: WebhookSource, request: Request) -> bool:
        """Check the headers that contain the proof."""
        return source.proof.head(request)

    def prove(self, source: WebhookSource, request: Request) -> None:
        """Check the sender by the raw bytes."""
        source.proof.whole(request)

    def receive(self, source: WebhookSource, request: Request) -> Received:
        """Read the JSON of a proven request."""
        body = _json(source, request)
        if none := _no_event(source, body):
            return none
        received = source.read(request, body, _vouched(source.signature, request))
        if source.preset is not None and source.signature.replayable:
            return replace(received, events=[_replayable(event) for event in received.events])
        return received

    def sign(
        self, source: WebhookSource, body: bytes, at: float, message_id: str
    ) -> Mapping[str, str]:
        """Return the headers of a sender with the first secret."""
        secret = source.secrets[0].get_secret_value() if source.secrets else ""
        return sign(
            source.signature, secret, body, at=at, message_id=message_id, digest=source.digest
        )

    def differences(self, source: WebhookSource, data: Any) -> Iterator[str]:
        """Yield how the data of an event differs from the declared fields."""
        return differences(source.fields, data)

    def body_limit(self, source: WebhookSource) -> int:
        """Return a larger limit for monitoring systems, which do not send a refused request again."""
        return MONITORING_BYTES if source.preset in MONITORING else BODY_BYTES

    def weaknesses(self, sources: Mapping[str, WebhookSource]) -> Iterator[Weakness]:
        """Yield secrets that are too short or used for two webhooks."""
        first: dict[str, str] = {}
        for name, source in sources.items():
            for n, secret in enumerate(source.secrets):
                value = secret.get_secret_value()
                length = len(key_of(source.signature, value))
                if length < SHORTEST:
                    message = f"this secret has only {length} bytes and could be guessed"
                    yield Weakness((name, "secrets", n), message, _MAKE_ONE)
                other = first.setdefault(value, name)
                if other != name:
                    message = (
                        f"webhook {other} has the same secret, so its sender may send here too"
                    )
                    yield Weakness((name, "secrets", n), message, f"give each its own; {_MAKE_ONE}")


_IDENTITY = ("key", "subject", "type")

_MAKE_ONE = "make one with: openssl rand -hex 32"


def _json(source: WebhookSource, request: Request) -> Any:
    if source.preset == "cloudevents" and not request.body and "ce-id" in request.headers:
        return None  # the event has no data; everything else is in the headers
    return json_body(request, form="payload" if source.signature is Scheme.GITHUB else "")


def _no_event(source: WebhookSource, body: Any) -> Received | None:
    """Return the answer to a request that only tests the webhook, `None` for any other."""
    if not isinstance(body, dict):
        return None
    scheme = source.signature
    challenge = body.get("challenge")
    if scheme is Scheme.SLACK and body.get("type") == "url_verification":
        if isinstance(challenge, str) and len(challenge) <= _LONGEST_CHALLENGE:
            return Received(
                why_none="Slack's check of the address", answer={"challenge": challenge}
            )
        raise Refused(422, "not what this webhook takes", "url_verification without a challenge")
    if scheme is Scheme.GITHUB and {"zen", "hook_id", "hook"} <= body.keys():
        return Received(why_none="a test ping of GitHub")
    if scheme is Scheme.PAGERDUTY and is_pagerdutys_test(body):
        return Received(why_none="a test ping of PagerDuty")
    return None


_LONGEST_CHALLENGE = 1000


def _replayable(draft: EventDraft) -> EventDraft:
    """Mark the draft as one that anybody who saw the request could send again."""
    if draft.repeats == ALWAYS:
        return draft
    return replace(draft, repeats=replace(draft.repeats, replayable=True))


def _vouched(scheme: Scheme, request: Request) -> str:
    """Return the id that the signature covers, `WHOLE_REQUEST` if it covers every header, empty for none."""
    if scheme in (Scheme.BEARER, Scheme.NONE):
        return WHOLE_REQUEST
    return signed_id(request.headers) if scheme is Scheme.STANDARD else ""


def register(registry: Registry) -> None:
    """Add the trigger."""
    registry.add(Webhook())
