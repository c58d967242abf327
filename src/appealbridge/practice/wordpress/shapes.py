"""The answers of the practice WordPress: posts and terms, and what it does to their texts."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

from appealbridge.practice.posts import PracticePost

_TAG = re.compile(r"<!--.*?-->|<[^<>]*>", re.DOTALL)
_NOT_ALLOWED = re.compile(
    r"</?(?:script|style|iframe|form|input|button|object|embed)\b[^<>]*>", re.IGNORECASE
)
_BLOCK = re.compile(r"<(?:p|div|h[1-6]|ul|ol|blockquote|figure|table|pre)\b", re.IGNORECASE)
_SINGLE_END, _BREAK = re.compile(r"(?<!<br />)\n"), "<br />\n"
_PICTURE = re.compile(r'<img src="(?P<url>[^"]*)" alt="(?P<alt>[^"]*)"')
_SHORTCODE = re.compile(r"\[(?:gallery|caption|audio|video|playlist|embed)\b[^\[\]]*\]")
_LINE_END = re.compile(r"</p>|<br ?/?>|</h[1-6]>|</li>|</div>|</blockquote>", re.IGNORECASE)
_CURLY = (
    (re.compile(r"\.\.\."), "&#8230;"),
    (re.compile(r"(?<=\s)---?(?=\s)"), "&#8212;"),
    (re.compile(r"---"), "&#8212;"),
    (re.compile(r"--"), "&#8211;"),
    (re.compile(r"(?<=\d)'"), "&#8242;"),
    (re.compile(r'(?<=\d)"'), "&#8243;"),
    (re.compile(r'(?<![^\s(\[>])"'), "&#8220;"),
    (re.compile(r'"'), "&#8221;"),
    (re.compile(r"(?<![^\s(\[>])'"), "&#8216;"),
    (re.compile(r"'"), "&#8217;"),
)


def filtered(markup: str) -> str:
    """Return HTML as WordPress stores it for a user who may not write scripts: some tags are gone, their text stays."""
    return _NOT_ALLOWED.sub("", markup)


def texturized(markup: str) -> str:
    """Return HTML with the quotes, dashes and dots that readers see. Tags stay as they are."""
    parts: list[str] = []
    at = 0
    for tag in _TAG.finditer(markup):
        parts += (_curly(markup[at : tag.start()]), tag[0])
        at = tag.end()
    return "".join((*parts, _curly(markup[at:])))


def rendered(markup: str) -> str:
    """Return a content as readers get it: shortcodes are run, and text without paragraphs gets some."""
    text = texturized(_SHORTCODE.sub("", markup)).replace("<br>", "<br />").strip()
    if not _BLOCK.search(text):
        blocks = (block.strip() for block in re.split(r"\n\s*\n", text))
        text = "\n".join(f"<p>{_SINGLE_END.sub(_BREAK, block)}</p>" for block in blocks if block)
    return f"{text}\n" if text else ""


def heading(title: str) -> str:
    """Return what is read of a title."""
    return html.unescape(_TAG.sub("", title)).strip()


def plain(title: str, markup: str) -> str:
    """Return what is read of a post: its title, then its text unless that begins with the title."""
    text = _LINE_END.sub(
        lambda end: "\n\n" if end[0].lower() == "</p>" else "\n", re.sub(r"\s*\n\s*", "\n", markup)
    )
    text = html.unescape(_TAG.sub("", re.sub(r"(?<=\n)\n+", "\n", text.replace("\n\n\n", "\n\n"))))
    text = "\n".join(line.strip() for line in text.split("\n")).strip()
    first = heading(title)
    return text if text.startswith(first) else f"{first}\n\n{text}".strip()


def pictures_in(markup: str) -> list[tuple[str, str]]:
    """Return the addresses and descriptions of the pictures in HTML."""
    return [
        (html.unescape(picture["url"]), html.unescape(picture["alt"]))
        for picture in _PICTURE.finditer(markup)
    ]


def is_public(post: PracticePost) -> bool:
    """Return whether readers see a post."""
    return post.deleted_at is None and post.more["status"] == "publish"


def link(post: PracticePost, site: str) -> str:
    """Return a post's address."""
    if not is_public(post):
        return f"{site}/?p={post.id}"
    return f"{site}/{datetime.fromtimestamp(post.created_at, UTC):%Y/%m}/{post.more['slug']}/"


def shown(post: PracticePost, site: str, *, edit: bool) -> dict[str, Any]:
    """Return a post as WordPress gives it, with what was sent (`raw`) only for who may edit it."""
    trashed = post.deleted_at is not None
    more = post.more

    def both(raw: str, view: str) -> dict[str, Any]:
        return {"raw": raw, "rendered": view} if edit else {"rendered": view}

    return {
        "id": int(post.id),
        "date": _local(post.created_at),
        "date_gmt": _local(post.created_at),
        "slug": f"{more['slug']}__trashed" if trashed else more["slug"],
        "status": "trash" if trashed else more["status"],
        "type": "post",
        "link": link(post, site),
        "title": both(more["title"], texturized(more["title"])),
        "content": both(more["content"], rendered(more["content"])) | {"protected": False},
        "excerpt": both(more["excerpt"], rendered(more["excerpt"])) | {"protected": False},
        "author": 2,
        "featured_media": more.get("featured_media", 0),
        "categories": more["category_ids"],
        "tags": more["tag_ids"],
    }


def _local(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _curly(text: str) -> str:
    for pattern, character in _CURLY:
        text = pattern.sub(character, text)
    return text
