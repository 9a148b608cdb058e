"""Products while the platform runs: made, changed and deleted, their thing models' drafts and versions, their topics."""
