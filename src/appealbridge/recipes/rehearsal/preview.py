"""Shows what a recipe would post about one event, counted as each platform counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from textwrap import wrap
from typing import Any

import orjson

from appealbridge.documents import InvalidDocuments, Problem, check, read
from appealbridge.files import read_file
from appealbridge.model.amendment import Amends, Change, Instead
from appealbridge.model.duration import written
from appealbridge.model.event import Event
from appealbridge.model.size import size_text
from appealbridge.plugin.text.links import links
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.model.schema import TestEvent
from appealbridge.recipes.rehearsal.selftest import TEST_TIME, later_events, made_up_event
from appealbridge.recipes.rehearsal.simulate import Rehearsal, SimulatedPost, rehearse

Mark = Callable[[str], str]
Line = Sequence[tuple[str, bool]]
"""A line in parts, each with whether it is a link on its platform."""


PictureOf = tuple[str, str]
"""A channel, and the address or file of a picture."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a channel would get of a picture, or the reason why it cannot have it."""

    media_type: str = ""
    width: int = 0
    height: int = 0
    size: int = 0
    before: int = 0
    refused: str = ""

    @property
    def summary(self) -> str:
        """The facts for people, in one line."""
        if self.refused:
            return f"cannot be sent: {self.refused}"
        smaller = (
            f", made of {size_text(self.before)}" if self.before != self.size else ", as it is"
        )
        return f"{self.media_type}, {self.width} × {self.height} pixels, {size_text(self.size)}{smaller}"

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        if self.refused:
            return {"refused": self.refused}
        return {
            "media_type": self.media_type,
            "width": self.width,
            "height": self.height,
            "size": self.size,
            "fetched": self.before,
        }


@dataclass(frozen=True, slots=True)
class Preview:
    """
    What a recipe would post; `failed` is why it would not, otherwise empty.

    `pictures` says what becomes of each picture, by channel and source, if they were fetched.
    """

    recipe: str
    rehearsal: Rehearsal
    pictures: Mapping[PictureOf, PictureFacts] = field(default_factory=dict)

    @property
    def failed(self) -> str:
        """Why nothing is posted although the event is for the recipe."""
        return self.rehearsal.failed

    def text(self, mark: Mark = str, width: int = 0) -> str:
        """
        Return the posts for people.

        `mark` formats a link. Lines are folded at `width` characters, not at all if it is 0.
        """
        return "\n".join(
            "".join(mark(text) if link else text for text, link in line)
            for line in self.lines(width)
        )

    def lines(self, width: int = 0) -> Iterator[Line]:
        """Yield the lines of the text, each in parts."""
        if self.failed:
            yield plain(f"{self.recipe} stops: {self.failed}")
        elif self.rehearsal.why_not:
            yield plain(f"{self.recipe} does not want this event: {self.rehearsal.why_not}")
        elif not self.rehearsal.posts and not self.rehearsal.stopped:
            yield plain(f"{self.recipe} posts nothing")
        else:
            for number, post in enumerate(self.rehearsal.posts):
                if number:
                    yield ()
                yield from _lines(post, width, self.pictures)
            if self.rehearsal.stopped:
                if self.rehearsal.posts:
                    yield ()
                yield plain(f"{self.recipe} is then {self.rehearsal.stopped}")

    def as_json(self) -> dict[str, Any]:
        """Return the preview for programs: `recipe`, `why_not`, `failed`, `stopped`, `posts`."""
        return {
            "recipe": self.recipe,
            "why_not": self.rehearsal.why_not,
            "failed": self.failed,
            "stopped": self.rehearsal.stopped,
            "posts": [post_as_json(post, self.pictures) for post in self.rehearsal.posts],
        }


def preview(recipe: Recipe, event_file: Path | None = None, now: float = TEST_TIME) -> Preview:
    """
    Return what a recipe would post about the event or appeal in a file, or about its first test's event.

    An appeal arrives at `now`, in Unix seconds UTC. Raise `InvalidDocuments` if the file has
    neither.
    """
    if event_file is not None:
        event, later = _event_in(event_file, recipe, now), []
    elif recipe.tests:
        event = made_up_event(recipe, recipe.tests[0].event.model_dump())
        later = later_events(recipe, event, recipe.tests[0])
    else:
        message = "it has no tests to take an event from; name a file with --event"
        return Preview(recipe.name, Rehearsal(failed=message))
    return Preview(recipe.name, rehearse(recipe, event, event.received_at, later))


def preview_of(recipe: Recipe, event: Event) -> Preview:
    """Return what a recipe would post about an event."""
    return Preview(recipe.name, rehearse(recipe, event, event.received_at))


def _event_in(file: Path, recipe: Recipe, now: float) -> Event:
    try:
        content = read_file(file, pipes=True)
    except OSError as error:
        message, cure = f"cannot be read: {error.strerror}", "name a file with an event"
        raise InvalidDocuments([Problem(str(file), 1, 1, "", message, cure)]) from None
    for trigger in recipe.triggers:
        draft = trigger.plugin.event_in(str(file), content)
        if draft is not None:
            fields = {"type": draft.type, "subject": draft.subject, "data": draft.data}
            return replace(made_up_event(recipe, fields), time=now, received_at=now)
    document = read(content, str(file))
    event, problems = check(document, (), TestEvent)
    if event is None:
        raise InvalidDocuments(problems)
    try:
        return made_up_event(recipe, event.model_dump())
    except (ValueError, OverflowError):
        cure = "for example 2026-05-01T14:30:00+01:00"
        raise InvalidDocuments([document.problem(("time",), "is no time", cure)]) from None


def _lines(
    post: SimulatedPost, width: int, pictures: Mapping[PictureOf, PictureFacts]
) -> Iterator[Line]:
    yield plain(heading(post))
    for name, value in post.written.items():
        if name == "images":
            yield from _image_lines(post, pictures)
            continue
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        counted = post.measure is not None and post.measure.field == name
        if counted or "\n" in text:
            if not counted:
                yield plain(f"  {name}:")
            yield from _framed(post, text, width)
        else:
            yield plain(f"  {name}: {text}")


def images_of(post: SimulatedPost) -> Sequence[tuple[str, str]]:
    """Return the source and the alt text of each image of a post."""
    images: Sequence[Mapping[str, str]] = post.written.get("images", ())
    return [(image.get("url") or image.get("file") or "", image.get("alt", "")) for image in images]


def _image_lines(post: SimulatedPost, pictures: Mapping[PictureOf, PictureFacts]) -> Iterator[Line]:
    for number, (source, alt) in enumerate(images_of(post), start=1):
        yield plain(f"  image {number}: {source}")
        facts = pictures.get((post.channel, source))
        if facts is not None:
            yield plain(f"    {facts.summary}")
        yield plain(f"    alt text: {alt}" if alt.strip() else "    no alt text")
    if post.left_out:
        yield plain(f"  left out, because {post.channel} takes fewer: {', '.join(post.left_out)}")


def heading(post: SimulatedPost) -> str:
    """Return the heading of a post: its channel, its length, when it goes out, and what it replies to."""
    measure = post.measure
    counted = f": {measure.count} of {measure.limit} {measure.unit}" if measure else ""
    answer = ", in answer to the post before it" if post.follows else ""
    later = f", {written(post.after)} later" if post.after >= 1 else ""
    shortened = f", shortened from {post.too_long.count}" if post.too_long is not None else ""
    held = f", held: {post.hold}" if post.hold else ""
    why = f", since {post.reason}" if post.reason else ""
    amends = f", {_amending(post.amends)}" if post.amends is not None else ""
    where = f" on {post.channel}" if post.channel else " what was published about the subject"
    return f"{post.action}{where}{counted}{amends}{shortened}{answer}{later}{held}{why}"


def _amending(amends: Amends) -> str:
    """Return what becomes of the posts that an amendment corrects."""
    if amends.edits:
        return f"in place of the text of {amends.of}"
    return {
        Instead.FOLLOW_UP: f"in answer to {amends.of}",
        Instead.REPLACE: f"in place of {amends.of}, which is then withdrawn",
        Instead.NOTHING: f"not published, because {amends.of} cannot be edited",
    }[amends.instead]


def plain(text: str) -> Line:
    """Return a line of one part that is no link."""
    return ((text, False),)


def _framed(post: SimulatedPost, text: str, width: int) -> Iterator[Line]:
    """Yield a text with a line at its side, so that its beginning, end and empty lines are visible."""
    yield plain("  ┌")
    for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        folded = wrap(line, width, break_long_words=False, break_on_hyphens=False) if width else ()
        for part in folded or [line]:
            text = part.rstrip()
            yield _marked(text, links(text, scheme=not post.bare_links))
    yield plain("  └")


def _marked(text: str, spans: Sequence[tuple[int, int]]) -> Line:
    parts, done = [], 0
    for begin, end in spans:
        parts += [(text[done:begin], False), (text[begin:end], True)]
        done = end
    return [("  │ " if text else "  │", False), *parts, (text[done:], False)]


def post_as_json(
    post: SimulatedPost, pictures: Mapping[PictureOf, PictureFacts] | None = None
) -> dict[str, Any]:
    """Return one post for machines, with `pictures` if they were fetched."""
    facts = [
        {"source": source, **picture.as_json()}
        for source, _ in images_of(post)
        if (picture := (pictures or {}).get((post.channel, source))) is not None
    ]
    amends = post.amends
    change = amends and (Change.EDIT if amends.edits else amends.instead).value
    return {
        "step": post.step,
        "action": post.action,
        "channel": post.channel,
        "message": dict(post.written),
        "measure": post.measure and asdict(post.measure),
        "hold": post.hold,
        "reason": post.reason,
        "shortened_from": post.too_long and post.too_long.count,
        "after": post.after,
        "follows": post.follows,
        "amends": amends and amends.of,
        "change": change,
        **({"images_left_out": [*post.left_out]} if post.left_out else {}),
        **({"pictures": facts} if facts else {}),
    }
