"""How many examples are drawn, and hostile JSON: everything that is legal and odd."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_USUAL = 100
"""How many examples hypothesis draws by default."""


def drawn(count: int) -> settings:
    """Return settings for `count` examples, times as many as the profile in use draws more than usual."""
    times = settings().max_examples / _USUAL
    return settings(
        max_examples=max(1, int(count * times)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


ODD_TEXTS = st.sampled_from(
    [
        "", " ", "\0", "\x1b[2J", "\u202e", "\ufffe", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "{{ 1 }}", "$.a", "<p>a</p>", "&#99999999999;",
        "1", "-1", "NaN", "inf", "1e400", "9" * 400, "²", "٣", "x" * 3000, "../..", "a\r\nb: c",
        "2026-11-18T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "Sun, 06 Nov",
    ]
)  # fmt: skip
TEXTS = st.text(max_size=10) | ODD_TEXTS
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.integers(0, 2**64)
)


def trees(names: list[str], leaves: int = 14) -> st.SearchStrategy[Any]:
    """Draw JSON values whose objects have these names, with values of any kind."""
    return st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(names), inner, max_size=7)
        ),
        max_leaves=leaves,
    )


HOSTILE_JSON = [
    b"", b"\0", b"null", b'""', b"1", b"[]", b"NaN", b"[" * 5000, b'{"a":' * 3000, b"[[" * 20 + b"]]" * 20,
    b'{"a":1,"a":2}', b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":1e999}', b'{"id":' + b"9" * 5000 + b"}",
    b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b'{"a":"\xff"}', b"{}{}", b"<html>", b"\xff\xfe\0\0",
    b'{"data":{"id":null}}', b'{"id":""}', b'{"id":{}}',
]  # fmt: skip


def written(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Draw these values as bytes of JSON, and bytes that are hardly JSON."""
    return st.one_of(
        values.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=40),
        st.sampled_from(HOSTILE_JSON),
    )
