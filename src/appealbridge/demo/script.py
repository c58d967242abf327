"""
What happens in the demo, as it comes in real life.

Two appeals, an incident, a closed road and a news item are published. Then one appeal is corrected, and the other
one is taken down.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from appealbridge.demo.pictures import girl_in_a_red_coat, map_of_a_junction

WEBSITE_APPEAL = {
    "reference": "WMP-2026-0412",
    "kind": "missing",
    "title": "Missing: Aisha, 14, from Digbeth",
    "text": "Aisha was last seen near the Custard Factory at about 6pm on Sunday. She is 5ft 2in tall, "
    "with long dark hair, and was wearing a red coat and white trainers.",
    "area": "Digbeth, Birmingham",
}
"""An appeal that the website's feed lists, as a comms officer publishes it there."""

CASE_FILE_NAME = "witness-moseley-road.md"

CASE_FILE = """\
---
reference: WMP-2026-0419
kind: witness
title: "Witnesses sought: silver van in collision on Moseley Road"
area: Balsall Heath, Birmingham
url: https://www.example.police.uk/appeals/0419
images:
  - url: {website}/pictures/junction.jpg
    alt: A map of the junction of Moseley Road and Edward Road, marked with a red cross
---
A cyclist was seriously hurt in a collision with a silver van on Moseley Road, at the junction with
Edward Road, shortly after 8.15am on Friday. The van did not stop.

Did you see it, or do you have dashcam footage?
"""
"""An appeal as a file: dropped into a folder by the case system. `{website}` is where its picture is."""

INCIDENT: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="MajorIncident"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "appealbridge",
    "groupLabels": {"alertname": "MajorIncident"},
    "commonLabels": {"alertname": "MajorIncident", "severity": "critical", "audience": "public"},
    "commonAnnotations": {},
    "externalURL": "https://alerts.example.police.uk",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "MajorIncident",
                "severity": "critical",
                "audience": "public",
                "place": "New Street station",
            },
            "annotations": {
                "summary": "Officers are dealing with an incident at New Street station.",
                "description": "The station is closed while a suspicious bag is examined. "
                "Trains are not stopping.",
            },
            "startsAt": "2026-11-22T17:30:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://alerts.example.police.uk/graph",
            "fingerprint": "5b1f3e0c9d2a7746",
        }
    ],
}
"""What Alertmanager POSTs when the incident desk declares a major incident."""

ROAD = {
    "type": "road.closed",
    "closure": "RC-2026-0077",
    "road": "A38(M)",
    "between": "between Park Circus and Dartmouth Circus",
    "cause": "a collision",
}
"""What the roads desk POSTs."""

NEWS = {
    "reference": "news-2026-119",
    "kind": "news",
    "title": "Community award for neighbourhood officers",
    "text": "Officers in Handsworth have been honoured for a year of work with local schools.",
}
"""A news item that the website's news feed lists."""

STORM = {"text": "Amber warning: wind in the Black Country until 9pm. Stay away from trees."}
"""What the weather desk POSTs to the daemon with people."""

FLOODED = {"text": "Pershore Road is flooded at Cannon Hill Park. Please do not drive through."}
"""What the roads desk POSTs to the daemon with people."""

FOUND = {**WEBSITE_APPEAL, "status": "closed", "closed_reason": "found safe"}
"""The first appeal once the child has been found: the website closes it."""

CORRECTED_FILE = CASE_FILE.replace("silver van", "white van")
"""The second appeal once a witness has been heard: the van was white."""

PUBLISHED = Counter(
    {
        ("x", "posts"): 4,
        ("facebook", "posts"): 4,
        ("mastodon", "posts"): 2,
        ("bluesky", "posts"): 2,
        ("wordpress", "posts"): 2,
        ("email", "posts"): 6,
    }
)
"""What the public has once everything is published: how many posts on each platform."""

CORRECTED = PUBLISHED + Counter(
    {
        ("facebook", "edited"): 1,
        ("mastodon", "edited"): 1,
        ("wordpress", "edited"): 1,
        ("x", "posts"): 1,
        ("bluesky", "posts"): 1,
        ("email", "posts"): 2,
    }
)
"""The same once one appeal is corrected: posts are edited where the platform can do that, and followed elsewhere."""

TAKEN_DOWN = CORRECTED + Counter(
    {
        ("x", "removed"): 1,
        ("facebook", "removed"): 1,
        ("mastodon", "removed"): 1,
        ("bluesky", "removed"): 1,
        ("wordpress", "removed"): 1,
        ("email", "posts"): 2,
    }
)
"""The same once the other appeal is taken down: mail cannot be removed, so it gets a correction."""


PICTURES = {"girl.jpg": girl_in_a_red_coat, "junction.jpg": map_of_a_junction}
"""What draws each picture of the website, by its name there."""


def with_picture(appeal: Mapping[str, str], website: str) -> Mapping[str, Any]:
    """Return the website's appeal with its picture."""
    alt = "A drawing of a girl with long dark hair, in a red coat and white trainers"
    return {**appeal, "images": [{"url": f"{website}/pictures/girl.jpg", "alt": alt}]}


def counted(posts: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    """Count the practice platforms' posts as the three above do; a removed or edited post is still one of the posts."""
    count: Counter[tuple[str, str]] = Counter()
    for post in posts:
        count[post["platform"], "posts"] += 1
        count[post["platform"], "edited"] += len(post["edits"])
        count[post["platform"], "removed"] += post["deleted_at"] is not None
    return +count


def signed(webhook_secret: str, message_id: str, now: float, body: bytes) -> Mapping[str, str]:
    """Return the headers of Standard Webhooks for a body sent at `now` (Unix seconds UTC)."""
    key = base64.b64decode(webhook_secret.removeprefix("whsec_"))
    stamp = str(int(now))
    digest = hmac.digest(key, b".".join([message_id.encode(), stamp.encode(), body]), "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "Content-Type": "application/json",
    }


def encoded(value: object) -> bytes:
    """Return a JSON body."""
    return json.dumps(value).encode()
