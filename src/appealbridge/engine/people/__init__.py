"""Who may decide: log-ins, one-time codes, sessions and tokens."""
