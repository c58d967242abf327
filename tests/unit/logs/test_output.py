import asyncio
import io
import json
import threading

import pytest

from appealbridge.logs import Level, Log, LogEvent, Output
from appealbridge.logs.output import BUFFER_LIMIT

NOON = 1_795_348_800.25  # 2026-11-22T12:00:00.250Z


def an_output(stream: io.BytesIO, **options) -> Output:
    return Output(stream, lambda: NOON, **options)


def lines(stream: io.BytesIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


def test_a_line_tells_when_how_much_it_matters_and_what(stream):
    Log(an_output(stream)).info(LogEvent.DELIVERED, delivery="e.r.s", attempt=2, seconds=0.5)
    assert lines(stream) == [
        {
            "ts": "2026-11-22T12:00:00.250Z",
            "level": "info",
            "event": "delivered",
            "delivery": "e.r.s",
            "attempt": 2,
            "seconds": 0.5,
        }
    ]


def test_the_time_is_the_clock_s_for_each_line(stream):
    times = iter([0.001, 0.0019, 1.0, 86_400.5])
    log = Log(Output(stream, lambda: next(times)))
    for _ in range(4):
        log.info(LogEvent.READY)
    assert [line["ts"] for line in lines(stream)] == [
        "1970-01-01T00:00:00.001Z",
        "1970-01-01T00:00:00.001Z",
        "1970-01-01T00:00:01.000Z",
        "1970-01-02T00:00:00.500Z",
    ]


def test_bound_fields_are_on_every_line_and_a_line_s_own_wins(stream):
    log = Log(an_output(stream)).bind(run="r1", channel="x").bind(event="e1")
    log.info(LogEvent.HELD)
    log.info(LogEvent.HELD, channel="y")
    first, second = lines(stream)
    assert (first["run"], first["event"], first["channel"]) == ("r1", "e1", "x")
    assert second["channel"] == "y"


@pytest.mark.parametrize(
    ("level", "levels"),
    [
        (Level.DEBUG, ["debug", "info", "warning", "error"]),
        (Level.INFO, ["info", "warning", "error"]),
        (Level.WARNING, ["warning", "error"]),
        (Level.ERROR, ["error"]),
    ],
)
def test_what_matters_less_than_the_level_is_not_said(stream, level, levels):
    log = Log(an_output(stream, level=level))
    for say in (log.debug, log.info, log.warning, log.error):
        say(LogEvent.HELD)
    assert [line["level"] for line in lines(stream)] == levels


def test_every_text_is_cleaned_also_where_json_would_change_its_look(stream):
    secret = 'pa"ss\nwörd'
    log = Log(an_output(stream, clean=lambda text: text.replace(secret, "***")))
    log.info(LogEvent.FAILED, text=f"the platform said {secret}!", other="kept", attempt=1)
    assert lines(stream)[0]["text"] == "the platform said ***!"
    assert lines(stream)[0]["other"] == "kept"
    assert lines(stream)[0]["attempt"] == 1


def test_a_traceback_is_cleaned_too(stream):
    log = Log(an_output(stream, clean=lambda text: text.replace("s3cret", "***")))
    try:
        raise ValueError("no s3cret here")
    except ValueError as error:
        log.error(LogEvent.PLUGIN_BUG, error=error, channel="x")
    assert "s3cret" not in stream.getvalue().decode()
    assert lines(stream)[0]["error"].endswith("ValueError: no *** here")
    assert "Traceback" in lines(stream)[0]["error"]


async def test_lines_of_one_iteration_are_one_write():
    stream = CountingStream()
    log = Log(an_output(stream))
    for _ in range(10):
        log.info(LogEvent.DELIVERED)
    assert stream.writes == 0
    await asyncio.sleep(0)
    assert stream.writes == 1
    assert len(lines(stream)) == 10


async def test_a_warning_goes_out_at_once_and_takes_what_waited_along(stream):
    log = Log(an_output(stream))
    log.info(LogEvent.DELIVERED)
    log.warning(LogEvent.DEFERRED)
    assert [line["event"] for line in lines(stream)] == ["delivered", "deferred"]


async def test_a_full_buffer_does_not_wait_for_the_iteration(stream):
    log = Log(an_output(stream))
    for _ in range(BUFFER_LIMIT - 1):
        log.info(LogEvent.FAILED)
    assert not stream.getvalue()
    log.info(LogEvent.FAILED)
    assert len(lines(stream)) == BUFFER_LIMIT


def test_without_a_loop_nothing_waits(stream):
    Log(an_output(stream)).info(LogEvent.READY)
    assert len(lines(stream)) == 1


def test_lines_of_many_threads_stay_whole_and_none_is_lost(stream):
    log = Log(an_output(stream))

    def talk() -> None:
        for n in range(200):
            log.info(LogEvent.LOOKED, n=n)

    threads = [threading.Thread(target=talk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.output.flush()
    assert sorted(line["n"] for line in lines(stream)) == sorted(list(range(200)) * 8)


def test_a_closed_pipe_ends_nothing_and_is_counted():
    log = Log(an_output(BrokenStream()))
    log.error(LogEvent.STORE_TROUBLE)
    assert log.output.lost == 1


def test_a_text_that_is_no_unicode_is_spelt_out(stream):
    Log(an_output(stream)).info(LogEvent.SOURCE_NOTE, text="caf\udce9", n=10**30)
    assert lines(stream)[0]["text"] == r"'caf\udce9'"


def test_the_journal_reads_the_priority_off_the_front(stream):
    log = Log(an_output(stream, journal=True))
    log.info(LogEvent.READY)
    log.error(LogEvent.PART_DIED)
    assert [line[:3] for line in stream.getvalue().splitlines()] == [b"<6>", b"<3>"]


def test_on_a_terminal_a_line_is_for_eyes(stream):
    Log(an_output(stream, terminal=True)).info(LogEvent.DELIVERED, channel="force_x", attempt=1)
    text = stream.getvalue().decode()
    assert "12:00:00.250Z" in text
    assert "delivered" in text
    assert "force_x" in text
    assert text.count("\n") == 1


def test_a_platform_s_words_cannot_steer_the_terminal(stream):
    log = Log(an_output(stream, terminal=True))
    log.info(LogEvent.FAILED, text="\x1b[2Jgone\u202e\x9b31m", detail="one\n\x1b]0;two")
    written = stream.getvalue().decode()
    shown = written.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[32m", "")
    assert not {"\x1b", "\u202e", "\x9b"} & set(shown)
    assert r"\x1b[2Jgone\u202e\x9b31m" in shown
    assert "    one\n    \\x1b]0;two\n" in shown


def test_a_line_that_cannot_be_written_is_counted_and_raises_nothing(stream):
    output = an_output(stream, clean=lambda text: 1 / 0)
    Log(output).error(LogEvent.FAILED, text="whatever")
    output.flush()
    assert output.lost == 1


class CountingStream(io.BytesIO):
    writes = 0

    def write(self, data):
        self.writes += 1
        return super().write(data)


class BrokenStream(io.BytesIO):
    def write(self, data):
        raise BrokenPipeError
