"""Products while the platform runs: made, changed and deleted, thing models edited, many devices registered."""
