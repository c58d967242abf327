"""The API of one account, so that a channel says only once how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Unpack
from urllib.parse import urlencode

from appealbridge.model.value import value
from appealbridge.plugin.http.client import Failure, Http, RequestOptions
from appealbridge.plugin.http.reply import Effect, Reply
from appealbridge.plugin.options import Secret


@value
class Api:
    """
    Makes requests to addresses below `root`, with the account's login; `failure` is what its answers mean.

    The login is the `bearer`, or what `sign` returns: headers for a method and a whole address with its query.
    """

    http: Http
    root: str
    failure: Failure = Reply.failure
    bearer: Secret | None = None
    sign: Callable[[str, str], Mapping[str, str]] | None = None

    async def get(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """Do what `Http.get` does."""
        return await self._ask("GET", path, Effect.READ, options)

    async def post(self, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """Do what `Http.post` does."""
        return await self._ask("POST", path, Effect.CREATE, options)

    async def change(self, method: str, path: str, **options: Unpack[RequestOptions]) -> Reply:
        """Do what `Http.change` does."""
        return await self._ask(method, path, Effect.CHANGE, options)

    async def _ask(self, method: str, path: str, effect: Effect, options: RequestOptions) -> Reply:
        url = f"{self.root}/{path}"
        if self.sign is not None:
            query = options.get("params")
            options["headers"] = self.sign(method, f"{url}?{urlencode(query)}" if query else url)
        options.setdefault("bearer", self.bearer)
        options.setdefault("failure", self.failure)
        return await self.http.request(method, url, effect, **options)
