"""What a notice says: how much of what went wrong, each in the platform's own words, and what can be done. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from appealbridge.model.notice import Alarm, Trouble
from appealbridge.model.value import value
from appealbridge.store.records import News

SHOWN = 20
"""How many deliveries, runs or alarms a notice names; of the others it says how many there are."""

LONGEST = 500
"""How many characters of one reason a notice repeats."""


@value
class Wording:
    """
    How a notice of one kind speaks.

    `one` and `many` are its title, `means` what that means, `each` what can be done about one of them
    (`{number}`, `{run}`), `all` how to see them all.
    """

    one: str
    many: str
    means: str
    each: str = ""
    all: str = ""


WORDINGS: Mapping[str, Wording] = {
    Trouble.FAILED: Wording(
        "a delivery failed",
        "{count} deliveries failed",
        "The platform refused it, or it was tried for too long. It is not published.",
        "to try again: appealbridge retry {number}",
        "appealbridge deliveries --state failed",
    ),
    Trouble.EXPIRED: Wording(
        "a delivery came too late",
        "{count} deliveries came too late",
        "The recipe's publish_within passed first. It is not published, and will not be.",
        all="appealbridge deliveries --state expired",
    ),
    Trouble.UNKNOWN: Wording(
        "nobody knows whether a delivery is published",
        "nobody knows whether {count} deliveries are published",
        "Please look on the account. Until you have decided, it is not sent again.",
        "if it is there: appealbridge confirm {number} --url ADDRESS; if not: appealbridge release {number}",
        "appealbridge deliveries --state held",
    ),
    Trouble.HELD: Wording(
        "a delivery is held",
        "{count} deliveries are held",
        "A check stopped what would otherwise have gone out. It waits until somebody decides. Later "
        "deliveries about the same subject do not wait for it.",
        "to let it out: appealbridge release {number}; to call it off: appealbridge cancel {number}",
        "appealbridge deliveries --state held",
    ),
    Trouble.APPROVAL: Wording(
        "a delivery waits for approval",
        "{count} deliveries wait for approval",
        "What it says: appealbridge trace, with the number of the delivery.",
        "to let it out: appealbridge release {number}; to call it off: appealbridge cancel {number}",
        "appealbridge deliveries --hold approval",
    ),
    Trouble.RUN_FAILED: Wording(
        "a recipe could not be carried out",
        "recipes could not be carried out {count} times",
        "What it had not published by then will not be.",
        "what happened: appealbridge trace {run}",
        "appealbridge runs",
    ),
    Alarm.LOGIN_EXPIRED: Wording(
        "the login of {channel} does not work",
        "the login of {channel} does not work",
        "What is for it waits, as long as its publish_within allows, and goes out when the login works. "
        "Renew its credentials, then: appealbridge reload; where they are environment variables, start "
        "the daemon anew.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.REFUSED: Wording(
        "{channel} may not publish",
        "{channel} may not publish",
        "Either the platform refuses what the account posts, since it may be suspended, read-only or without a "
        "permission, or the account's address is inside your network and the settings do not allow it. The words "
        "below say which. Nothing is lost: what is for this account waits, as long as its publish_within "
        "allows, and goes out when the account may publish again; this is tried every few minutes. Put it "
        "right with the platform or in the settings; after that: appealbridge reload. If the words are about "
        "one message only, cancel that delivery.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.DOWN: Wording(
        "{channel} does not answer",
        "{channel} does not answer",
        "What is for it waits, as long as its publish_within allows, and goes out when it answers.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.PAUSED: Wording(
        "{channel} takes nothing for a long time",
        "{channel} takes nothing for a long time",
        "The platform asked to be left alone: a rate limit, or the account's credits. What is for it waits, "
        "as long as its publish_within allows. Until when: appealbridge channels. Once that is settled "
        "with the platform, appealbridge reload ends the pause.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.BACK: Wording(
        "{channel} works again",
        "{channel} works again",
        "What waited for it is going out.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.STALLED: Wording(
        "what is due on {channel} does not go out",
        "what is due on {channel} does not go out",
        "It was due some time ago and nothing keeps it. Please look into the log.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.ATTEMPT_LOST: Wording(
        "an attempt on {channel} has not ended",
        "{count} attempts on {channel} have not ended",
        "Nobody knows yet whether it is published. It is looked for on the account, and sent again only if "
        "it is surely not there. This is a fault of ours: please report what the log says of it.",
        all="appealbridge deliveries --channel {channel} --state sending,unknown,held",
    ),
    Alarm.GONE: Wording(
        "something waits for {channel}, which is no longer in appealbridge.yaml",
        "something waits for {channel}, which is no longer in appealbridge.yaml",
        "Declare the channel again and reload, or cancel what waits.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.SOURCE_DOWN: Wording(
        "a source cannot be read",
        "{count} sources cannot be read",
        "What it would tell is not known here until it can be.",
    ),
    Alarm.SOURCE_BACK: Wording(
        "a source can be read again", "{count} sources can be read again", ""
    ),
    Alarm.SOURCE: Wording(
        "a source needs attention",
        "sources need attention ({count} messages)",
        "Something that a source sent or listed was not taken as it should have been.",
    ),
    Alarm.SOURCE_PAUSED: Wording(
        "a source is paused",
        "sources are paused",
        "AppealBridge stopped unexpectedly while it was planning new items from this source. No item is lost: the "
        "source is read again after the pause. If it happens again, check what the source lists and which "
        "recipes use it, change one of them, and run appealbridge reload, which ends the pause.",
    ),
    Alarm.FLOOD: Wording(
        "a flood is held",
        "floods are held",
        "Nothing is lost: look at what waits, then let all of it out (appealbridge release --all --hold "
        "burst) or call it off (appealbridge cancel --all --hold burst).",
        all="appealbridge deliveries --state held --hold burst",
    ),
    Alarm.NEARLY_FULL: Wording(
        "the disk is nearly full",
        "the disk is nearly full",
        "New events are refused until there is room; what was accepted goes out.",
    ),
    Alarm.ROOM_AGAIN: Wording(
        "the disk has room again", "the disk has room again", "New events are accepted again."
    ),
    Alarm.STORE: Wording(
        "something cannot be stored",
        "{count} things cannot be stored",
        "It is tried again and again, and nothing is lost meanwhile. Please look at the disk, and at what "
        "the log says of it.",
    ),
    Alarm.PART_BROKE: Wording(
        "a part of AppealBridge broke",
        "a part of AppealBridge broke {count} times",
        "It was begun again. This is a fault of ours: please report what the log says of it.",
    ),
}


def words(
    kind: str, channel: str, news: Sequence[News], total: int, zone: ZoneInfo
) -> tuple[str, str]:
    """
    Return the title, one line, and the text of a notice about `total` things, of which `news` has some.

    `channel` is the account that they are about, empty where that is not one.
    """
    wording = WORDINGS[kind]
    form = wording.one if total == 1 else wording.many
    title = f"AppealBridge: {form.format(count=total, channel=channel)}"
    parts = [wording.means] if wording.means else []
    parts += [_one(one, wording, zone) for one in news[:SHOWN]]
    if total > len(news[:SHOWN]):
        parts.append(f"and {total - len(news[:SHOWN])} more")
    if wording.all:
        parts.append(f"To see all of it: {wording.all.format(channel=channel)}")
    return title, "\n\n".join(parts) + "\n"


def _one(one: News, wording: Wording, zone: ZoneInfo) -> str:
    at = datetime.fromtimestamp(one.at, zone).strftime("%d %b %H:%M:%S %Z")
    about = [
        one.channel,
        one.recipe and f"recipe {one.recipe}",
        one.subject and f"about {one.subject}",
    ]
    number = f"delivery {one.number}" if one.channel and one.run_id else ""
    reason = _short(one.reason)
    lines = [", ".join(filter(None, [at, number, *about])), reason and f"    {reason}"]
    if wording.each:
        lines.append("    " + wording.each.format(number=one.number, run=one.run_id))
    return "\n".join(filter(None, lines))


def _short(reason: str) -> str:
    said = " ".join(reason.split())
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
