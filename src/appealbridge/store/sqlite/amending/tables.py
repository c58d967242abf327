"""The migrations that add what amendments, and what is withdrawn more than once, need; see `schema.py`."""

from appealbridge.store.sqlite.states import IS_AMENDMENT, IS_OPEN_AMENDMENT, IS_REMOVAL

AMENDMENTS = f"""
-- How an amendment corrects its target, and the step whose posts it amends; empty for all others.
ALTER TABLE deliveries ADD COLUMN change TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN amends TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_amended ON deliveries (target) WHERE {IS_AMENDMENT};
CREATE INDEX deliveries_amending ON deliveries (target) WHERE {IS_OPEN_AMENDMENT};

-- What an edited post said at which time: the delivery that has the content, and the receipt's id.
CREATE TABLE versions (
    delivery TEXT NOT NULL,
    number INTEGER NOT NULL,
    amendment TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    receipt TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
"""

WITHDRAWN_POSTS = f"""
-- Which posts each withdrawal is about. A removal that has not begun ends when all withdrawals of its post are lifted.
CREATE TABLE withdrawn_posts (
    withdrawal INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    PRIMARY KEY (withdrawal, delivery)
) STRICT, WITHOUT ROWID;
CREATE INDEX withdrawn_posts_by_delivery ON withdrawn_posts (delivery);
-- The id of a removal is that of its post, `~w`, and the number of the withdrawal.
INSERT INTO withdrawn_posts SELECT CAST(substr(id, length(target) + 3) AS INTEGER), target
    FROM deliveries WHERE {IS_REMOVAL} AND target > '';
"""
