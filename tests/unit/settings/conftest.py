"""Settings files as tests write them, and what is said of them."""

import pytest

from appealbridge.channels.facebook.channel import FacebookAccount
from appealbridge.channels.mastodon.channel import MastodonAccount
from appealbridge.channels.x.channel import XAccount
from appealbridge.documents import InvalidDocuments
from appealbridge.plugin.registry import load as plugins
from appealbridge.settings.load import load_settings
from appealbridge.triggers.appeal.trigger import AppealSource
from appealbridge.triggers.webhook.trigger import WebhookSource

PLATFORMS = {"x": XAccount, "facebook": FacebookAccount, "mastodon": MastodonAccount}
SECTIONS = {"webhooks": WebhookSource, "appeals": AppealSource}
TRIGGERS = {"webhooks": "webhook", "appeals": "appeal"}
HOOK = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
PLANTED = "planted-0123456789"
SECRETS = {
    "APPEALBRIDGE_SECRET_HOOK": HOOK,
    **{f"APPEALBRIDGE_SECRET_X{n}": f"{PLANTED}-{n}" for n in range(4)},
}


def practised(platform, *call):
    """Return an account's options in practice, as the built-in channels say them."""
    return plugins().channels[platform].practice(*call)


@pytest.fixture
def load(tmp_path):
    def read(text, **environ):
        file = tmp_path / "appealbridge.yaml"
        file.write_text(text)
        return load_settings(
            file,
            platforms=PLATFORMS,
            sections=SECTIONS,
            triggers=TRIGGERS,
            practise=practised,
            environ={**SECRETS, **environ},
        )

    return read


@pytest.fixture
def wrong(load):
    """Load settings that have problems; return each as `line: path: problem; cure`."""

    def read(text, **environ):
        with pytest.raises(InvalidDocuments) as invalid:
            load(text, **environ)
        result = str(invalid.value)
        assert PLANTED not in result
        assert HOOK[6:] not in result
        return [f"{p.line}: {p.path}: {p.problem}; {p.cure}" for p in invalid.value.problems]

    return read
