"""Checks the message of a step against its channel's model, and measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from appealbridge.documents import Path, Problem, path_text, texts_in
from appealbridge.documents.diagnostic import REPORT, fault
from appealbridge.documents.validation import check_value, is_filled_in
from appealbridge.media.library import missing_library
from appealbridge.plugin.channel import Account, AltText, AnyChannel
from appealbridge.plugin.images import AcceptsImages
from appealbridge.plugin.message_images import Image
from appealbridge.plugin.options import Threaded, html_options
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.model.synonyms import OPTIONS
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.options import (
    A_LIST,
    IMAGES,
    Filler,
    chains_of,
    filler,
    images_filler,
)
from appealbridge.recipes.templates.syntax import Chain

_OF_AN_IMAGE = ("url", "file", "alt")


@dataclass(frozen=True, slots=True)
class MessageEntry:
    """
    One message for the account `channel`, as written in the recipe.

    `written` are its options, found below `path` except those that have their own path in `places`;
    `filled` are the same options compiled. `beside` are the other names that are allowed among
    them.
    """

    plugin: AnyChannel
    channel: str
    account: Account
    path: Path
    written: Mapping[str, Any]
    filled: Filler
    places: Mapping[str, Path]
    beside: Iterable[str]
    overflow: Overflow

    @property
    def chains(self) -> list[Chain]:
        """The names that the message reads."""
        return [(name, keys) for _, name, keys in chains_of(self.filled.leaves)]

    def lacks(self, what: str) -> str:
        """Return a sentence about what the channel cannot do; an account may not be named yet."""
        account = f"{self.channel} is on {self.plugin.platform}, which" if self.channel else ""
        return f"{account or self.plugin.platform} {what}"

    def place(self, option: str) -> Path:
        """Return the path of an option in the file."""
        return self.places.get(option, (*self.path, option))


_LACKING = {
    IMAGES: "takes no pictures",
    "thread": "has no threads",
    "in_reply_to": "has no replies",
}
"""What a channel lacks that does not know one of these options."""


def compiled_options(
    reading: ParsingContext, plugins: Iterable[AnyChannel], options: Mapping[str, Any], path: Path
) -> dict[str, Filler]:
    """Return the compiled options by name; values are escaped in those that are HTML on these channels."""
    pages = frozenset().union(*(html_options(plugin.message) for plugin in plugins))
    check_images(reading, options, path)
    return {
        key: images_filler(option, (*path, key), reading.compiled)
        if key == IMAGES
        else filler(
            option, (*path, key), reading.compiled_html if key in pages else reading.compiled
        )
        for key, option in options.items()
    }


def complaints_about(reading: ParsingContext, entry: MessageEntry) -> list[Problem]:
    """Return what is wrong with a message's options."""
    from_files = {k: "{{ … }}" for k in entry.filled.literal if k not in entry.written}
    lacking = _LACKING.keys() & entry.written.keys() - entry.plugin.message.model_fields.keys()
    for option in lacking:
        message = entry.lacks(_LACKING[option])
        reading.complain(entry.place(option), message, f"leave {option} out", key=True)
    options = {k: option for k, option in entry.written.items() if k not in lacking}
    _, problems = check_value(
        reading.document,
        entry.path,
        {**options, **from_files},
        entry.plugin.message,
        skip_templates=True,
        owner=entry.plugin.action,
        beside=[*entry.beside],
        elsewhere=entry.places,
        synonyms=OPTIONS,
    )
    _check_for_account(reading, entry)
    return [*problems, *_flaws(reading, entry)]


def _flaws(reading: ParsingContext, entry: MessageEntry) -> Iterator[Problem]:
    """Yield what the channel finds wrong with fixed texts, such as an invalid address."""
    for option, value in entry.written.items():
        for place, text in texts_in(value, entry.place(option)):
            flaw = None if is_filled_in(text) else flaw_of(entry.plugin, option, text)
            if flaw is not None:
                yield reading.document.problem(place, *flaw)


def flaw_of(plugin: AnyChannel, option: str, text: str) -> tuple[str, str] | None:
    """Return what a channel finds wrong with a fixed text, and the cure; `None` if nothing is."""
    try:
        message = plugin.flaw(option, text)
    except Exception as error:  # noqa: BLE001 - a plug-in that breaks here concerns what it was asked about alone
        return f"{plugin.platform} fails on this: {type(error).__name__}", "report it to its author"
    problem, _, cure = message.partition("; ")
    return (problem, cure) if message else None


def check_overflow(reading: ParsingContext, entry: MessageEntry, path: Path, cure: str) -> None:
    """Report a thread that is not possible; `path` is that of `overflow`."""
    if entry.overflow is not Overflow.THREAD:
        return
    if _marked(reading, entry):
        message = "the text of a thread is never shortened"
        reading.complain(path, message, "delete | shorten, or write shorten(200)")
    if not issubclass(entry.plugin.message, Threaded):
        reading.complain(path, entry.lacks(_LACKING["thread"]), cure)
    elif "thread" in entry.written:
        message = (
            "the option thread already has the posts, so they cannot also be made from the text"
        )
        reading.complain(path, message, "leave one of the two out")


def step_of(
    reading: ParsingContext,
    entry: MessageEntry,
    *,
    id_: str,
    path: Path,
    needs: frozenset[str],
    even_if_failed: bool,
    group: str = "",
) -> Step:
    """Return the step that publishes a message."""
    return Step(
        id=id_,
        path=path_text(path),
        action=entry.plugin.action,
        plugin=entry.plugin,
        channel=entry.channel,
        account=entry.account,
        needs=needs,
        even_if_failed=even_if_failed,
        fill=entry.filled.fill,
        count=_counter(entry.plugin, entry.account),
        overflow=entry.overflow,
        parts=entry.filled.parts,
        own_names=_own_names(reading),
        marked=_marked(reading, entry),
        group=group,
        places={name: path_text(place) for name, place in entry.places.items()},
        lists=frozenset(_lists(reading, entry)),
    )


def _marked(reading: ParsingContext, entry: MessageEntry) -> bool:
    """Return whether a message, or a variable that it reads, marks values for shortening."""
    marks: set[str] = set()
    for name, expression in reading.variables.items():
        if expression.marked or not marks.isdisjoint(read for read, _ in expression.chains):
            marks.add(name)
    return any(leaf.expression.marked for leaf in entry.filled.leaves) or not marks.isdisjoint(
        name for name, _ in entry.chains
    )


def _own_names(reading: ParsingContext) -> frozenset[str]:
    """Return the variables whose values come, at least in part, from the recipe itself."""
    own: set[str] = set()
    for name, expression in reading.variables.items():
        source = expression.source
        if source is None or own.issuperset(source.names):
            own.add(name)
    return frozenset(own)


def _lists(reading: ParsingContext, entry: MessageEntry) -> Iterator[tuple[str, str, bool]]:
    """Yield each use of a list of the settings: the option, the list, and whether it is used without a filter."""
    starts = {entry.place(name): name for name in entry.written}
    for leaf in entry.filled.leaves:
        if not leaf.expression.chains:
            continue
        option = next((n for start, n in starts.items() if leaf.path[: len(start)] == start), "")
        for name, as_it_is in reading.lists_in(leaf.expression):
            yield option, name, as_it_is


def _counter(plugin: AnyChannel, account: Account) -> Callable[[str], int] | None:
    """Return the function by which a channel counts a text, `None` if its messages have no text."""

    def count(text: str) -> int:
        measure = plugin.measure(account, plugin.message.model_construct(text=text))
        return len(text) if measure is None else measure.count

    return count if "text" in plugin.message.model_fields else None


def measured(reading: ParsingContext, step: Step, entry: MessageEntry) -> Step:
    """Return the step with its message if that never changes; report fixed words that can never fit."""
    filled = entry.filled
    message, _ = check_value(reading.document, entry.path, filled.literal, step.plugin.message)
    if message is None:
        return step
    try:
        measure = step.plugin.measure(step.account, message)
    except Exception as error:  # noqa: BLE001 - what a plug-in breaks over concerns this recipe alone
        reading.complain(
            entry.path, f'"{step.action}" cannot count this: {fault(error)}', REPORT, key=True
        )
        return step
    if measure is not None and not measure.fits and step.overflow is not Overflow.THREAD:
        alone = "" if filled.constant else "its fixed words alone are "
        threads = issubclass(step.plugin.message, Threaded)
        reading.complain(
            entry.place(measure.field),
            f"{alone}{measure.count} {measure.unit}, but {step.channel} allows {measure.limit}",
            "make it shorter, or write overflow: thread" if threads else "make it shorter",
        )
    return replace(step, fixed=message) if filled.constant else step


def check_images(reading: ParsingContext, options: Mapping[str, Any], path: Path) -> None:
    """Report what is wrong with the images among a message's options, whatever the channel."""
    if IMAGES not in options:
        return
    place, value = (*path, IMAGES), options[IMAGES]
    if missing := missing_library():
        problem, _, cure = missing.partition("; ")
        reading.complain(place, f"images need one more package: {problem}", cure, key=True)
    if isinstance(value, str):
        if not _is_one_template(value):
            reading.complain(place, "is not a list of pictures", A_LIST)
        return
    for number, image in enumerate(value if isinstance(value, list) else ()):
        if isinstance(image, dict):
            _check_image(reading, image, (*place, number))


def _is_one_template(text: str) -> bool:
    text = text.strip()
    return text.startswith(("{{", "$.", "$[")) and (
        not text.startswith("{{") or text.endswith("}}")
    )


def _check_image(reading: ParsingContext, image: Mapping[str, Any], path: Path) -> None:
    for name in image.keys() & (Image.model_fields.keys() - {*_OF_AN_IMAGE}):
        cure = f"a picture has {', '.join(_OF_AN_IMAGE)}"
        reading.complain((*path, name), f'unknown option "{name}" for a picture', cure, key=True)
    file = image.get("file")
    if isinstance(file, str) and "url" not in image:
        if is_filled_in(file):
            cure = "write its name here; a picture from an event has url:"
            reading.complain(
                (*path, "file"), "the name of a file cannot come from a template", cure
            )
        elif flaw := reading.catalogue.media_flaw(file):
            reading.complain((*path, "file"), *flaw)


def _check_for_account(reading: ParsingContext, entry: MessageEntry) -> None:
    """Report what is wrong with the images of a message for its account."""
    plugin, images, path = entry.plugin, entry.written.get(IMAGES), entry.place(IMAGES)
    if not images or not isinstance(plugin, AcceptsImages):
        return
    for other in sorted(plugin.excludes_images & entry.written.keys()):
        cure = "leave one of the two out; a link in the text is still a link"
        message = f'"{other}" and "{IMAGES}" cannot be used together on {plugin.platform}'
        reading.complain(entry.place(other), message, cure, key=True)
    most = plugin.image_rules(entry.account).alt_length
    for number, image in enumerate(images if isinstance(images, list) else ()):
        alt = image.get("alt", "") if isinstance(image, dict) else None
        if not isinstance(alt, str) or is_filled_in(alt):
            continue
        if not alt.strip() and entry.account.alt_text is AltText.REQUIRED:
            message = f"a picture without alt: is held for a person on {entry.channel}"
            reading.note((*path, number), message, "say in alt: what it shows")
        elif len(alt) > most:
            message = f"{len(alt)} characters, but {entry.channel} allows {most} for an alt text"
            reading.complain((*path, number, "alt"), message, "make it shorter")
