"""How events come in: from webhooks and from sources that are polled, planned and stored in one step."""
