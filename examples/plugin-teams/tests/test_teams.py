"""Teams keeps the contract of every channel, and these rules of its own."""

import pytest
from pydantic import ValidationError

from appealbridge.plugin import Unsure
from appealbridge.testing import PLANTED_IN_ADDRESS, ChannelCase, HttpChannelContract
from appealbridge_teams import Teams, TeamsAccount, TeamsMessage

RUN = "08584000000000000000000000000CU12"
PATH = f"/workflows/1/triggers/manual/paths/invoke?api-version=1&sig={PLANTED_IN_ADDRESS}"


class TestTeams(HttpChannelContract):
    case = ChannelCase(
        channel=Teams(),
        options={},
        secrets={},
        address="url",
        path=PATH,
        message={"title": "MISSING: Aisha, 14", "text": "Last seen in Digbeth."},
        receipt=(202, "", {"x-ms-workflow-run-id": RUN}),
        special={204: None},
    )

    async def test_the_receipt_is_the_run_of_the_workflow(self, platform, tools):
        receipt = await self.case.deliver(platform.url, tools)
        assert receipt.id == RUN

    async def test_a_202_without_a_run_is_taken_and_a_200_without_one_is_not(self, platform, tools):
        platform.answers((202, ""), (200, ""))
        assert (await self.case.deliver(platform.url, tools)).id == "accepted"
        with pytest.raises(Unsure):
            await self.case.deliver(platform.url, tools)

    async def test_the_card_has_the_text_word_for_word(self, platform, tools):
        await self.case.deliver(platform.url, tools)
        (attachment,) = platform.requests[0].json()["attachments"]
        texts = [block["text"] for block in attachment["content"]["body"]]
        assert texts == ["MISSING: Aisha, 14", "Last seen in Digbeth."]

    async def test_a_message_that_fits_is_no_longer_than_teams_takes(self, platform, tools):
        account = self.case.account(platform.url)
        room = Teams().measure(account, TeamsMessage(title="é", text="x")).limit
        for text in ("x" * room, "é" * (room // 2), '"' * (room // 2)):
            message = TeamsMessage(title="é", text=text)
            assert Teams().measure(account, message).fits
            await Teams().deliver(account, message, None, tools)
            assert len(platform.requests[-1].body) <= 28_000
        assert not Teams().measure(account, TeamsMessage(title="é", text="x" * (room + 1))).fits


@pytest.mark.parametrize("url", ["", "control-room", "smtp://a.example"])
def test_an_address_that_is_none_is_refused_without_being_shown(url):
    with pytest.raises(ValidationError) as caught:
        TeamsAccount(url=url)
    assert "the secret must be an address" in str(caught.value)
    assert not url or url not in str(caught.value)
