"""What a step publishes on one channel: its options, checked against that channel's model and measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from appealbridge.documents import Path, Problem, path_text, texts_in
from appealbridge.documents.diagnostic import REPORT, fault
from appealbridge.documents.validation import check_value, is_filled_in
from appealbridge.plugin.channel import Account, AnyChannel
from appealbridge.plugin.options import html_options
from appealbridge.plugin.thread import Threaded
from appealbridge.recipes.model.step import Overflow, Step
from appealbridge.recipes.parsing.context import ParsingContext
from appealbridge.recipes.parsing.options import Filler, chains_of, filler
from appealbridge.recipes.templates.syntax import Chain

PICTURES = "images"
"""An option of the language that no channel has yet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    One message as the file wants it on the account `channel`.

    `written` are its options as they stand there, below `path` but for those with `places` of their
    own, and `filled` the same compiled. `beside` are the words that may stand among them.
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
        """The names that its texts read."""
        return [(name, keys) for _, name, keys in chains_of(self.filled.leaves)]


def compiled_options(
    reading: ParsingContext, plugins: Iterable[AnyChannel], options: Mapping[str, Any], path: Path
) -> dict[str, Filler]:
    """Return options compiled, each for itself; those that are pages on these channels escape their values."""
    pages = frozenset().union(*(html_options(plugin.message) for plugin in plugins))
    return {
        key: filler(
            option, (*path, key), reading.compiled_html if key in pages else reading.compiled
        )
        for key, option in options.items()
    }


def pictures_of(reading: ParsingContext, options: dict[str, Any], path: Path) -> None:
    """Take pictures out of the options, and say that they cannot be published yet."""
    if PICTURES in options:
        cure = "leave it out, and give a link to the page that shows them"
        reading.complain((*path, PICTURES), f'"{PICTURES}" is not available yet', cure, key=True)
        del options[PICTURES]


def complaints_about(reading: ParsingContext, wanted: Wanted) -> list[Problem]:
    """Return what is wrong with a message's options."""
    from_files = {k: "{{ … }}" for k in wanted.filled.literal if k not in wanted.written}
    _, problems = check_value(
        reading.document,
        wanted.path,
        {**wanted.written, **from_files},
        wanted.plugin.message,
        skip_templates=True,
        owner=wanted.plugin.action,
        beside=[*wanted.beside],
        elsewhere=wanted.places,
    )
    return [*problems, *_flaws(reading, wanted)]


def _flaws(reading: ParsingContext, wanted: Wanted) -> Iterator[Problem]:
    """Yield what the channel finds wrong with fixed texts: an address that is none."""
    for option, value in wanted.written.items():
        path = wanted.places.get(option, (*wanted.path, option))
        for place, text in texts_in(value, path):
            flaw = None if is_filled_in(text) else flaw_of(wanted.plugin, option, text)
            if flaw is not None:
                yield reading.document.problem(place, *flaw)


def flaw_of(plugin: AnyChannel, option: str, text: str) -> tuple[str, str] | None:
    """Return what a channel finds wrong with a fixed text, and the cure; `None` where nothing is."""
    try:
        message = plugin.flaw(option, text)
    except Exception as error:  # noqa: BLE001 - a plug-in that breaks here concerns what it was asked about alone
        return f"{plugin.platform} breaks on this: {type(error).__name__}", "see its author"
    problem, _, cure = message.partition("; ")
    return (problem, cure) if message else None


def check_overflow(reading: ParsingContext, wanted: Wanted, path: Path, cure: str) -> None:
    """Complain where a thread is wanted and there can be none; `path` is where `overflow` stands."""
    if wanted.overflow is not Overflow.THREAD:
        return
    if _marked(reading, wanted):
        message = "a thread keeps all of its text, so nothing of it is shortened"
        reading.complain(path, message, "take | shorten out, or write shorten(200)")
    if not issubclass(wanted.plugin.message, Threaded):
        message = f"{wanted.channel} is on {wanted.plugin.platform}, which has no threads"
        reading.complain(path, message, cure)
    elif "thread" in wanted.written:
        message = (
            "the posts of the thread are written out, so it cannot be made of the text as well"
        )
        reading.complain(path, message, "leave one of the two out")


def step_of(
    reading: ParsingContext,
    wanted: Wanted,
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
        action=wanted.plugin.action,
        plugin=wanted.plugin,
        channel=wanted.channel,
        account=wanted.account,
        needs=needs,
        even_if_failed=even_if_failed,
        fill=wanted.filled.fill,
        count=_counter(wanted.plugin, wanted.account),
        overflow=wanted.overflow,
        parts=wanted.filled.parts,
        own_words=_own_words(reading),
        marked=_marked(reading, wanted),
        group=group,
        places={name: path_text(place) for name, place in wanted.places.items()},
        lists=frozenset(_lists(reading, wanted)),
    )


def _marked(reading: ParsingContext, wanted: Wanted) -> bool:
    """Return whether a message, or a variable that its texts name, marks values that may be shortened."""
    marks: set[str] = set()
    for name, expression in reading.variables.items():
        if expression.marked or not marks.isdisjoint(read for read, _ in expression.chains):
            marks.add(name)
    return any(leaf.expression.marked for leaf in wanted.filled.leaves) or not marks.isdisjoint(
        name for name, _ in wanted.chains
    )


def _own_words(reading: ParsingContext) -> frozenset[str]:
    """Return the variables that stand for the recipe's own words, or have such among their words."""
    own: set[str] = set()
    for name, expression in reading.variables.items():
        source = expression.source
        if source is None or own.issuperset(source.names):
            own.add(name)
    return frozenset(own)


def _lists(reading: ParsingContext, wanted: Wanted) -> Iterator[tuple[str, str, bool]]:
    """Yield each list of the settings that an option reads: the option, the list, and whether it is taken as it is."""
    starts = {wanted.places.get(name, (*wanted.path, name)): name for name in wanted.written}
    for leaf in wanted.filled.leaves:
        if not leaf.expression.chains:
            continue
        option = next((n for start, n in starts.items() if leaf.path[: len(start)] == start), "")
        for name, as_it_is in reading.lists_in(leaf.expression):
            yield option, name, as_it_is


def _counter(plugin: AnyChannel, account: Account) -> Callable[[str], int] | None:
    """Return how a channel counts a text, for filters that cut one."""

    def count(text: str) -> int:
        measure = plugin.measure(account, plugin.message.model_construct(text=text))
        return len(text) if measure is None else measure.count

    return count if "text" in plugin.message.model_fields else None


def measured(reading: ParsingContext, step: Step, wanted: Wanted) -> Step:
    """Keep the message that no event can change, and complain about one whose fixed words never fit."""
    filled = wanted.filled
    message, _ = check_value(reading.document, wanted.path, filled.literal, step.plugin.message)
    if message is None:
        return step
    try:
        measure = step.plugin.measure(step.account, message)
    except Exception as error:  # noqa: BLE001 - what a plug-in breaks over concerns this recipe alone
        reading.complain(
            wanted.path, f'"{step.action}" cannot count this: {fault(error)}', REPORT, key=True
        )
        return step
    if measure is not None and not measure.fits and step.overflow is not Overflow.THREAD:
        alone = "" if filled.constant else "its fixed words alone are "
        threads = issubclass(step.plugin.message, Threaded)
        reading.complain(
            wanted.places.get(measure.field, (*wanted.path, measure.field)),
            f"{alone}{measure.count} {measure.unit}, and {step.channel} takes {measure.limit}",
            "make it shorter, or say overflow: thread" if threads else "make it shorter",
        )
    return replace(step, fixed=message) if filled.constant else step
