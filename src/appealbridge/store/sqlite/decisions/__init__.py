"""What people decide: the audit trail, and what they have stopped."""
