import socket

import pytest

for suite in ("channel_contract", "http_contract", "mail_contract", "store"):
    pytest.register_assert_rewrite(f"appealbridge.testing.{suite}")


@pytest.fixture
def free_port():
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
