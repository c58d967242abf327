"""How a platform's posts look on the pages on which people approve them."""

from __future__ import annotations

import re

from appealbridge.model.value import value

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@value
class Appearance:
    """
    What the pages show of a platform: its `name` as people write it, and its `colour`, such as `#0a63d6`.

    The colour is behind white letters. `form` is `post` for a short message, `page` for one of a website, and `letter`
    for a mail. Without a name, the pages show the channel's `platform`.
    """

    name: str = ""
    colour: str = "#2f6b58"
    form: str = "post"

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.colour):
            raise ValueError("a colour has the form #0a63d6")
        if self.form not in ("post", "page", "letter"):
            raise ValueError("the form of a platform's posts is post, page or letter")
