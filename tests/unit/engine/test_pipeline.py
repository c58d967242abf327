"""The order of the stages, as the module that lists them says."""

import asyncio
import re
from pathlib import Path

from appealbridge.engine import pipeline
from appealbridge.testing.clock import FakeClock
from tests.unit.engine.parts import context_of

ENGINE = Path(pipeline.__file__).parent


async def test_an_event_takes_the_stages_in_the_order_that_is_told():
    built = pipeline.build(context_of(None, FakeClock(), tasks=asyncio.TaskGroup()), lambda: None)
    stages = [type(stage).__name__ for stage in built.intake._until_stored]
    assert stages == ["Planning", "Guard", "HoldUnaccepted", "FirstAttempts", "Storing"]
    result = re.findall(r"^\d\. \*\*(.+?)\*\*", pipeline.__doc__, re.MULTILINE)
    assert [name.title().replace(" ", "") for name in result[:5]] == stages
    follows = [step.__name__ for step in built.intake._once_stored]
    assert follows == ["begin", "report", "hold_earlier", "let_attempts_begin"]


def test_every_file_on_the_way_of_an_event_exists():
    files = re.findall(r"`(\S+\.py)`", pipeline.__doc__)
    assert len(files) > 8
    for file in files:
        assert (ENGINE / file).is_file() or (ENGINE.parent / file).is_file(), file
