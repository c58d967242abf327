import socket

import pytest

for suite in (
    "channel_contract",
    "http_contract",
    "mail_contract",
    "store_intake_contract",
    "store_delivery_contract",
    "store_moving_contract",
    "store_run_contract",
    "store_looking_contract",
    "store_retention_contract",
):
    pytest.register_assert_rewrite(f"appealbridge.testing.{suite}")


@pytest.fixture
def free_port():
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
