"""How much room the store's disk has is asked of the file system."""

import os

import pytest

from appealbridge.model.errors import StoreError
from appealbridge.store.sqlite.backend import SqliteBackend


def test_the_disk_of_the_stores_folder_is_asked_before_the_file_is_there(tmp_path):
    space = SqliteBackend(tmp_path / "bridge.db").space()
    result = os.statvfs(tmp_path)
    assert space.size == result.f_blocks * result.f_frsize
    assert 0 < space.free <= space.size


def test_a_folder_that_is_gone_is_said(tmp_path):
    with pytest.raises(StoreError, match="is not known"):
        SqliteBackend(tmp_path / "gone" / "bridge.db").space()
