"""`make torture` in about half a minute."""

import asyncio

import pytest

from tests.torture.play import Size, play

SIZE = Size(events=120, kills=8, seconds=9.0, patience=90.0)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [4])
def test_nothing_is_lost_or_posted_twice_whatever_goes_wrong(tmp_path, seed):
    outcomes = asyncio.run(play(tmp_path, seed, SIZE, lambda expected: None, forked=True))
    assert outcomes.wrong == []
    assert (outcomes.events, outcomes.kills) == (SIZE.events, SIZE.kills)
    # A torture that did nothing would find nothing.
    assert outcomes.answers[202] + outcomes.answers[200] >= SIZE.events
    assert outcomes.attempts["send unsure"] > 0
    assert outcomes.attempts["find found"] + outcomes.held.total() > 0
    assert outcomes.attempts["remove removed"] > 0
    assert outcomes.verdict.from_view > 0
    assert outcomes.verdict.edited > 0
    assert outcomes.verdict.replies + outcomes.verdict.replaced > 0
