"""The migration that adds what amendments need; see `schema.py`."""

from appealbridge.store.sqlite.states import IS_AMENDMENT, IS_OPEN_AMENDMENT

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
