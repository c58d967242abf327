"""Whatever comes whenever: no time lets more through than its bound, and the same gets the same verdicts."""

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.engine.guards.sliding_window import PARTS, Window

PAUSES = st.one_of(st.floats(0, 2), st.floats(0, 200))
ARRIVALS = st.lists(st.tuples(PAUSES, st.integers(1, 4)), max_size=60)
BOUNDS = st.tuples(st.integers(1, 8), st.floats(1, 100))


def verdicts(arrivals, most, within):
    """Return (time, count, whether it went out) of each; what does not fit is a flood from then on."""
    window, now, result = Window(most, within), 1000.0, []
    for pause, count in arrivals:
        now += pause
        fits = window.take(count, now)
        window.flooded = window.flooded or not fits
        result.append((now, count, fits))
    return result


@given(ARRIVALS, BOUNDS)
def test_no_time_ever_lets_more_through_than_its_bound(arrivals, bound):
    most, within = bound
    out = [(at, count) for at, count, fits in verdicts(arrivals, most, within) if fits]
    for end, _ in out:
        assert sum(count for at, count in out if end - within < at <= end) <= most


@given(ARRIVALS, BOUNDS)
def test_the_same_gets_the_same_verdicts(arrivals, bound):
    assert verdicts(arrivals, *bound) == verdicts(arrivals, *bound)


@given(ARRIVALS, BOUNDS)
def test_who_keeps_to_the_bound_is_never_held(arrivals, bound):
    most, within = bound
    span = within * (1 + 2 / PARTS)
    result = verdicts(arrivals, most, within)
    for index, (now, _, _) in enumerate(result):
        recent = [count for at, count, _ in result[: index + 1] if at >= now - span]
        if sum(recent) > most:
            return
    assert all(fits for _, _, fits in result)


@given(ARRIVALS, BOUNDS, st.data())
def test_what_is_given_back_leaves_no_trace(arrivals, bound, data):
    """A repeat that was counted and given back changes no later verdict for the worse."""
    most, within = bound
    plain, other, now = Window(most, within), Window(most, within), 1000.0
    for pause, count in arrivals:
        now += pause
        if data.draw(st.booleans()):
            other.take(count, now)
            other.give_back(count, now)
        assert plain.take(count, now) == other.take(count, now)
