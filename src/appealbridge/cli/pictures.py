"""`preview --fetch`: fetches the pictures that recipes would publish, and says what each channel would get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appealbridge.clock import SystemClock
from appealbridge.files import read_below
from appealbridge.media import SOURCE_BYTES, ImageRefused, RendererUnavailable
from appealbridge.media.renderer import Renderer
from appealbridge.model.errors import DeliveryError
from appealbridge.plugin.http.client import Http
from appealbridge.plugin.http.images import fetch_image
from appealbridge.plugin.http.session import open_session
from appealbridge.plugin.images import AcceptsImages
from appealbridge.recipes.rehearsal.preview import PictureFacts, PictureOf, Preview, images_of
from appealbridge.redact import Redactor


async def with_pictures(assembly: Any, previews: Sequence[Preview]) -> list[Preview]:
    """Return previews with what becomes of their pictures. Each is fetched once, as the daemon would."""
    platforms: dict[str, set[str]] = {}
    for post in (post for preview in previews for post in preview.rehearsal.posts):
        for source, _ in images_of(post):
            platforms.setdefault(source, set()).add(post.channel)
    facts: dict[PictureOf, PictureFacts] = {}
    renderer = Renderer()
    clean = Redactor(set(assembly.secrets())).clean
    try:
        async with open_session(policy=lambda: assembly.egress) as session:
            http = Http(session, clean, now=SystemClock().now)
            for source, channels in platforms.items():
                facts |= await _facts(assembly, source, sorted(channels), http, renderer)
    finally:
        renderer.close()
    return [replace(preview, pictures=facts) for preview in previews]


async def _facts(
    assembly: Any, source: str, channels: Iterable[str], http: Http, renderer: Renderer
) -> Mapping[PictureOf, PictureFacts]:
    facts = {}
    try:
        data = await _read(source, assembly.active.media_folder, http)
    except (DeliveryError, ImageRefused, OSError, ValueError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else str(error)
        return {(channel, source): PictureFacts(refused=reason) for channel in channels}
    for channel in channels:
        bound = assembly.active.channels[channel]
        if not isinstance(bound.channel, AcceptsImages):
            continue
        limits = bound.channel.image_rules(bound.account).limits
        try:
            rendition = await renderer.render(data, limits)
        except (ImageRefused, RendererUnavailable) as error:
            facts[channel, source] = PictureFacts(refused=str(error))
        else:
            facts[channel, source] = PictureFacts(
                rendition.media_type,
                rendition.width,
                rendition.height,
                len(rendition.data),
                len(data),
            )
    return facts


async def _read(source: str, folder: Path | None, http: Http) -> bytes:
    if source.startswith(("http://", "https://")):
        return await fetch_image(source, http)
    if folder is None:
        raise ValueError("appealbridge.yaml has no media_folder")
    return read_below(folder, source, SOURCE_BYTES)
