"""Decides which images of a message its channel takes, and whether they hold it for a person. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appealbridge.model.delivery import Delivery, Hold, Images, with_hold
from appealbridge.model.errors import RenderError
from appealbridge.model.value import value
from appealbridge.plugin.channel import AltText
from appealbridge.plugin.images import AcceptsImages
from appealbridge.plugin.message_images import Illustrated, Image
from appealbridge.recipes.model.recipe import Recipe
from appealbridge.recipes.model.step import Step


@value
class Fitting:
    """The images that a channel takes, the sources of those that are too many, and which ones have no alt text."""

    accepted: Sequence[Image]
    left_out: Sequence[str] = ()
    without_alt: Sequence[int] = ()


def fitting(step: Step, message: Illustrated) -> Fitting:
    """Return what a channel takes of a message's images; raise `RenderError` if it takes none, or for an alt text."""
    plugin = step.plugin
    if not isinstance(plugin, AcceptsImages):
        raise RenderError(step.place("images"), f"{step.channel} takes no images; leave them out")
    rules = plugin.image_rules(step.account)
    accepted, left_out = message.images[: rules.most], message.images[rules.most :]
    missing = []
    for number, image in enumerate(accepted, start=1):
        if not image.alt.strip():
            missing.append(number)
        elif len(image.alt) > rules.alt_length:
            raise RenderError(
                f"{step.place('images')}[{number - 1}].alt",
                f"{len(image.alt)} characters, but {step.channel} allows {rules.alt_length} for an alt text; "
                "shorten it",
            )
    for other in sorted(plugin.excludes_images):
        if getattr(message, other, None):
            raise RenderError(
                step.place(other),
                f'"{other}" and "images" cannot be used together on {plugin.platform}; leave one out',
            )
    needed = step.account.alt_text is AltText.REQUIRED
    sources = tuple(image.url or image.file for image in left_out)
    return Fitting(accepted, sources, tuple(missing) if needed else ())


def illustrated(delivery: Delivery, recipe: Recipe, images: Fitting) -> Delivery:
    """Return a delivery that waits for its images; it is held if one needs an alt text."""
    hold, reasons = delivery.hold, [delivery.reason] if delivery.reason else []
    if images.without_alt:
        hold = with_hold(hold, Hold.ALT_TEXT) if hold in ("", Hold.APPROVAL) else hold
        reasons.append(without_alt(images.without_alt))
    if hold and images.left_out:
        count = len(images.left_out)
        what = "one more image is" if count == 1 else f"{count} more images are"
        reasons.append(f"{what} left out: {', '.join(images.left_out)}"[:500])
    return replace(
        delivery,
        hold=hold,
        reason="; ".join(reasons),
        images=Images.REQUIRED if recipe.images_required else Images.OPTIONAL,
    )


def without_alt(numbers: Sequence[int]) -> str:
    """Return why a delivery is held whose images with these numbers have no alt text."""
    if len(numbers) == 1:
        which = f"image {numbers[0]} has no alt text"
    else:
        which = f"images {', '.join(map(str, numbers))} have no alt text"
    return f"{which}; release it if it is to go out without"
