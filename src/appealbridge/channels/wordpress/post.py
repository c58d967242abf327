"""
What a post on a WordPress site may say: its options, and how its texts become HTML.

WordPress stores HTML as it is sent if the user has the role Editor, scripts included, and runs shortcodes such as
`[gallery]`. So HTML is cleaned here, and no bracket begins a shortcode.
"""

from __future__ import annotations

import hashlib
import html
import re
from base64 import b32encode
from typing import Annotated, Literal

from appealbridge.plugin import HTML, Delivery, Field, field_validator, model_validator
from appealbridge.plugin import text as plain_text
from appealbridge.plugin.images import Illustrated, Image
from appealbridge.plugin.timeline import shown

_LONGEST_TITLE = 200
_MOST_TERMS = 20
_SCHEMES = {"http", "https", "mailto", "tel"}
_MORE_ATTRIBUTES = {"*": {"class", "lang", "title"}}
_MORE_TAGS = {"figure", "figcaption"}
_MARK, _MARKED = "\ue000{}\ue001", re.compile("\ue000([0-9]+)\ue001")
"""Stands in the place of a link while the rest of a text is escaped: characters that no text has a use for."""


class WordPressPost(Illustrated):
    """One post."""

    title: str | None = Field(
        None,
        min_length=1,
        description="The title. If left out, the first line of `text`.",
        examples=["{{ appeal.title }}"],
    )
    body: Annotated[str | None, HTML] = Field(
        None,
        description="The post as HTML. Values in it are escaped, and scripts, forms and styles are removed.",
        examples=["<p>{{ appeal.text }}</p>"],
    )
    text: str | None = Field(
        None,
        min_length=1,
        description="The post as plain text, if there is no `body`. An empty line begins a paragraph, and links can be "
        "clicked.",
        examples=["{{ appeal.text }}"],
    )
    excerpt: str | None = Field(
        None,
        description="A few words for lists of posts. If left out, WordPress shows how the post begins.",
        examples=["{{ appeal.text | shorten(200) }}"],
    )
    categories: str | tuple[str, ...] = Field(
        (),
        description="The names of categories, as a list or separated by commas. One that the site does not have is "
        "created if the user may do so.",
        examples=[["Missing people"]],
    )
    tags: str | tuple[str, ...] = Field(
        (),
        description="The names of tags, as a list or separated by commas. A new one is created.",
        examples=[["Digbeth", "Missing"]],
    )
    status: Literal["publish", "draft"] = Field(
        "publish",
        description="Whether readers see the post, or a person publishes it in WordPress.",
        examples=["draft"],
    )

    @field_validator("body")
    @classmethod
    def _clean(cls, value: str | None) -> str | None:
        return None if value is None else clean(value)

    @field_validator("categories", "tags")
    @classmethod
    def _names(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        names = tuple(dict.fromkeys(name for part in parts if (name := " ".join(part.split()))))
        if len(names) > _MOST_TERMS or any(len(name) > _LONGEST_TITLE for name in names):
            raise ValueError(
                f"give at most {_MOST_TERMS} names, of {_LONGEST_TITLE} characters each"
            )
        return names

    @model_validator(mode="after")
    def _complete(self) -> WordPressPost:
        if not (self.body or self.text):
            raise ValueError("give the post body: or text:")
        if not (self.title or (self.text and self.text.strip())):
            raise ValueError("give the post a title:")
        return self

    def heading(self) -> str:
        """Return the title, on one line."""
        return " ".join((self.title or _first_line(self.text or "")[0]).split())

    def sent_title(self) -> str:
        """Return the title as the HTML that is sent."""
        return html.escape(self.heading(), quote=False)

    def content(self) -> str:
        """Return the post as the HTML that is sent: the text, then all pictures but the first."""
        text = self.text or ""
        if self.title is None:
            text = _first_line(text)[1] or text
        figures = (_figure(image) for image in self.images[1:])
        return "\n".join((_without_shortcodes(self.body or linked(text)), *figures))

    def summary(self) -> str:
        """Return the excerpt as the HTML that is sent, empty if there is none."""
        return _without_shortcodes(html.escape(self.excerpt or "", quote=False))

    def seen(self) -> str:
        """Return what readers see of the post."""
        return seen(self.sent_title(), self.content())


def clean(markup: str) -> str:
    """Return HTML that can do nothing but be read."""
    import nh3  # 1.5 MB, for those who have a WordPress site

    return nh3.clean(
        markup.replace("\0", ""),
        tags=nh3.ALLOWED_TAGS | _MORE_TAGS,
        attributes={**nh3.ALLOWED_ATTRIBUTES, **_MORE_ATTRIBUTES},
        url_schemes=_SCHEMES,
        link_rel=None,
    )


def linked(text: str) -> str:
    """Return a plain text as HTML: paragraphs, line ends, and links that can be clicked."""
    text = text.translate({0xE000: None, 0xE001: None})
    addresses: list[str] = []
    parts: list[str] = []
    done = 0
    for begin, end in plain_text.links(text, scheme=True):
        parts += (text[done:begin], _MARK.format(len(addresses)))
        addresses.append(text[begin:end])
        done = end
    markup = plain_text.paragraphs("".join((*parts, text[done:])))
    anchors = [
        f'<a href="{html.escape(address)}">{html.escape(address, quote=False)}</a>'
        for address in addresses
    ]
    return _MARKED.sub(lambda mark: anchors[int(mark[1])], markup)


def seen(title: str, content: str) -> str:
    """Return what readers see of a title and a content, both HTML. A title that begins the content is not repeated."""
    heading, text = shown(title), shown(content)
    return text if text.startswith(heading) else f"{heading}\n{text}".strip()


def slug_of(delivery: Delivery) -> str:
    """
    Return the word in the address of a delivery's post, by which it is found again.

    WordPress would make it of the title, and an address must not give a name away.
    """
    digest = hashlib.sha256(delivery.id.encode()).digest()
    return f"ab-{b32encode(digest)[:20].decode().lower()}"


def _figure(image: Image) -> str:
    """Return the HTML of a picture; what is compared with a post needs no address."""
    address = image.upload.url if image.upload else ""
    return _without_shortcodes(
        f'<figure><img src="{html.escape(address)}" alt="{html.escape(image.alt)}"></figure>'
    )


def _first_line(text: str) -> tuple[str, str]:
    """Return a title and the rest of a text; all of it is the rest if its first line is too long for a title."""
    first, _, rest = text.strip().partition("\n")
    if len(first) <= _LONGEST_TITLE:
        return first, rest.strip()
    return plain_text.cut(first, _LONGEST_TITLE), text


def _without_shortcodes(markup: str) -> str:
    return markup.replace("[", "&#91;")
