"""The first appeals and news of the practice website. Every person in them is invented."""

from __future__ import annotations

from appealbridge.model.appeal import Appeal

ON_THE_SITE = (
    (
        5.0,
        Appeal(
            reference="PRF-2026-0412",
            title="Missing: Tamsin Arkwell, 14, from Digbeth",
            kind="missing",
            area="Digbeth, Birmingham",
            text=(
                "We are growing concerned for Tamsin Arkwell, 14, who was last seen on Fazeley Street in "
                "Digbeth at about 4.15pm on Saturday.\n\n"
                "She is about 5ft 4in, with shoulder-length dark hair, and was wearing a red coat and "
                "white trainers. She may have taken a train from Moor Street.\n\n"
                "If you see her, call 999 quoting PRF-2026-0412."
            ),
        ),
    ),
    (
        29.0,
        Appeal(
            reference="PRF-2026-0409",
            title="Witnesses sought after collision on Hagley Road",
            kind="witness",
            area="Edgbaston, Birmingham",
            text=(
                "A cyclist was seriously injured in a collision with a silver estate car at the junction "
                "of Hagley Road and Portland Road at 7.50am on Friday. The car did not stop.\n\n"
                "Were you there, or do you have dashcam footage from between 7.30am and 8.10am? "
                "Call 101 quoting PRF-2026-0409."
            ),
        ),
    ),
    (
        52.0,
        Appeal(
            reference="PRF-2026-0401",
            title="Workshop tools stolen in the Jewellery Quarter",
            kind="burglary",
            area="Jewellery Quarter, Birmingham",
            text=(
                "Three workshops on Vyse Street were broken into on Wednesday night. Engraving tools and "
                "a 1930s rolling mill marked 'HOLDEN & DAUGHTERS' were taken in a white van.\n\n"
                "If you are offered such tools, call 101 quoting PRF-2026-0401."
            ),
        ),
    ),
    (
        74.0,
        Appeal(
            reference="PRF-2026-0388",
            title="Found: narrowboat 'Quiet Margaret' drifting near Gas Street Basin",
            kind="property",
            area="Birmingham city centre",
            text=(
                "A green and cream narrowboat was found adrift on the Main Line canal on Tuesday "
                "morning. Her mooring lines had been cut.\n\n"
                "We would like to hear from her owner, and from anyone who was on the towpath "
                "after midnight. Call 101 quoting PRF-2026-0388."
            ),
        ),
    ),
)
"""How many hours ago each was published, and the appeal."""

NEWS_ON_THE_SITE = (
    (
        20.0,
        Appeal(
            reference="news-2026-118",
            title="Bike marking in Cannon Hill Park this Saturday",
            kind="news",
            text="Bring your bicycle between 10am and 2pm and have it marked free of charge.",
        ),
    ),
    (
        70.0,
        Appeal(
            reference="news-2026-117",
            title="New neighbourhood team for Sparkhill",
            kind="news",
            text="Four officers and two community support officers begin their work on Monday.",
        ),
    ),
)
"""The same for the news section."""
