"""
A message as readers will see it on its platform.

Everything that a delivery says is shown: what has no place of its own in a post is listed below it. Texts come from
outside, so they are escaped, HTML can do nothing but be read, and characters that nobody can see are named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from appealbridge.engine.delivery.lane import Lane
from appealbridge.model.value import value
from appealbridge.plugin.appearance import Appearance
from appealbridge.plugin.channel import Measure
from appealbridge.plugin.options import html_options
from appealbridge.plugin.text import links

LONGEST_LINKED = 50_000
"""The longest text in which links are shown as links."""

_HEADINGS = ("title", "subject")
_RECIPIENTS = ("to", "reply_to")
_SHOWN = frozenset(
    {
        *("text", "body", "html", "title", "subject", "excerpt", "spoiler_text", "images"),
        *("link", "link_title", "link_description", *_RECIPIENTS),
    }
)
_LABELS = {
    "reply_settings": "who may reply",
    "in_reply_to": "replies to",
    "reply_to": "replies go to",
    "to": "to",
}

_TAGS = {
    *("a", "p", "br", "div", "span", "strong", "b", "em", "i", "u", "s", "ul", "ol", "li"),
    *("blockquote", "table", "thead", "tbody", "tr", "td", "th", "pre", "code"),
}
_TITLES = {f"h{size}" for size in range(1, 7)}
_TITLE = re.compile(r"<(/?)h[1-6]>")
_REL = "noopener noreferrer nofollow"
_ADDRESS = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)
"""Characters that change what people read although nobody sees them. Joiners in emoji are not among them."""


@value
class LinkCard:
    """The card that a platform makes of a link."""

    address: str
    title: str = ""
    description: str = ""


@value(kw_only=True)
class ImagePreview:
    """One picture: its alt text, and the address of a thumbnail, empty if there is none yet."""

    number: int
    alt: str
    source: str
    thumbnail: str = ""


@value(kw_only=True)
class PostPreview:
    """
    A message as its readers see it.

    `platform` is the word of the settings, `appearance` how its posts look. `plain` is the text for
    those who cannot read `body`. `facts` are all other options, by name.
    """

    platform: str
    appearance: Appearance
    account: str
    heading: Markup
    warning: Markup
    excerpt: Markup
    body: Markup
    is_markup: bool
    plain: Markup | None
    card: LinkCard | None
    images: Sequence[ImagePreview]
    recipients: Sequence[tuple[str, str]]
    facts: Sequence[tuple[str, Markup]]
    measure: Measure | None


def preview(delivery: Mapping[str, Any], lane: Lane | None) -> PostPreview | None:
    """
    Return how a delivery, as the API shows it, looks on its platform; `None` if its content was removed.

    This takes time with long texts: call it in a thread. Without a `lane`, its channel is not in the settings.
    """
    content = delivery["content"]
    if not isinstance(content, dict):
        return None
    platform = "" if lane is None else lane.channel.platform
    bare = lane is not None and lane.channel.bare_links
    text = linked(str(content.get("text") or ""), bare=bare)
    markup = next((content[name] for name in _html_options(lane) if content.get(name)), "")
    heading = next((str(content[name]) for name in _HEADINGS if content.get(name)), "")
    return PostPreview(
        platform=platform,
        appearance=Appearance("unknown platform") if lane is None else lane.channel.appearance,
        account=_account(delivery, lane),
        heading=visible(heading),
        warning=visible(str(content.get("spoiler_text") or "")),
        excerpt=visible(str(content.get("excerpt") or "")),
        body=readable(str(markup)) if markup else text,
        is_markup=bool(markup),
        plain=text if markup and text else None,
        card=_card(content),
        images=_images(delivery),
        recipients=[
            (_LABELS[name], _as_text(content[name])) for name in _RECIPIENTS if content.get(name)
        ],
        facts=_facts(content, lane),
        measure=_measure(content, lane),
    )


def beginning(delivery: Mapping[str, Any], length: int = 160) -> str:
    """Return how a message begins, as plain text on one line."""
    content = delivery["content"]
    if not isinstance(content, dict):
        return "(its content was removed)"
    named = (content.get(name) for name in (*_HEADINGS, "text", "body", "html"))
    text = next((str(value) for value in named if value), "")
    line = " ".join(re.sub(r"<[^>]{0,500}>", " ", text[: length * 8]).split())
    return line if len(line) <= length else f"{line[:length].rstrip(' .')}…"


def linked(text: str, *, bare: bool) -> Markup:
    """Return a plain text in which links can be clicked; with `bare`, names without `https://` are links too."""
    if len(text) > LONGEST_LINKED:
        return visible(text)
    parts: list[Markup] = []
    done = 0
    for begin, end in links(text, scheme=not bare):
        address = text[begin:end]
        full = address if "://" in address else f"https://{address}"
        anchor = Markup('<a href="{}" rel="{}">{}</a>').format(full, _REL, visible(address))
        parts += (visible(text[done:begin]), anchor)
        done = end
    return Markup("").join((*parts, visible(text[done:])))


def visible(text: str) -> Markup:
    """Return a text, escaped, with the names of characters that nobody would see."""
    escaped = str(escape(text.replace("\r\n", "\n")))
    return Markup(  # noqa: S704 - escaped above; the rest is made of a number
        _UNSEEN.sub(
            lambda match: f'<span class="unseen-character">[U+{ord(match[0]):04X}]</span>', escaped
        )
    )


def readable(markup: str) -> Markup:
    """Return HTML that can do nothing but be read: without pictures, styles, scripts and headings of its own."""
    import nh3  # 1.5 MB, for those who read posts in HTML

    def cleaned(tags: set[str], html: str) -> str:
        return nh3.clean(
            html, tags=tags, attributes={"a": {"href"}}, attribute_filter=_full, link_rel=_REL
        )

    # A heading inside a post must not look like a heading of our page to those who listen to it.
    titled = _TITLE.sub(
        lambda tag: "</strong></p>" if tag[1] else "<p><strong>",
        cleaned(_TAGS | _TITLES, markup.replace("\0", "")),
    )
    return Markup(cleaned(_TAGS, titled))  # noqa: S704 - cleaned


def _full(tag: str, attribute: str, address: str) -> str | None:
    """Return an address of an attribute if it names a place outside: others would lead to our own pages."""
    del tag, attribute
    return address if _ADDRESS.match(address) else None


def _html_options(lane: Lane | None) -> Collection[str]:
    return () if lane is None else html_options(lane.channel.message)


def _account(delivery: Mapping[str, Any], lane: Lane | None) -> str:
    if lane is None:
        return str(delivery["channel"])
    return lane.identity or str(getattr(lane.account, "sender", "")) or lane.name


def _card(content: Mapping[str, Any]) -> LinkCard | None:
    if not content.get("link"):
        return None
    title, description = content.get("link_title"), content.get("link_description")
    return LinkCard(str(content["link"]), str(title or ""), str(description or ""))


def _images(delivery: Mapping[str, Any]) -> list[ImagePreview]:
    content, number = delivery["content"], delivery["number"]
    sources = {each["number"]: each["source"] for each in delivery.get("images") or ()}
    return [
        ImagePreview(
            number=place,
            alt=str(image.get("alt") or ""),
            source=str(sources.get(place) or image.get("url") or image.get("file") or ""),
            thumbnail=f"/deliveries/{number}/images/{place}" if image.get("stored") else "",
        )
        for place, image in enumerate(content.get("images") or (), start=1)
        if isinstance(image, dict)
    ]


def _facts(content: Mapping[str, Any], lane: Lane | None) -> list[tuple[str, Markup]]:
    shown = _SHOWN | set(_html_options(lane))
    return [
        (_LABELS.get(name, name.replace("_", " ")), visible(_as_text(value)))
        for name, value in content.items()
        if name not in shown and value not in (None, "", [], {})
    ]


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_as_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _measure(content: Mapping[str, Any], lane: Lane | None) -> Measure | None:
    if lane is None:
        return None
    try:
        message = lane.channel.message.model_validate(content)
        return lane.channel.measure(lane.account, message)
    except Exception:  # noqa: BLE001 - a plug-in that was changed since must not hide the post
        return None
