import io
import json
import logging
import warnings

import pytest

from appealbridge.logs import Level, Log, Output, libraries


@pytest.fixture
def stream():
    return io.BytesIO()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_library_s_line_becomes_ours(stream):
    with libraries(Log(Output(stream, lambda: 0.0))):
        logging.getLogger("aiohttp.server").warning("bad request from %s", "10.0.0.1")
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("library", "warning")
    assert (line["logger"], line["text"]) == ("aiohttp.server", "bad request from 10.0.0.1")


def test_a_library_s_traceback_comes_along_and_is_cleaned(stream):
    output = Output(stream, lambda: 0.0, clean=lambda text: text.replace("s3cret", "***"))
    with libraries(Log(output)):
        try:
            raise ValueError("s3cret")
        except ValueError:
            logging.getLogger("asyncio").exception("a s3cret slipped")
    assert "s3cret" not in stream.getvalue().decode()
    assert lines(stream)[0]["error"].endswith("ValueError: ***")


def test_libraries_say_nothing_below_info_even_when_we_debug(stream):
    with libraries(Log(Output(stream, lambda: 0.0, level=Level.DEBUG))):
        logging.getLogger("asyncio").debug("using a selector")
        logging.getLogger("asyncio").info("heard")
    assert [line["text"] for line in lines(stream)] == ["heard"]


def test_a_warning_of_python_s_own_comes_along(stream):
    with (
        warnings.catch_warnings(),
        libraries(Log(Output(stream, lambda: 0.0))),
    ):
        warnings.simplefilter("always")
        warnings.warn("old ways", UserWarning, stacklevel=1)
    assert "old ways" in lines(stream)[0]["text"]


def test_a_library_s_slip_in_its_arguments_is_said_as_it_stands(stream):
    with libraries(Log(Output(stream, lambda: 0.0))):
        logging.getLogger("sloppy").error("%d of %d", "one")
    assert lines(stream)[0]["text"] == "%d of %d"


def test_levels_of_their_own_fall_to_the_next_lower_of_ours(stream):
    with libraries(Log(Output(stream, lambda: 0.0))):
        logging.getLogger("odd").log(45, "almost critical")
        logging.getLogger("odd").critical("critical")
    assert [line["level"] for line in lines(stream)] == ["error", "error"]


def test_afterwards_logging_is_as_it_was(stream):
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with libraries(Log(Output(stream, lambda: 0.0))):
        assert root.handlers != before[0]
    assert (root.handlers, root.level) == before
