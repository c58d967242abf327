"""What a Mastodon server itself allows: it is asked with the login, and remembered while the program runs."""

from __future__ import annotations

from appealbridge.model.errors import DeliveryError
from appealbridge.model.value import value
from appealbridge.plugin import Tools
from appealbridge.plugin.http import Reply

_MOST_SERVERS = 200
_LARGEST = 1_000_000_000


@value
class Instance:
    """The limits of a server; those of Mastodon as it comes until it has said its own."""

    characters: int = 500
    link_length: int = 23
    alt_length: int = 1500
    images: int = 4
    image_bytes: int = 16_000_000
    image_pixels: int = 33_177_600


UNKNOWN = Instance()


class Instances:
    """The limits of servers by their address. They are no part of the settings, so a reload keeps them."""

    def __init__(self) -> None:
        self._known: dict[str, Instance] = {}

    def of(self, api: str) -> Instance:
        """Return what is known of a server by now."""
        return self._known.get(api, UNKNOWN)

    async def ask(self, api: str, tools: Tools) -> None:
        """Ask a server. What it does not say stays as it was; this is no reason to doubt the account."""
        try:
            reply = await tools.http.get(f"{api}/api/v2/instance", accept=range(400, 500))
            if reply.status == 200:
                self._known[api] = _read(reply, self.of(api))
        except DeliveryError:
            return
        while len(self._known) > _MOST_SERVERS:
            del self._known[next(iter(self._known))]


INSTANCES = Instances()
"""Shared by all accounts: what a server allows is the same for each of them."""


def _read(reply: Reply, before: Instance) -> Instance:
    answer = reply.json()

    def limit(part: str, name: str, otherwise: int) -> int:
        try:
            number = answer["configuration"][part][name]
        except (LookupError, TypeError):
            return otherwise
        is_number = isinstance(number, int) and not isinstance(number, bool)
        return min(number, _LARGEST) if is_number and number > 0 else otherwise

    return Instance(
        limit("statuses", "max_characters", before.characters),
        limit("statuses", "characters_reserved_per_url", before.link_length),
        limit("media_attachments", "description_limit", before.alt_length),
        limit("statuses", "max_media_attachments", before.images),
        limit("media_attachments", "image_size_limit", before.image_bytes),
        limit("media_attachments", "image_matrix_limit", before.image_pixels),
    )
