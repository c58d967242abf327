"""
Publish on a WordPress site.

A step of a recipe:

    - action: wordpress_post
      channel: newsroom
      title: "{{ appeal.title }}"
      body: "<p>{{ appeal.text }}</p>"

The account, in appealbridge.yaml:

    newsroom:
      platform: wordpress
      api: https://news.example.police.uk
      credentials: { username: bridge, application_password: !secret newsroom_password }

WordPress accepts no key, and gives a second post of the same address another address. So each post has an address of
its own, made from its delivery, and AppealBridge looks for it before it creates anything, and after an unclear outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from appealbridge.channels.wordpress.media import WordPressMedia, require_pictures
from appealbridge.channels.wordpress.post import WordPressPost, seen, slug_of
from appealbridge.channels.wordpress.rest import (
    NO_SUCH_POST,
    WordPressAccount,
    WordPressRest,
    error_of,
    failure,
    open_rest,
    still_answers,
)
from appealbridge.plugin import (
    Appearance,
    Channel,
    Delivery,
    Receipt,
    Registry,
    Repeat,
    SearchResult,
    Tools,
    in_thread,
)
from appealbridge.plugin.http import Effect, Reply
from appealbridge.plugin.published import AlreadyGone, Edits, Removes, Standing, looking
from appealbridge.plugin.timestamps import moment

_FIELDS = "id,slug,status,link,date_gmt"
_NO_TRASH = "rest_trash_not_supported"


class WordPress(
    Channel[WordPressAccount, WordPressPost],
    Removes[WordPressAccount],
    Edits[WordPressAccount, WordPressPost],
    WordPressMedia,
):
    """Publishes a post under an address of its own, finds it there, edits it and moves it to the trash."""

    platform: ClassVar[str] = "wordpress"
    action: ClassVar[str] = "wordpress_post"
    appearance: ClassVar[Appearance] = Appearance("WordPress", "#21627c", form="page")
    account = WordPressAccount
    message = WordPressPost
    repeat: ClassVar[Repeat] = Repeat.FINDABLE
    # WordPress itself links no @name, but its ActivityPub plug-in does, and notifies whoever has that name.
    mentions: ClassVar[frozenset[str]] = frozenset({"title", "text", "body", "excerpt"})
    has_practice_platform: ClassVar[bool] = True

    async def deliver(
        self, account: WordPressAccount, message: WordPressPost, delivery: Delivery, tools: Tools
    ) -> Receipt:
        """Create the post, if it is not there."""
        rest = await open_rest(account, tools)
        if (earlier := await _existing_post(rest, delivery)) is not None:
            return earlier
        await require_pictures(rest, message.images)
        fields = await _fields(rest, message)
        reply = await rest.ask(
            "POST", "posts", Effect.CREATE, params={"_fields": _FIELDS},
            json={**fields, "slug": slug_of(delivery), "status": message.status},
        )  # fmt: skip
        with reply.expecting("a post"):
            return _receipt(reply.json(), reply)

    async def find(
        self, account: WordPressAccount, message: WordPressPost, delivery: Delivery, tools: Tools
    ) -> SearchResult:
        """Look for the post by its address, in the trash too."""
        receipt = await _existing_post(await open_rest(account, tools), delivery)
        where = f"{account.api} by the address {slug_of(delivery)}"
        if receipt is None:
            return SearchResult(None, sure=True, seen=f"no post on {where}")
        return SearchResult(receipt, sure=True, seen=f"found on {where}: {receipt.url}")

    async def remove(
        self, account: WordPressAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> str:
        """Move the post to the trash, from which a person can restore it; delete it if the site has no trash."""
        rest = await open_rest(account, tools)
        path = f"posts/{receipt.id}"
        reply = await rest.ask(
            "DELETE", path, Effect.CHANGE, params={"_fields": "id,status"}, accept=(501,)
        )
        if reply.status == 501:
            if error_of(reply).get("code") != _NO_TRASH:
                raise failure(reply)
            reply = await rest.delete(path, "the deleted post")
            return reply.message("deleted; this site has no trash")
        with reply.expecting("the post in the trash"):
            post = reply.json()
            if (reply.name(post["id"]), post["status"]) != (receipt.id, "trash"):
                raise ValueError("another post, or not in the trash")
        return reply.message("moved to the trash")

    async def edit(
        self,
        account: WordPressAccount,
        message: WordPressPost,
        receipt: Receipt,
        delivery: Delivery,
        tools: Tools,
    ) -> Receipt:
        """Replace title, body, excerpt, categories and tags. Whether readers see the post stays as it is."""
        rest = await open_rest(account, tools)
        await require_pictures(rest, message.images)
        fields = await _fields(rest, message)
        path, shown = f"posts/{receipt.id}", {"_fields": _FIELDS}
        reply = await rest.ask("POST", path, Effect.CHANGE, params=shown, json=fields)
        with reply.expecting("a post"):
            edited = _receipt(reply.json(), reply)
            reply.check_name(edited.id, receipt.id)
            if reply.json()["status"] == "trash":
                raise AlreadyGone(reply.message("somebody moved the post to the trash"))
        return edited

    def shown_text(self, message: WordPressPost) -> str:
        return message.seen()

    async def look(
        self, account: WordPressAccount, receipt: Receipt, delivery: Delivery, tools: Tools
    ) -> Standing:
        """Ask for the post by its id; if it is gone or in the trash, check that its page is gone as well."""
        rest = await open_rest(account, tools)
        params = {"context": "edit", "_fields": "id,status,title.raw,content.raw"}
        reply = await rest.ask("GET", f"posts/{receipt.id}", params=params, accept=(404,))
        text, where = "", "there is no such post"
        if reply.status != 404:
            with reply.expecting("a post"):
                post = reply.json()
                reply.check_name(post["id"], receipt.id)
                there = post["status"] != "trash"
                raw = str(post["title"]["raw"]), str(post["content"]["raw"])
                text = await in_thread(seen, *raw)
            if there:
                return Standing(there=True, text=text, seen=reply.message("it is there"))
            where = "it is in the trash"
        elif error_of(reply).get("code") != NO_SUCH_POST:
            raise looking(failure)(reply)
        if await still_answers(account, receipt.url, f"?p={receipt.id}", tools):
            where = f"{where}, but its page still answers; a cache may have to be cleared: {receipt.url}"
            return Standing(there=True, text=text, seen=reply.message(where))
        return Standing(there=False, seen=reply.message(where))

    async def check(self, account: WordPressAccount, tools: Tools) -> str:
        reply = await (await open_rest(account, tools)).ask(
            "GET", "users/me", params={"context": "edit", "_fields": "username"}
        )
        with reply.expecting("a user"):
            return f"{reply.readable(reply.name(reply.at('username')))} on {account.api}"

    def practice_credentials(self, name: str) -> Mapping[str, Any]:
        """Return a login without access."""
        return {"credentials": {"username": name, "application_password": f"practice-{name}"}}


async def _existing_post(rest: WordPressRest, delivery: Delivery) -> Receipt | None:
    """Return the receipt of a delivery's post, `None` if it is certainly not there."""
    slug = slug_of(delivery)
    # What somebody moved to the trash was published all the same.
    reply = await rest.ask(
        "GET", "posts",
        params={
            "slug": f"{slug},{slug}__trashed", "status": "any,trash", "context": "edit",
            "_fields": _FIELDS,
        },
    )  # fmt: skip
    with reply.expecting("a list of posts"):
        posts = [*reply.json()]
        return _receipt(posts[0], reply) if posts else None


async def _fields(rest: WordPressRest, message: WordPressPost) -> dict[str, Any]:
    """Return what a message says, as WordPress takes it."""
    return {
        **await in_thread(_texts, message),
        **_featured(message),
        **{
            kind: [await rest.term(kind, name) for name in names]
            for kind, names in (("categories", message.categories), ("tags", message.tags))
            if names
        },
    }


def _texts(message: WordPressPost) -> dict[str, str]:
    """Return the texts of a message as HTML; of a long one that takes a while."""
    return {
        "title": message.sent_title(),
        "content": message.content(),
        "excerpt": message.summary(),
    }


def _featured(message: WordPressPost) -> dict[str, int]:
    """Return which picture stands above the post. One that a person chose in WordPress stays if nothing is said."""
    if message.images:
        return {"featured_media": int(message.images[0].media.id)}
    return {"featured_media": 0} if "images" in message.model_fields_set else {}


def _receipt(post: Mapping[str, Any], reply: Reply) -> Receipt:
    time = post.get("date_gmt")
    return Receipt(
        reply.name(post["id"]),
        reply.web_address(post.get("link")),
        moment(f"{time}Z") if isinstance(time, str) else None,
    )


def register(registry: Registry) -> None:
    """Register the channel."""
    registry.add(WordPress())
