"""
All posts that were ever published on the practice platforms.

Every platform puts its posts here and reads its timelines from here; `GET /posts` shows it whole.
No step costs more with 20,000 posts than with one, except showing them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from appealbridge.clock import Clock
from appealbridge.practice.journal import Journal

_X_EPOCH_MS = 1_288_834_974_657

NUMBERS: dict[str, Callable[[int], int]] = {
    "x": lambda ms: (ms - _X_EPOCH_MS) << 22,  # 19 digits, as X's snowflakes
    "facebook": lambda ms: ms * 1_000,  # 16 digits
    "mastodon": lambda ms: ms << 16,  # 18 digits
    "bluesky": lambda ms: ms * 1_000,  # microseconds, as in the keys of its records
    "wordpress": lambda _: 0,  # one after the other
    "email": lambda ms: ms * 1_000,
    "generic": lambda ms: ms * 1_000,
}
"""How each platform turns Unix milliseconds into the number of a post."""

PLATFORMS = tuple(NUMBERS)


@dataclass(slots=True, kw_only=True)
class PracticePost:
    """
    One post, as it was sent. Times are Unix seconds UTC.

    `edits` holds the earlier texts as `{"text", "edited_at"}`, `client_key` what the sender gave to
    tell a repeat, `more` what only this platform knows (`to`, `subject`, `html` and `in_reply_to` of an
    email; `plug_in`, `method`, `path` and `sent` of what a channel without a practice platform sent).
    """

    platform: str
    account: str
    id: str
    number: int
    text: str
    created_at: float
    media: list[dict[str, Any]] = field(default_factory=list)
    deleted_at: float | None = None
    edits: list[dict[str, str]] = field(default_factory=list)
    client_key: str | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return the post as `GET /posts` gives it; times as ISO 8601."""
        return {
            "platform": self.platform,
            "account": self.account,
            "id": self.id,
            "text": self.text,
            "media": self.media,
            "created_at": iso(self.created_at),
            "deleted_at": None if self.deleted_at is None else iso(self.deleted_at),
            "edits": self.edits,
            "client_key": self.client_key,
            **self.more,
        }


def iso(at: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC, to the millisecond: `2026-11-22T17:00:00.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def readable(text: str) -> str:
    """Return a text that can be written as UTF-8: bytes that were none of it become question marks."""
    return text.encode("utf-8", "replace").decode()


class Shelf:
    """All posts of all platforms, in the order in which they came."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self.version = 0
        self.born = iso(clock.now())  # versions count from 0 in every process
        self._clock = clock
        self._journal = journal
        self._last = dict.fromkeys(PLATFORMS, 0)
        self._forget()
        for record in journal.load():
            self._restore(record)

    def number(self, platform: str) -> int:
        """Return a number greater than every one this platform ever had, even if the clock went back."""
        of_time = NUMBERS[platform](int(self._clock.now() * 1000))
        self._last[platform] = max(self._last[platform] + 1, of_time)
        return self._last[platform]

    def add(
        self,
        platform: str,
        account: str,
        text: str,
        *,
        prefix: str = "",
        post_id: str | None = None,
        media: list[dict[str, Any]] | None = None,
        client_key: str | None = None,
        more: dict[str, Any] | None = None,
    ) -> PracticePost:
        """Keep a new post; it is written down before this returns. Its id is `post_id`, or `prefix` and its number."""
        number = self.number(platform)
        post = PracticePost(
            platform=platform,
            account=account,
            id=post_id or f"{prefix}{number}",
            number=number,
            text=text,
            created_at=self._clock.now(),
            media=media or [],
            client_key=client_key,
            more=more or {},
        )
        self._journal.append({"post": asdict(post)})
        self._put(post)
        return post

    def edit(self, post: PracticePost, text: str) -> None:
        """Give a post a new text and remember the old one."""
        at = self._clock.now()
        self._journal.append({"edit": [post.platform, post.id, text, at]})
        self._edit(post, text, at)

    def mark(self, post: PracticePost, **more: Any) -> None:
        """Change what only the post's own platform knows of it."""
        self._journal.append({"mark": [post.platform, post.id, more]})
        self._mark(post, more)

    def show(self, post: PracticePost, media: list[dict[str, Any]]) -> None:
        """Give a post other pictures."""
        self._journal.append({"show": [post.platform, post.id, media]})
        self._show(post, media)

    def delete(self, post: PracticePost) -> None:
        """Take a post off its platform; the shelf still shows it, with the time of its end."""
        at = self._clock.now()
        self._journal.append({"delete": [post.platform, post.id, at]})
        self._delete(post, at)

    def clear(self) -> None:
        """Forget every post. Numbers go on, so that no id ever comes twice."""
        self._journal.clear({"numbers": self._last})
        self._forget()

    def live(self, platform: str, post_id: str) -> PracticePost | None:
        """Return a post that is still up, by its id."""
        post = self._by_id.get((platform, post_id))
        return post if post is not None and post.deleted_at is None else None

    def any(self, platform: str, post_id: str) -> PracticePost | None:
        """Return a post by its id, still up or not."""
        return self._by_id.get((platform, post_id))

    def timeline(self, platform: str, account: str) -> Iterator[PracticePost]:
        """Yield an account's posts that are still up, newest first."""
        for post in reversed(self._by_account.get((platform, account), [])):
            if post.deleted_at is None:
                yield post

    def accounts(self, platform: str) -> list[str]:
        """Return the accounts that ever published on a platform."""
        return [account for of, account in self._by_account if of == platform]

    def same_text(self, platform: str, account: str, text: str) -> PracticePost | None:
        """Return an account's post with this very text that is still up."""
        post = self._by_text.get((platform, account, text))
        return post if post and post.deleted_at is None and post.text == text else None

    def with_key(self, platform: str, account: str, key: str) -> PracticePost | None:
        """Return an account's latest post that was sent with this key, still up or not."""
        return self._by_key.get((platform, account, key))

    def everything(self) -> list[PracticePost]:
        """Return all posts, oldest first, deleted ones too."""
        return list(self._by_id.values())

    def newest(self, count: int) -> list[PracticePost]:
        """Return the `count` newest posts of one platform after the other, newest first, deleted ones too."""
        return [post for posts in self._by_platform.values() for post in posts[: -count - 1 : -1]]

    def counts(self) -> dict[str, int]:
        """Return how many posts are up on each platform."""
        return {platform: self._up[platform] for platform in PLATFORMS}

    def totals(self) -> dict[str, int]:
        """Return how many posts each platform ever had, deleted ones too."""
        return {platform: len(posts) for platform, posts in self._by_platform.items()}

    def _forget(self) -> None:
        self._by_id: dict[tuple[str, str], PracticePost] = {}
        self._by_account: dict[tuple[str, str], list[PracticePost]] = {}
        self._by_text: dict[tuple[str, str, str], PracticePost] = {}
        self._by_key: dict[tuple[str, str, str], PracticePost] = {}
        self._by_platform: dict[str, list[PracticePost]] = {platform: [] for platform in PLATFORMS}
        self._up: Counter[str] = Counter()
        self.version += 1

    def _put(self, post: PracticePost) -> None:
        self._by_id[post.platform, post.id] = post
        self._by_account.setdefault((post.platform, post.account), []).append(post)
        self._by_text[post.platform, post.account, post.text] = post
        if post.client_key is not None:
            self._by_key[post.platform, post.account, post.client_key] = post
        self._by_platform[post.platform].append(post)
        self._up[post.platform] += post.deleted_at is None
        self.version += 1

    def _edit(self, post: PracticePost, text: str, at: float) -> None:
        post.edits.append({"text": post.text, "edited_at": iso(at)})
        post.text = text
        self._by_text[post.platform, post.account, text] = post
        self.version += 1

    def _mark(self, post: PracticePost, more: dict[str, Any]) -> None:
        post.more.update(more)
        self.version += 1

    def _show(self, post: PracticePost, media: list[dict[str, Any]]) -> None:
        post.media = media
        self.version += 1

    def _delete(self, post: PracticePost, at: float) -> None:
        post.deleted_at = at
        self._up[post.platform] -= 1
        self.version += 1

    def _restore(self, record: dict[str, Any]) -> None:
        ((what, value),) = record.items()
        if what == "post":
            post = PracticePost(**value)
            self._last[post.platform] = max(self._last[post.platform], post.number)
            self._put(post)
        elif what == "numbers":
            self._last.update(value)
        else:
            platform, post_id, *change = value
            moves: dict[str, Callable[..., None]] = {
                "edit": self._edit,
                "mark": self._mark,
                "show": self._show,
                "delete": self._delete,
            }
            moves[what](self._by_id[platform, post_id], *change)
