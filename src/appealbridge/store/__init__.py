"""The store: keeps everything that was accepted, planned, tried and delivered, through any crash."""
