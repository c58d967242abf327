"""The answers of the practice Mastodon: accounts, statuses and their texts."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import Any
from urllib.parse import quote

from appealbridge.practice.accounts import account_number
from appealbridge.practice.links import links
from appealbridge.practice.media import Medium
from appealbridge.practice.posts import PracticePost, iso

_DISPLAYED = 30
_PREFIX = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![=/)\w])#(?P<name>\w*[^\W\d_]\w*)")
_MENTION = re.compile(
    r"(?<![=/\w])@(?P<name>[a-z0-9_]+(?:[a-z0-9_.-]*[a-z0-9_]+)?)(?:@(?P<server>\w+(?:[.-]+\w+)*))?",
    re.IGNORECASE,
)


def account_id(account: str) -> str:
    """Return an account's number, 18 digits."""
    return account_number(account, 18)


def account_shown(account: str, origin: str) -> dict[str, Any]:
    """Return an account as Mastodon gives it; `origin` is the server's own address."""
    return {
        "id": account_id(account),
        "username": account,
        "acct": account,
        "display_name": account,
        "bot": True,
        "url": f"{origin}/@{account}",
    }


def status(post: PracticePost, origin: str) -> dict[str, Any]:
    """Return a status as Mastodon gives it; `origin` is the server's own address."""
    return {
        "id": post.id,
        "created_at": iso(post.created_at),
        "edited_at": post.edits[-1]["edited_at"] if post.edits else None,
        "in_reply_to_id": post.more.get("in_reply_to"),
        "sensitive": False,
        "spoiler_text": post.more.get("spoiler_text", ""),
        "visibility": post.more.get("visibility", "public"),
        "language": post.more.get("language"),
        "uri": f"{origin}/users/{post.account}/statuses/{post.id}",
        "url": f"{origin}/@{post.account}/{post.id}",
        "content": _as_html(post.text),
        "account": account_shown(post.account, origin),
        "media_attachments": [
            {
                "id": medium["id"],
                "type": "image",
                "url": f"{origin.removesuffix('/mastodon')}{medium['url']}",
                "description": medium["alt"] or None,
            }
            for medium in post.media
        ],
        "mentions": [],
        "tags": [],
        "reblog": None,
    }


def attachment(medium: Medium, origin: str, *, ready: bool) -> dict[str, Any]:
    """Return an upload as Mastodon gives it; its address is there once it is ready."""
    url = f"{origin.removesuffix('/mastodon')}/media/mastodon/{medium.id}"
    return {
        "id": medium.id,
        "type": "image",
        "url": url if ready else None,
        "preview_url": url if ready else None,
        "description": medium.alt or None,
    }


def source_of(text: str) -> str:
    """Return a text as Mastodon keeps it: trimmed, and each mention by its account's own name."""
    return _MENTION.sub(
        lambda mention: mention[0].lower() if _known(mention) else mention[0], text.strip()
    )


def _as_html(text: str) -> str:
    """
    Return a text as Mastodon shows it: paragraphs, line breaks, links, hashtags, mentions.

    A link is shown by its first 30 letters; the rest and the scheme are there and hidden by a style.
    A mention is shown without its server, and stays plain text where no such account is known.
    """
    text = source_of(text)
    names = Counter(
        mention["name"].lower() for mention in _MENTION.finditer(text) if _known(mention)
    )
    shown, at = "", 0
    for begin, end, entity in _entities(text, names):
        shown += html.escape(text[at:begin]) + entity
        at = end
    shown += html.escape(text[at:])
    paragraphs = re.split(r"\n\n+", re.sub(r"\r\n?", "\n", shown))
    return "".join(f"<p>{part}</p>".replace("\n", "<br />") for part in paragraphs)


def _entities(text: str, names: Counter[str]) -> list[tuple[int, int, str]]:
    """Return begin, end and HTML of all that is more than text, in order."""
    entities = [(link.start, link.end, _link(link.text)) for link in links(text)]
    others = [(tag, _hashtag(tag["name"])) for tag in _HASHTAG.finditer(text)]
    others += [
        (mention, _mention(mention, names))
        for mention in _MENTION.finditer(text)
        if _known(mention)
    ]
    for mention, entity in others:
        if not any(begin <= mention.start() < end for begin, end, _ in entities):
            entities.append((mention.start(), mention.end(), entity))
    return sorted(entities)


def _link(address: str) -> str:
    prefix = _PREFIX.match(address)
    rest = address[prefix.end() :] if prefix else address
    style = "ellipsis" if len(rest) > _DISPLAYED else ""
    return (
        f'<a href="{html.escape(address)}" target="_blank" rel="nofollow noopener" translate="no">'
        f'<span class="invisible">{html.escape(prefix[0] if prefix else "")}</span>'
        f'<span class="{style}">{html.escape(rest[:_DISPLAYED])}</span>'
        f'<span class="invisible">{html.escape(rest[_DISPLAYED:])}</span></a>'
    )


def _hashtag(name: str) -> str:
    return (
        f'<a href="https://mastodon.example/tags/{quote(name.lower())}" class="mention hashtag" rel="tag">'
        f"#<span>{html.escape(name)}</span></a>"
    )


def _mention(mention: re.Match[str], names: Counter[str]) -> str:
    name, server = mention["name"], mention["server"]
    shown = f"{name}@{server}" if names[name.lower()] > 1 else name
    return (
        f'<span class="h-card" translate="no"><a href="https://{server}/@{name}" class="u-url mention">'
        f"@<span>{shown}</span></a></span>"
    )


def _known(mention: re.Match[str]) -> bool:
    """Whether there is such an account: at every server but those under .invalid, and nowhere here."""
    return mention["server"] is not None and not mention["server"].lower().endswith(".invalid")
