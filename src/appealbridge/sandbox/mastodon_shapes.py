"""How the practice Mastodon shows an account, a status and its text."""

from __future__ import annotations

import html
from typing import Any

from appealbridge.sandbox.accounts import account_number
from appealbridge.sandbox.links import links
from appealbridge.sandbox.posts import Post, iso


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


def status(post: Post, origin: str) -> dict[str, Any]:
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
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "reblog": None,
    }


def _as_html(text: str) -> str:
    """Return a text as Mastodon shows it: paragraphs, line breaks, links; all else escaped."""
    shown, at = "", 0
    for link in links(text):
        shown += html.escape(text[at : link.start], quote=False)
        address = html.escape(link.text)
        shown += f'<a href="{address}" rel="nofollow noopener">{address}</a>'
        at = link.end
    shown += html.escape(text[at:], quote=False)
    paragraphs = (part.replace("\n", "<br />") for part in shown.strip().split("\n\n"))
    return "".join(f"<p>{part}</p>" for part in paragraphs)
