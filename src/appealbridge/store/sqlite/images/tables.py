"""The tables of images, as the newest migration makes them."""

IMAGES = """
-- Deliveries whose images have to be prepared before they are sent or held.
CREATE TABLE preparations (
    delivery_id TEXT PRIMARY KEY,
    required INTEGER NOT NULL, -- 0 if it goes out without an image that cannot be had
    due_at REAL NOT NULL, -- infinite once it has failed, until a person retries it
    first_at REAL NOT NULL, -- when it was tried first, infinite before
    tries INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX preparations_due ON preparations (due_at);

-- The rendition of each image of a delivery; its bytes are in the file beside this one.
CREATE TABLE images (
    delivery_id TEXT NOT NULL,
    number INTEGER NOT NULL, -- its place in the message, from 1
    source TEXT NOT NULL, -- the address or file that it was made from
    limits TEXT NOT NULL, -- for what it was made
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size INTEGER NOT NULL,
    uploads INTEGER NOT NULL, -- 1 if it has to be uploaded before its message
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX images_by_sha256 ON images (sha256);

-- What a platform has of the images of a delivery.
CREATE TABLE uploads (
    delivery_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    ready INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    at REAL NOT NULL,
    published INTEGER NOT NULL, -- 1 if it has to be removed when its delivery is withdrawn or ends unpublished
    PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_published ON uploads (delivery_id) WHERE published = 1;
"""
