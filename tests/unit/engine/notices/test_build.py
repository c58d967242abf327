import hashlib

import orjson
import pytest

from appealbridge.channels.email.channel import Mail
from appealbridge.engine.notices.build import Group, Notice, arrival, group_of
from appealbridge.model.delivery import State
from appealbridge.model.notice import Alarm, Trouble
from appealbridge.model.run import RunState
from appealbridge.plugin.channel import Person
from appealbridge.plugin.recipients import NoticeRouting
from appealbridge.store.records import NewsSort

DANA, LOST = Person("dana", "dana@example.org"), Person("lost")
OFFICE = Mail.account(smtp="smtp://127.0.0.1:25", sender="a@example.org")


@pytest.fixture
def routing():
    ways = {"office": (Mail(), OFFICE), "second": (Mail(), OFFICE)}
    return NoticeRouting(people={"dana": DANA, "lost": LOST}, to=["dana"], accounts=ways)


def notice(*people, without=()):
    return Notice(
        id="e1", kind=Trouble.FAILED, title="It failed", text="…", people=people, without=without, of=[7]
    )  # fmt: skip


def sort(channel, kind=Trouble.FAILED, recipe="new-appeal"):
    return NewsSort(kind=kind, count=1, recipe=recipe, channel=channel)


def yes(_):
    return True


def test_what_failed_on_public_channels_is_told_in_one_notice(routing):
    groups = {
        group_of(sort(channel), ["dana"], routing) for channel in ("force_x", "force_facebook")
    }
    assert groups == {Group(Trouble.FAILED, ("dana",))}


def test_what_failed_on_an_account_that_tells_people_is_told_without_it(routing):
    assert group_of(sort("office"), ["dana"], routing).without == ("office",)


def test_alarms_about_two_channels_are_two_notices(routing):
    groups = {
        group_of(sort(channel, Alarm.DOWN, ""), ["dana"], routing)
        for channel in ("force_x", "blog")
    }
    assert {group.without for group in groups} == {("force_x",), ("blog",)}


def test_an_account_that_works_again_may_say_so_itself(routing):
    assert group_of(sort("office", Alarm.BACK, ""), ["dana"], routing).without == ()


@pytest.mark.parametrize("kind", [Alarm.SOURCE, Alarm.SOURCE_DOWN, Alarm.SOURCE_BACK])
def test_alarms_about_many_sources_are_one_notice(routing, kind):
    groups = {
        group_of(sort(source, kind, ""), ["dana"], routing)
        for source in ("feed:news", "webhook:roads")
    }
    assert groups == {Group(kind, ("dana",))}


def test_a_notice_is_an_event_with_a_run_and_a_delivery_for_each_person(routing):
    arrival_ = arrival(notice(DANA), routing, yes, 100.0)
    (run,), (delivery,) = arrival_.runs, arrival_.deliveries
    assert (arrival_.event.source, arrival_.event.type) == ("bridge:notices", "delivery.failed")
    assert arrival_.event.data["of"] == [7]
    assert (run.id, run.recipe, run.state) == ("e1.notice", "notice", RunState.PLANNED)
    assert (delivery.id, delivery.run_id, delivery.state) == ("e1.notice.dana", run.id, State.READY)
    assert (delivery.channel, delivery.action, delivery.step) == ("office", "email", "dana")
    assert delivery.content_hash == hashlib.sha256(delivery.content.encode()).hexdigest()
    Mail.message.model_validate_json(delivery.content)
    assert orjson.loads(delivery.content)["to"] == "dana@example.org"


def test_an_account_that_works_is_preferred(routing):
    arrival_ = arrival(notice(DANA), routing, lambda name: name == "second", 100.0)
    assert [delivery.channel for delivery in arrival_.deliveries] == ["second"]


def test_where_none_works_the_first_has_it_until_it_does(routing):
    arrival_ = arrival(notice(DANA), routing, lambda _: False, 100.0)
    assert [delivery.channel for delivery in arrival_.deliveries] == ["office"]


def test_what_went_wrong_tells_nobody_of_itself_even_if_it_alone_works(routing):
    arrival_ = arrival(
        notice(DANA, without=["office"]), routing, lambda name: name == "office", 100.0
    )
    assert [delivery.channel for delivery in arrival_.deliveries] == ["second"]


def test_a_notice_for_which_there_is_no_way_is_a_run_that_failed(routing):
    arrival_ = arrival(notice(LOST), routing, yes, 100.0)
    assert (arrival_.runs[0].state, arrival_.deliveries) == (RunState.FAILED, [])
    assert arrival_.runs[0].trace == (
        {"at": 100.0, "step": "lost", "message": "cannot be reached"},
    )


def test_who_can_be_reached_is_told_whoever_cannot(routing):
    arrival_ = arrival(notice(LOST, DANA), routing, yes, 100.0)
    assert arrival_.runs[0].state is RunState.PLANNED
    assert [delivery.step for delivery in arrival_.deliveries] == ["dana"]


@pytest.mark.parametrize("kind", [Trouble.HELD, Trouble.APPROVAL])
def test_what_is_held_on_many_accounts_is_one_notice_that_any_account_may_bring(routing, kind):
    groups = {group_of(sort(channel, kind), ["dana"], routing) for channel in ("force_x", "office")}
    assert groups == {Group(kind, ("dana",))}
    assert Group(kind, ("dana",)).without == ()
