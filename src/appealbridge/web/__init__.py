"""The thin skin: what comes in by HTTP, checked for size and handed on; what goes out, put into words."""
