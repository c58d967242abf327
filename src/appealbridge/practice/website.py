"""
The practice website: a force's appeals and its news, each with a feed, for the demo and for training.

`GET /website/appeals.rss` is a feed, `POST /website/appeals` puts an appeal on the site or, with a
reference that is there already, changes it. `/website/news` is the same for news items.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree as Xml

import orjson
from aiohttp import web
from pydantic import ValidationError

from appealbridge.clock import Clock
from appealbridge.model.appeal import Appeal
from appealbridge.practice.answering import answer
from appealbridge.practice.appeals import ON_THE_SITE
from appealbridge.practice.media import kind_of
from appealbridge.practice.policy import policy

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.5 system-ui, "Liberation Sans", Arial, sans-serif; margin: 0; padding: 2em 20px; }
main { max-width: 38em; margin: auto; overflow-wrap: anywhere; }
main > p:first-child { opacity: .75; font-size: 15px; margin: 0; }
h1 { font-size: 28px; line-height: 1.25; margin: .3em 0 .6em; }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main><p>Practice force · {kind} · {reference} · {status}</p><h1>{title}</h1>{body}</main></body></html>
"""
MOST_PICTURES = 200
"""How many pictures the site has at most; the oldest ones go."""

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_HEADERS = {
    "Content-Security-Policy": policy(f"<style>{_STYLE}</style>"),
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class Listed:
    """An appeal on the site; times are Unix seconds UTC."""

    appeal: Appeal
    published: float
    changed: float


class WebsitePictures:
    """The pictures of the site: `PUT /website/pictures/NAME` puts one there, or replaces it."""

    def __init__(self) -> None:
        self._pictures: dict[str, bytes] = {}
        self.fetched: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the pictures."""
        place = r"/website/pictures/{name:[A-Za-z0-9._-]{1,100}}"
        return [web.put(place, self._put), web.get(place, self._show)]

    async def _put(self, request: web.Request) -> web.StreamResponse:
        if len(self._pictures) >= MOST_PICTURES:
            self._pictures.pop(next(iter(self._pictures)))
        self._pictures[request.match_info["name"]] = await request.read()
        return web.Response(status=204)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.fetched[name] += 1
        if name not in self._pictures:
            raise web.HTTPNotFound
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox", **_NOSNIFF}
        data = self._pictures[name]
        return web.Response(
            body=data, content_type=kind_of(data) or "application/octet-stream", headers=headers
        )


class Website:
    """One section of the site, with a few entries of the last days: (hours ago, entry)."""

    def __init__(
        self,
        clock: Clock,
        section: str = "appeals",
        entries: Sequence[tuple[float, Appeal]] = ON_THE_SITE,
    ) -> None:
        self._clock = clock
        self._section = f"/website/{section}"
        self._title = section.capitalize()
        self._listed: dict[str, Listed] = {}
        for hours, appeal in entries:
            at = clock.now() - hours * 3600
            self._listed[appeal.reference] = Listed(appeal, at, at)

    def routes(self) -> list[web.RouteDef]:
        """Return every address of the site."""
        return [
            web.get(f"{self._section}.rss", self._feed),
            web.post(self._section, self._put),
            web.get(f"{self._section}/{{reference}}", self._page),
        ]

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        newest_first = sorted(self._listed.values(), key=lambda listing: -listing.published)
        body = _rss(newest_first, self._title, self._origin(request))
        changed = max((listing.changed for listing in self._listed.values()), default=0.0)
        headers = {
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:24]}"',
            "Last-Modified": _http_date(changed),
        }
        if _is_known(request, headers["ETag"], changed):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/rss+xml", headers=headers)

    async def _put(self, request: web.Request) -> web.StreamResponse:
        try:
            appeal = Appeal.model_validate(orjson.loads(await request.read()))
        except orjson.JSONDecodeError:
            return _unusable("not JSON; send an object with reference and title")
        except ValidationError as error:
            first = error.errors()[0]
            return _unusable(f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}")
        now = self._clock.now()
        known = self._listed.get(appeal.reference)
        self._listed[appeal.reference] = Listed(appeal, known.published if known else now, now)
        where = _address(appeal, self._origin(request))
        body = {"reference": appeal.reference, "url": where}
        return answer(200 if known else 201, body, {"Location": where})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        listed = self._listed.get(request.match_info["reference"])
        if listed is None:
            raise web.HTTPNotFound
        appeal = listed.appeal
        page = _PAGE.format(
            style=_STYLE,
            title=html.escape(appeal.title),
            kind=html.escape(appeal.kind),
            reference=html.escape(appeal.reference),
            status=appeal.status.value,
            body=_paragraphs(appeal),
        )
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    def _origin(self, request: web.Request) -> str:
        return f"{request.scheme}://{request.host}{self._section}"


def _rss(listed: list[Listed], title: str, origin: str) -> bytes:
    rss = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(rss, "channel")
    _add(channel, "title", f"{title} · Practice force")
    _add(channel, "link", f"{origin}.rss")
    _add(channel, "description", f"{title}, for practice only")
    for listing in listed:
        _item(channel, listing, origin)
    document: bytes = Xml.tostring(rss, "utf-8", xml_declaration=True)
    return document


def _item(channel: Xml.Element, listed: Listed, origin: str) -> None:
    appeal = listed.appeal
    item = Xml.SubElement(channel, "item")
    _add(item, "title", appeal.title)
    _add(item, "link", _address(appeal, origin))
    _add(item, "guid", appeal.reference, isPermaLink="false")
    _add(item, "pubDate", _http_date(listed.published))
    _add(item, "category", appeal.kind, domain="kind")
    _add(item, "category", appeal.status.value, domain="status")
    if appeal.area:
        _add(item, "category", appeal.area, domain="place")
    _add(item, "description", _paragraphs(appeal) + _images(appeal))


def _add(parent: Xml.Element, name: str, text: str, **attributes: str) -> None:
    Xml.SubElement(parent, name, attributes).text = _NOT_XML.sub("", text)


def _paragraphs(appeal: Appeal) -> str:
    """Return an appeal's text as HTML. What was given as HTML is shown as text: this is a stranger's."""
    text = appeal.text or appeal.body_html or appeal.title
    if appeal.closed_reason:
        text = f"{text}\n\nThis appeal is closed: {appeal.closed_reason}."
    parts = (html.escape(part).replace("\n", "<br>") for part in text.split("\n\n"))
    return "".join(f"<p>{part}</p>" for part in parts)


def _images(appeal: Appeal) -> str:
    return "".join(
        f'<p><img src="{html.escape(image.url)}" alt="{html.escape(image.alt)}"></p>'
        for image in appeal.images
    )


def _address(appeal: Appeal, origin: str) -> str:
    return appeal.url or f"{origin}/{appeal.reference}"


def _http_date(at: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(at), UTC), usegmt=True)


def _is_known(request: web.Request, tag: str, changed: float) -> bool:
    """Whether the reader has this already; the tag is asked first, as HTTP wants it."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return tag in tags
    try:
        since = parsedate_to_datetime(request.headers.get("If-Modified-Since", ""))
    except (ValueError, TypeError):
        return False
    return int(changed) <= since.replace(tzinfo=since.tzinfo or UTC).timestamp()


def _unusable(detail: str) -> web.Response:
    body: dict[str, Any] = {"title": "Unprocessable Content", "status": 422, "detail": detail}
    return answer(422, body, kind="application/problem+json")
