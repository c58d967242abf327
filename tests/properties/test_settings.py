"""Whatever a settings file says, it is understood or its problems are told, and no secret is."""

from hypothesis import given
from hypothesis import strategies as st

from appealbridge.channels.x.channel import XAccount
from appealbridge.documents import InvalidDocuments
from appealbridge.settings.load import load_settings
from appealbridge.triggers.appeal.trigger import AppealSource
from appealbridge.triggers.webhook.trigger import WebhookSource
from tests.properties.strategies import drawn

HOOK = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
SCALARS = st.sampled_from(
    ["1", "x", "!secret hook", "!secret none", "!include a", "5m", "true", "", "http://x"]
)
KEYS = st.sampled_from(
    ["channels", "webhooks", "appeals", "lists", "people", "groups", "holds", "listen", "store", "a",
     "platform", "credentials", "secrets", "consumer_key", "password_hash", "every", "practice"]
)  # fmt: skip


def flow(values):
    return "{ " + ", ".join(f"{key}: {value}" for key, value in values.items()) + " }"


TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda entries: f"[{', '.join(entries)}]")
        | st.dictionaries(KEYS, inner, max_size=4).map(flow)
    ),
    max_leaves=12,
)
FILES = st.dictionaries(KEYS, TREES, max_size=6).map(
    lambda values: "".join(f"{key}: {value}\n" for key, value in values.items())
)


@given(st.text(max_size=60) | FILES)
@drawn(200)
def test_no_text_raises_anything_but_its_problems(tmp_path, text):
    file = tmp_path / "appealbridge.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        result = repr(
            load_settings(
                file,
                platforms={"x": XAccount},
                sections={"webhooks": WebhookSource, "appeals": AppealSource},
                environ={"APPEALBRIDGE_SECRET_HOOK": HOOK},
            )
        )
    except InvalidDocuments as invalid:
        result = str(invalid)
    assert result
    assert HOOK not in result
