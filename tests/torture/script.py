"""What is sent and to which channels, and everything that the driver chooses at random."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PLATFORMS = {
    "force_x": "x",
    "force_facebook": "facebook",
    "force_mastodon": "mastodon",
    "press_office": "email",
}
"""The channels and the platforms they publish on."""

CHANNELS = """\
force_x: { platform: x, repeat_after: 5s, retry: { obey: 2s } }
force_facebook:
  { platform: facebook, page_id: "100064500000001", repeat_after: 5s, retry: { obey: 2s } }
force_mastodon:
  { platform: mastodon, api: "https://mastodon.example", repeat_after: 5s, retry: { obey: 2s } }
press_office:
  platform: email
  smtp: SMTP
  sender: Press Office <press@example.police.uk>
  retry: { obey: 2s }
"""
# Left out, some pauses that platforms ask for last six hours, in which nothing would be tortured, and
# what is absent would wait a minute for a slow platform: none here is slower than `late_post` below.

RECIPE = """
alias: Torture, every channel
triggers: [{ trigger: webhook, webhook_id: desk }]
actions:
  - if: "{{ event.type == 'incident.closed' }}"
    then:
      - { action: withdraw, reason: "{{ event.data.text }}" }
      - stop: closed
  - if: "{{ event.type in ['incident.updated', 'incident.replaced'] }}"
    then:
      - { action: amend, id: new_page, of: page, text: "{{ event.data.text }}" }
      - { action: amend, id: new_toot, of: toot, text: "{{ event.data.text }}" }
      - action: amend
        id: new_mail
        of: mail
        subject: "{{ event.data.text }}"
        text: Corrected.
      - if: "{{ event.type == 'incident.replaced' }}"
        then:
          - { action: amend, id: anew, of: x, text: "{{ event.data.text }}", instead: replace }
        else:
          - { action: amend, id: reply, of: x, text: "{{ event.data.text }}" }
      - stop: corrected
  - { action: tweet, id: x, channel: force_x, text: "{{ event.data.text }}" }
  - { action: facebook_post, id: page, channel: force_facebook, text: "{{ event.data.text }}" }
  - { action: mastodon_post, id: toot, channel: force_mastodon, text: "{{ event.data.text }}" }
  - action: email
    id: mail
    channel: press_office
    to: desk@example-radio.example
    subject: "{{ event.data.text }}"
    text: "It is on X at {{ results.x.url }}"
approval: none
"""

CLOSING = "incident.closed"
"""The type of events by which a recipe withdraws a subject."""

CORRECTING = {"incident.updated": 0.09, "incident.replaced": 0.05}
"""The types of events by which a recipe corrects the posts of a subject, and their shares of all events."""

CLOSED, WITHDRAWN = 0.04, 0.06
"""Which shares of the events close a subject, and are withdrawn by a person."""

LIFTED, AGAIN = 0.3, 0.4
"""Which share of the withdrawals of a person is lifted, and which share of those subjects withdrawn again."""

RECENT = 150
"""Among how many of the latest events is chosen which subject an event closes or corrects."""

# What platforms rewrite, escape, shorten or count in ways of their own.
_WORDS = (
    "Road closed, follow the diversion",
    "Smith & Sons <unit 4> has been evacuated",
    'Witnesses to "an incident" are asked to call 101',
    "Café Zoë is open again 🚧",
    "M6 J7 to J8: two lanes shut. https://www.example.police.uk/news?a=1&b=2",
    "See example.police.uk/appeals/ for a picture",
    "#Missing from Digbeth, last seen at 10% past nothing",
)
_NUMBER = re.compile(r"\bT(\d{5})\b")


def stream(seed: int, what: str) -> random.Random:
    """Return a random source for one purpose, so that the choices do not depend on the order in which tasks run."""
    return random.Random(f"{seed} {what}")


def number_in(text: str) -> int | None:
    """Return which event a text is about."""
    result = _NUMBER.search(text)
    return int(result[1]) if result else None


def events(seed: int, count: int) -> Sequence[Mapping[str, str]]:
    """
    Return the events in the order in which they are sent.

    Every text contains the event's number, because equal texts could not be told apart on a platform. About half of the
    events share their subject with others that are sent at about the same time. Some close or correct an earlier one.
    """
    rng, later = stream(seed, "events"), stream(seed, "closing and correcting")
    result = []
    for number in range(count):
        alone = rng.random() < 0.5
        subject = f"only-{number}" if alone else f"shared-{number // 40}-{rng.randrange(3)}"
        text = f"T{number:05d} {rng.choice(_WORDS)}"
        types = ("incident", CLOSING, *CORRECTING)
        shares = (CLOSED, *CORRECTING.values())
        (type_,) = later.choices(types, (1 - sum(shares), *shares))
        if result and type_ != "incident":
            subject = later.choice(result[-RECENT:])["subject"]
        result.append({"type": type_, "subject": subject, "text": text})
    return result


def withdrawals(seed: int, events: Sequence[Mapping[str, str]]) -> set[int]:
    """Return the numbers of the events whose subjects a person withdraws when they are accepted."""
    rng = stream(seed, "withdrawals")
    return {
        number
        for number, event in enumerate(events)
        if rng.random() < WITHDRAWN and event["type"] == "incident"
    }


@dataclass(frozen=True, slots=True)
class Life:
    """
    What happens between a start of the daemon and its kill; times in seconds.

    It is killed `lasts` seconds after its start if `early`, otherwise after it was ready. `events` are the times at
    which something is sent; `disk` is when the disk fills, for how long, and how many bytes are free; `clock` is when
    the clock jumps, and by how many seconds.
    """

    lasts: float
    early: bool
    events: tuple[float, ...]
    disk: tuple[float, float, int] | None
    clock: tuple[float, float] | None


def lives(seed: int, kills: int, count: int, seconds: float) -> list[Life]:
    """Return the lives that end with a kill, `seconds` long together without the starts."""
    rng = stream(seed, "lives")
    mean = seconds / max(1, kills)
    texts = []
    for index in range(kills):
        early = rng.random() < 0.1
        lasts = rng.uniform(0.0, 1.0) if early else rng.uniform(0.0, 2.0) * mean
        share = count * (index + 1) // kills - count * index // kills
        sent = tuple(sorted(rng.uniform(0.0, lasts) for _ in range(share)))
        disk = (rng.uniform(0.0, lasts), rng.uniform(0.2, 2.0), rng.choice(_ROOM))
        clock = (rng.uniform(0.0, lasts), rng.choice(_JUMPS))
        texts.append(
            Life(
                lasts,
                early,
                sent,
                disk if rng.random() < 0.2 else None,
                clock if rng.random() < 0.25 else None,
            )
        )
    return texts


_ROOM = (0, 0, 100, 4_096, 30_000, 200_000)

# Back by little at a time, or a look could miss a post, as docs/channels.md says. A day
# forward in all would use up the day for which a delivery is tried.
_JUMPS = (-50.0, -30.0, -2.0, -2.0, 2.0, 2.0, 50.0, 150.0, 1_000.0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """The next fault of a platform, and how long after the one before it comes."""

    pause: float
    platform: str
    fault: str
    bounds: Mapping[str, float]


# By fault: how many requests it bites at most, and for how many seconds at most; 0 says neither.
_FAULTS = {
    "refuse": (4, 2.0),
    "http_429": (3, 3.0),
    "http_503": (4, 2.0),
    "html": (3, 1.0),
    "token_expired": (3, 1.0),
    "out_of_credits": (1, 0.0),
    "duplicate_filter": (3, 0.0),
    "post_then_hang": (2, 3.0),
    "post_then_reset": (4, 1.0),
    "post_then_500": (3, 1.0),
    "late_post": (3, 2.0),
    "keys_ignored": (20, 5.0),
    "repeat_500": (5, 3.0),
    "http_429_silent": (3, 2.0),
    "read_only": (3, 1.0),
    "suspended": (3, 1.0),
    "slow": (3, 2.5),
    "truncated": (4, 1.0),
    "delete_lies": (2, 2.0),
    "delete_slow": (2, 3.0),
    "delete_403": (2, 2.0),
    "edit_refused": (1, 1.0),
    "edited_by_hand": (1, 1.0),
}
_NOT_BY_MAIL = frozenset(
    {"delete_lies", "delete_slow", "delete_403", "edit_refused", "edited_by_hand"}
)
_BOTH = frozenset({"http_429", "post_then_hang", "slow", "late_post", "delete_slow"})
"""Faults whose `seconds`, if there is a `count`, are how long one answer takes."""


def trouble(rng: random.Random, mean: float) -> Trouble:
    """Return the next fault, `mean` seconds after the last one on average."""
    fault = rng.choice(sorted(_FAULTS))
    count, seconds = _FAULTS[fault]
    bounds: dict[str, float] = {}
    if fault in _BOTH or not seconds or rng.random() < 0.6:
        bounds["count"] = rng.randint(1, count)
    if fault in _BOTH or not bounds:
        bounds["seconds"] = round(rng.uniform(0.2, seconds), 3)
    pause = min(rng.expovariate(1 / mean), 4 * mean)
    platforms = {*PLATFORMS.values()} - ({"email"} if fault in _NOT_BY_MAIL else set())
    return Trouble(pause, rng.choice(sorted(platforms)), fault, bounds)
