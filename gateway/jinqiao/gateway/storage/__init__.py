"""What outlives the process: one SQLite file a data folder, and what of the platform is kept in it."""
