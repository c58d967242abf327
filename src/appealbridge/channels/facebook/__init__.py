"""Posts on a Facebook Page."""
