"""How much may go out unseen within a time."""

from appealbridge.engine.guards.sliding_window import Window, Windows


def came(window, *times):
    """Let one come at each of these times, and find the floods as they are found; return what may go out."""
    verdicts = []
    for at in times:
        fits = window.take(1, at)
        window.flooded = window.flooded or not fits
        verdicts.append(fits)
    return verdicts


def test_no_more_than_the_bound_goes_out():
    assert came(Window(3, 60), 0, 1, 2, 3, 4) == [True, True, True, False, False]


def test_what_is_slower_than_the_bound_always_goes_out():
    assert all(came(Window(3, 60), *range(0, 3000, 21)))


def test_what_came_before_the_window_no_longer_counts():
    assert came(Window(2, 60), 0, 1, 61, 62) == [True] * 4


def test_a_flood_lasts_until_no_more_than_half_as_many_came():
    window = Window(4, 60)
    assert came(window, 0, 1, 2, 3, 4)[-1] is False
    assert came(window, 50, 62) == [False, False]  # three in the last minute
    assert came(window, 111) == [True]  # two


def test_at_the_edge_a_flood_does_not_end_and_begin_again():
    window = Window(10, 60)
    assert came(window, *(n * 5.9 for n in range(300))).count(True) == 10


def test_a_bound_of_one_ends_its_flood_too():
    assert came(Window(1, 60), 0, 1, 62) == [True, False, True]


def test_what_comes_together_goes_out_together_or_not_at_all():
    window = Window(5, 60)
    assert window.take(3, 0)
    assert not window.take(3, 1)
    window.give_back(3, 1)
    assert window.take(2, 2)


def test_what_was_no_news_is_given_back():
    window = Window(1, 60)
    assert window.take(1, 0)
    window.give_back(1, 0)
    assert window.take(1, 1)


def test_what_has_left_the_window_cannot_be_given_back_any_more():
    window = Window(1, 60)
    assert window.take(1, 0)
    assert window.take(1, 100)
    window.give_back(1, 0)
    assert not window.take(1, 101)


def test_a_window_stays_small_however_much_comes():
    window = Window(1000, 60)
    for n in range(100_000):
        window.take(1, n / 1000)
    assert len(window._parts) <= 66


def test_a_new_bound_counts_what_had_come():
    windows = Windows()
    windows.reconfigure([("webhook:desk", 5, 60.0)])
    assert came(windows.get("webhook:desk"), 0, 1, 2) == [True] * 3
    windows.reconfigure([("webhook:desk", 3, 60.0), ("webhook:roads", 3, 60.0)])
    assert came(windows.get("webhook:desk"), 3) == [False]
    assert came(windows.get("webhook:roads"), 3) == [True]
    windows.reconfigure([])
    assert windows.get("webhook:desk") is None


def test_after_a_start_a_flood_goes_on_and_what_has_no_bound_is_passed_over():
    windows = Windows()
    windows.reconfigure([("webhook:desk", 2, 60.0), ("webhook:roads", 2, 300.0)])
    assert windows.longest == 300.0
    windows.recall([("webhook:desk", n) for n in range(3)] + [("webhook:other", 3)])
    window = windows.get("webhook:desk")
    assert window.flooded
    assert came(window, 4) == [False]
