"""The texts of notices: what happened, what it means, and which command helps. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from appealbridge.model.notice import Alarm, Trouble
from appealbridge.model.value import value
from appealbridge.store.records import News

SHOWN = 20
"""How many deliveries, runs or alarms a notice lists; it only counts the others."""

LONGEST = 500
"""How many characters of a reason a notice quotes."""


@value
class Wording:
    """
    The texts of one kind of notice.

    `title` is that for one item, `many` that for several, if it is another one. `means` explains it. `each` is what
    people can do about one item (`{number}`, `{run}`, `{recipe}`), `all` the command that lists them all.
    """

    title: str
    means: str
    many: str = ""
    each: str = ""
    all: str = ""


WORDINGS: Mapping[str, Wording] = {
    Trouble.FAILED: Wording(
        "a delivery failed",
        "The platform refused it, or there was no success in the time allowed for retries. It is not published.",
        many="{count} deliveries failed",
        each="to try again: appealbridge retry {number}",
        all="appealbridge deliveries --state failed",
    ),
    Trouble.EXPIRED: Wording(
        "a delivery was too late",
        "It had not gone out when the recipe's publish_within ended. It is not published, and will not be.",
        many="{count} deliveries were too late",
        all="appealbridge deliveries --state expired",
    ),
    Trouble.UNKNOWN: Wording(
        "nobody knows whether a delivery is published",
        "Please look for it on the account. It is not sent again until you decide.",
        many="nobody knows whether {count} deliveries are published",
        each="if it is there: appealbridge confirm {number} --url ADDRESS; if not: appealbridge release {number}",
        all="appealbridge deliveries --state held",
    ),
    Trouble.HELD: Wording(
        "a delivery is held",
        "A check stopped it. It waits until somebody releases or cancels it. Later deliveries about the same "
        "subject do not wait for it.",
        many="{count} deliveries are held",
        each="to publish it: appealbridge release {number}; to cancel it: appealbridge cancel {number}",
        all="appealbridge deliveries --state held",
    ),
    Trouble.APPROVAL: Wording(
        "a delivery waits for approval",
        "It goes ahead only if somebody approves it as it is.",
        many="{count} deliveries wait for approval",
        all="appealbridge questions",
    ),
    Trouble.ACCEPTANCE: Wording(
        "a delivery waits for an admin",
        "Its recipe publishes without approval, and no admin has accepted it as it is now. It is published once an "
        "admin who did not write the recipe accepts it.",
        many="{count} deliveries wait for an admin",
        each="to read the recipe and accept it: appealbridge recipes accept {recipe}; to cancel this delivery: "
        "appealbridge cancel {number}",
        all="appealbridge recipes",
    ),
    Trouble.CANNOT_REMOVE: Wording(
        "a post that was withdrawn cannot be removed",
        "AppealBridge could not take it back, or could not see that it is gone. Please remove it by hand.",
        many="{count} posts that were withdrawn cannot be removed",
        each="once it is gone: appealbridge confirm {number}; to try again: appealbridge release {number}",
        all="appealbridge withdrawals",
    ),
    Trouble.RUN_FAILED: Wording(
        "a recipe stopped with an error",
        "It publishes nothing more about this event.",
        many="recipes stopped with an error {count} times",
        each="to see what happened: appealbridge trace {run}",
        all="appealbridge runs",
    ),
    Alarm.LOGIN_EXPIRED: Wording(
        "the login of {channel} does not work",
        "Its deliveries wait, as long as their publish_within allows, and go out when the login works. Renew its "
        "credentials, then run: appealbridge reload. If they are environment variables, restart the daemon.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.REFUSED: Wording(
        "{channel} may not publish",
        "Either the platform refuses posts from this account, because it is suspended, is read-only or lacks a "
        "permission, or its address is inside your network and the settings do not allow it. The reason below says "
        "which. Its deliveries wait, as long as their publish_within allows, and go out when the account may publish "
        "again; AppealBridge tries every few minutes. Sort it out with the platform or in the settings, then run: "
        "appealbridge reload. If the reason is about one message only, cancel that delivery.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.DOWN: Wording(
        "{channel} does not answer",
        "Its deliveries wait, as long as their publish_within allows, and go out when it answers.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.PAUSED: Wording(
        "{channel} is paused for a long time",
        "The platform asked for a pause: the account is over a rate limit or has no credits left. Its deliveries "
        "wait, as long as their publish_within allows. To see until when, run: appealbridge channels. Once you have "
        "settled it with the platform, appealbridge reload ends the pause.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.BACK: Wording(
        "{channel} works again",
        "The deliveries that waited for it are going out.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.STALLED: Wording(
        "deliveries on {channel} are due and do not go out",
        "AppealBridge knows of no reason why they should wait. Please look in the log.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.ATTEMPT_LOST: Wording(
        "an attempt on {channel} has not ended",
        "Nobody knows yet whether it is published. AppealBridge searches the account, and sends it again only if it "
        "is certainly not there. This is a fault in AppealBridge: please report what the log says about it.",
        many="{count} attempts on {channel} have not ended",
        all="appealbridge deliveries --channel {channel} --state sending,unknown,held",
    ),
    Alarm.GONE: Wording(
        "deliveries wait for {channel}, which is no longer in appealbridge.yaml",
        "Put the channel back and run appealbridge reload, or cancel these deliveries.",
        all="appealbridge deliveries --channel {channel}",
    ),
    Alarm.SOURCE_DOWN: Wording(
        "a source cannot be read",
        "AppealBridge gets nothing new from it until it can be read again.",
        many="{count} sources cannot be read",
    ),
    Alarm.SOURCE_BACK: Wording(
        "a source can be read again",
        "",
        many="{count} sources can be read again",
    ),
    Alarm.SOURCE: Wording(
        "a source needs attention",
        "AppealBridge could not use everything that a source sent or listed.",
        many="sources need attention ({count} messages)",
    ),
    Alarm.SOURCE_PAUSED: Wording(
        "a source is paused",
        "AppealBridge stopped unexpectedly while it was planning new items from this source. No item is lost: "
        "AppealBridge polls the source again after the pause. If it happens again, check what the source lists and "
        "which recipes use it, change one of them, and run appealbridge reload, which ends the pause.",
        many="sources are paused",
    ),
    Alarm.FLOOD: Wording(
        "a flood is held",
        "Nothing is lost. Look at the deliveries that wait, then publish all of them (appealbridge release --all "
        "--hold burst) or cancel them (appealbridge cancel --all --hold burst).",
        many="floods are held",
        all="appealbridge deliveries --state held --hold burst",
    ),
    Alarm.NEARLY_FULL: Wording(
        "the disk is nearly full",
        "AppealBridge refuses new events until there is space. What it has already accepted still goes out.",
    ),
    Alarm.ROOM_AGAIN: Wording(
        "the disk has space again",
        "AppealBridge accepts new events again.",
    ),
    Alarm.STORE: Wording(
        "something cannot be stored",
        "AppealBridge keeps trying, and nothing is lost meanwhile. Please check the disk, and what the log says "
        "about it.",
        many="{count} things cannot be stored",
    ),
    Alarm.STOPPED: Wording(
        "everything is stopped",
        "Nothing is published on any channel until an operator lifts the stop. What was published can still be taken "
        "back. What waits may expire meanwhile. To see what would go out, and lift it: appealbridge start",
        all="appealbridge deliveries --hold stop",
    ),
    Alarm.STARTED: Wording(
        "the stop is lifted",
        "For ten minutes at most five posts go out on each channel, the oldest first. Everything else that waited is "
        "held until somebody releases or cancels it.",
        all="appealbridge deliveries --hold stop",
    ),
    Alarm.WILL_EXPIRE: Wording(
        "a delivery will expire while it has to wait",
        "Its publish_within ends before it may go out. It is not published unless somebody decides otherwise in time.",
        many="deliveries will expire while they have to wait",
        all="appealbridge deliveries --state ready",
    ),
    Alarm.CHECKPOINT: Wording(
        "the trail of decisions could not be secured",
        "The checkpoint could not be added to the file of the settings (audit: checkpoints), so it would not show if "
        "somebody cut off the newest decisions. AppealBridge tries again every hour.",
        all="appealbridge audit verify",
    ),
    Alarm.CHECKPOINTED: Wording(
        "checkpoint of the trail of decisions",
        "Keep this message. If somebody cuts off decisions that were made before it, its lines show it: put them into "
        "a file, one below the other.",
        many="{count} checkpoints of the trail of decisions",
        all="appealbridge audit verify --checkpoints FILE",
    ),
    Alarm.WITHDRAWN_SUBJECT: Wording(
        "something about a withdrawn subject was not published",
        "A later event about it came in, or a recipe had still waited. The event is kept; what was to be published is "
        "cancelled.",
        many="something about withdrawn subjects was not published",
        all="appealbridge withdrawals",
    ),
    Alarm.LEFT_UP: Wording(
        "a subject is withdrawn, but not what another source published about it",
        "A recipe takes back only what came from its own source. Please decide whether the other posts have to go too.",
        many="{count} subjects are withdrawn, but not what other sources published about them",
        all="appealbridge withdrawals",
    ),
    Alarm.PEOPLE: Wording(
        "people, groups or approvals were changed",
        "If nobody of you did this, find out who can write appealbridge.yaml and the recipes.",
        many="people, groups or approvals were changed {count} times",
        all="appealbridge people list",
    ),
    Alarm.RESET: Wording(
        "somebody's log-in was reset",
        "Their sessions have ended, and they need a one-time code to choose a password again.",
        many="{count} log-ins were reset",
        all="appealbridge people list",
    ),
    Alarm.TO_ACCEPT: Wording(
        "a recipe waits for an admin",
        "It publishes without approval, or in quiet hours, only once an admin who did not write it has accepted it as "
        "it is now. What it plans meanwhile is held. To read one and accept it: appealbridge recipes accept NAME",
        many="recipes wait for an admin ({count} messages)",
        all="appealbridge recipes",
    ),
    Alarm.NOBODY_ASKED: Wording(
        "nobody was asked for an approval",
        "Nobody who may approve it has an address under people: in the settings that a notice can reach, or only those "
        "who wrote it have one. It waits, and lapses after the time in the settings.",
        many="nobody was asked for {count} approvals",
        all="appealbridge questions",
    ),
    Alarm.PART_BROKE: Wording(
        "a part of AppealBridge failed",
        "It was restarted. This is a fault in AppealBridge: please report what the log says about it.",
        many="a part of AppealBridge failed {count} times",
    ),
}


def notice_text(
    kind: str,
    channel: str,
    news: Sequence[News],
    total: int,
    zone: ZoneInfo,
    shown: Mapping[int, str] | None = None,
) -> tuple[str, str]:
    """
    Return the title (one line) and the text of a notice about `total` items, of which `news` has the first.

    `channel` is the account that they are about, or empty. `shown` has what else is shown of items, by their numbers.
    """
    wording = WORDINGS[kind]
    form = wording.title if total == 1 else wording.many or wording.title
    title = f"AppealBridge: {form.format(count=total, channel=channel)}"
    parts = [wording.means] if wording.means else []
    parts += [
        _item(item, wording, zone, (shown or {}).get(item.number, "")) for item in news[:SHOWN]
    ]
    if total > len(news[:SHOWN]):
        parts.append(f"and {total - len(news[:SHOWN])} more")
    if wording.all:
        parts.append(f"To see them all: {wording.all.format(channel=channel)}")
    return title, "\n\n".join(parts) + "\n"


def _item(item: News, wording: Wording, zone: ZoneInfo, shown: str) -> str:
    at = datetime.fromtimestamp(item.at, zone).strftime("%d %b %H:%M:%S %Z")
    about = [
        item.channel,
        item.recipe and f"recipe {item.recipe}",
        item.subject and f"about {item.subject}",
    ]
    number = f"delivery {item.number}" if item.run_id and item.kind != Trouble.RUN_FAILED else ""
    reason = _short(item.reason)
    lines = [", ".join(filter(None, [at, number, *about])), reason and f"    {reason}", shown]
    if wording.each:
        lines.append(
            "    " + wording.each.format(number=item.number, run=item.run_id, recipe=item.recipe)
        )
    return "\n".join(filter(None, lines))


def _short(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
