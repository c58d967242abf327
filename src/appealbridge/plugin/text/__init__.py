"""Text for plug-ins: counts as platforms do, cuts without breaking words or links, and reads HTML."""

from appealbridge.markup.safe_links import safe_links
from appealbridge.markup.text import html_to_text, paragraphs
from appealbridge.plugin.text.counting import (
    FACEBOOK_LIMIT,
    MASTODON_LIMIT,
    X_LIMIT,
    characters,
    cut,
    mastodon_length,
    plain_length,
    x_length,
)
from appealbridge.plugin.text.links import links
from appealbridge.plugin.text.normal_form import composed

__all__ = [
    "FACEBOOK_LIMIT", "MASTODON_LIMIT", "X_LIMIT", "characters", "composed", "cut", "html_to_text", "links",
    "mastodon_length", "paragraphs", "plain_length", "safe_links", "x_length",
]  # fmt: skip
