"""The channels, one file each: how one message is put on one platform."""
