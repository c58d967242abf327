"""Whatever the actions are: planning twice adds nothing, and looking more often or later changes nothing."""

import json
from dataclasses import replace
from math import inf
from zlib import crc32

import orjson
from hypothesis import given
from hypothesis import strategies as st

from appealbridge.model.delivery import OPEN, State
from appealbridge.model.receipt import Receipt
from appealbridge.recipes.planning.plan import plan
from tests.unit.recipes.conftest import event_of, recipe_of

TESTS = st.sampled_from(
    [{"field": "$.a", "equals": 1}, {"field": "$.b", "exists": True}, "{{ event.data.a | default(0) }}"]
)  # fmt: skip
SPANS = st.integers(0, 300).map("{}s".format)
FIRST, SECOND, CLOSED = "case.first", "case.second", "case.closed"
TYPES = st.sampled_from([FIRST, SECOND, CLOSED])
MOST_STEPS = 12


class Writer:
    """Draws the entries of `actions:`; a step may need those written before it that it can be done with."""

    def __init__(self, draw):
        self.draw = draw
        self.count = 0

    def entries(self, before, deep):
        """Draw a list of entries, `before` being the steps that stand before it."""
        before, result = list(before), []
        for _ in range(self.draw(st.integers(1, 3))):
            if self.count >= MOST_STEPS:
                break
            kinds = ["step", "step", "delay"] + (["if", "choose", "wait_for"] if deep else [])
            result.append(getattr(self, f"_{self.draw(st.sampled_from(kinds))}")(before, deep))
        if deep < 2 and self.draw(st.integers(0, 5)) == 0:
            result.append({"stop": "enough"})
        return result or [self._step(before, deep)]

    def _needs(self, before):
        return self.draw(st.lists(st.sampled_from(before), max_size=2)) if before else []

    def _test(self, before):
        if before and self.draw(st.booleans()):
            step = self.draw(st.sampled_from(before))
            return f"{{{{ results.{step}.state == 'delivered' }}}}"
        return self.draw(TESTS)

    def _step(self, before, deep):
        del deep
        self.count += 1
        step = {"action": "tweet", "id": f"s{self.count}", "text": f"Step {self.count}"}
        step |= {"after": self._needs(before), "even_if_failed": self.draw(st.booleans())}
        before.append(step["id"])
        return step

    def _delay(self, before, deep):
        del deep
        return {"delay": self.draw(SPANS), "after": self._needs(before)}

    def _if(self, before, deep):
        return {
            "if": self._test(before),
            "then": self.entries(before, deep - 1),
            "else": self.entries(before, deep - 1),
        }

    def _choose(self, before, deep):
        ways = [
            {"conditions": [self._test(before)], "sequence": self.entries(before, deep - 1)}
            for _ in range(self.draw(st.integers(1, 2)))
        ]
        return {"choose": ways, "default": self.entries(before, deep - 1)}

    def _wait_for(self, before, deep):
        return {
            "wait_for": self.draw(st.lists(TYPES, min_size=1, max_size=2)),
            "timeout": self.draw(SPANS),
            "on_timeout": self.draw(st.sampled_from(["continue", "stop"]))
            if self.draw(st.booleans())
            else self.entries(before, deep - 1),
        }


@st.composite
def recipes(draw):
    actions = _reachable(Writer(draw).entries([], 2))
    return recipe_of(
        f"approval: none\ntriggers: [{{ trigger: appeal }}]\nactions: {json.dumps(actions)}"
    )


def _reachable(entries):
    """Leave out what stands behind a stop that always comes, which no recipe may have."""
    stored = []
    for entry in entries:
        entry = {key: _inside(value) for key, value in entry.items()}
        stored.append(entry)
        if _stops(entry):
            break
    return stored


def _inside(value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        if "sequence" in value[0]:
            return [{**way, "sequence": _reachable(way["sequence"])} for way in value]
        return _reachable(value) if "field" not in value[0] else value
    return value


def _stops(entry):
    lists = [entry[key] for key in ("then", "else", "default") if key in entry]
    lists += [way["sequence"] for way in entry.get("choose", ())]
    return "stop" in entry or (bool(lists) and all(each and _stops(each[-1]) for each in lists))


class World:
    """What happens to one run: deliveries end, events come, and now and then somebody looks."""

    def __init__(self, recipe, data, events=(), *, extra=(), late=0.0):
        self.recipe = recipe
        self.event = event_of(data, received_at=0.0)
        self.events = [
            event_of({}, id=f"e{n}", type=type_, received_at=float(at))
            for n, (at, type_) in enumerate(sorted(events), start=2)
        ]
        self.extra = sorted(extra)
        self.late = late
        self.deliveries, self.ends, self.marks, self.unneeded = {}, {}, {}, set()
        self.wake_at, self.done, self.reason = None, False, ""

    def goes_on(self):
        """Let everything happen; return what went out."""
        now = 0.0
        while not self.done and now < inf:
            self._end(now)
            self._look(now)
            happens = [at for at in self.ends.values() if at > now]
            happens += [event.received_at for event in self.events if event.received_at > now]
            happens += [at for at in self.extra if at > now]
            happens += [self.wake_at] if self.wake_at is not None else []
            now = max(now, min(happens, default=inf) + self.late)
        return {
            (each.id, each.content) for result in self.deliveries.values() for each in result
        }, self.reason

    def _end(self, now):
        for step, at in self.ends.items():
            delivery = self.deliveries[step][0]
            if at <= now and delivery.state in OPEN:
                good = crc32(step.encode()) % 3
                receipt = Receipt("1") if good else None
                state = State.DELIVERED if good else State.FAILED
                self.deliveries[step] = [replace(delivery, state=state, receipt=receipt)]

    def _look(self, now):
        later = [e for e in self.events if e.received_at <= now and e.id not in self.unneeded]
        planned = plan(self.recipe, self.event, self.deliveries, now, self.marks, later)
        assert not planned.failed
        self.marks = orjson.loads(orjson.dumps(dict(planned.marks)))
        assert self.marks == planned.marks
        for delivery in planned.deliveries:
            assert delivery.step not in self.deliveries
            self.deliveries[delivery.step] = [delivery]
            self.ends[delivery.step] = now + crc32(delivery.step.encode()) % 97
        later = [event for event in later if event.id not in planned.unneeded]
        again = plan(self.recipe, self.event, self.deliveries, now, self.marks, later)
        assert (again.deliveries, again.marks, again.wake_at) == (
            [],
            planned.marks,
            planned.wake_at,
        )
        assert (again.done, again.reason) == (planned.done, planned.reason)
        assert planned.done or again.trace == []
        assert planned.wake_at is None or planned.wake_at > now
        self.unneeded |= planned.unneeded
        self.wake_at, self.done, self.reason = planned.wake_at, planned.done, planned.reason


DATA = st.fixed_dictionaries({}, optional={"a": st.integers(0, 1), "b": st.just(1)})
EVENTS = st.lists(st.tuples(st.integers(1, 700), TYPES), max_size=5, unique_by=lambda each: each[0])
LOOKS = st.lists(st.floats(0.5, 1500), max_size=5)


@given(recipes(), DATA, EVENTS, LOOKS)
def test_looking_more_often_changes_nothing(recipe, data, events, extra):
    world = World(recipe, data, events)
    assert world.goes_on() == World(recipe, data, events, extra=extra).goes_on()
    assert world.done


@given(recipes(), DATA, st.floats(0.5, 1000))
def test_looking_late_changes_nothing_of_what_goes_out(recipe, data, late):
    assert World(recipe, data).goes_on() == World(recipe, data, late=late).goes_on()
