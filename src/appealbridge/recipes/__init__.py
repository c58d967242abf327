"""From YAML to meaning: read, check, match, render, plan, and rehearse without reaching anything."""
