"""What was accepted, planned, tried and delivered, kept through any crash."""
