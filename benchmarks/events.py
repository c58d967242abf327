"""The events that both programs are sent: incidents as JSON, signed as Standard Webhooks say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import orjson

SECRET = base64.b64encode(b"a secret of thirty-two bytes, yes").decode()
_KEY = base64.b64decode(SECRET)


def body(number: int) -> bytes:
    """Return one incident of about 500 bytes; its number is found again in the post."""
    return orjson.dumps(
        {
            "id": f"evt-{number:08d}",
            "type": "incident.opened",
            "timestamp": "2026-11-22T12:00:00Z",
            "data": {
                "title": "Collision on the A38 (M) at Park Circus",
                "severity": "major",
                "category": "road",
                "area": {"name": "Birmingham", "latitude": 52.489, "longitude": -1.886},
                "lanes_closed": 2,
                "description": "Both lanes towards the city are closed while officers are at the scene. "
                "Please use the ring road, and allow more time for your journey.",
                "url": f"https://www.example.police.uk/incidents/{number:08d}",
                "tags": ["traffic", "a38", "closure"],
            },
        }
    )


def request(number: int, path: str) -> bytes:
    """Return a whole HTTP request, signed now."""
    content = body(number)
    message, at = f"msg_{number:08d}", str(int(time.time()))
    signed = hmac.digest(_KEY, f"{message}.{at}.".encode() + content, hashlib.sha256)
    head = (
        f"POST {path} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: incident-desk/1.0\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/json\r\n"
        f"webhook-id: {message}\r\n"
        f"webhook-timestamp: {at}\r\n"
        f"webhook-signature: v1,{base64.b64encode(signed).decode()}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content
