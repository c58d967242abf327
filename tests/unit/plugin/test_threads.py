"""Slow work leaves the loop, and comes back with its value or its error."""

import threading

import pytest

from appealbridge.plugin import in_thread


async def test_work_is_done_in_another_thread_and_its_value_comes_back():
    worker, value = await in_thread(lambda x: (threading.get_ident(), x), 7)
    assert worker != threading.get_ident()
    assert value == 7


async def test_an_error_comes_back_too():
    with pytest.raises(ValueError, match="invalid literal"):
        await in_thread(int, "seven")
