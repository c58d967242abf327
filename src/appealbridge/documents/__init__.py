"""Strict YAML: reads documents, remembers where everything is, and reports every mistake with its place."""

from appealbridge.documents.diagnostic import InvalidDocuments, Problem, nearest, unexpected
from appealbridge.documents.document import Document, Place, read
from appealbridge.documents.path import Path, path_text, texts_in
from appealbridge.documents.validation import check

__all__ = [
    "Document",
    "InvalidDocuments",
    "Path",
    "Place",
    "Problem",
    "check",
    "nearest",
    "path_text",
    "read",
    "texts_in",
    "unexpected",
]
