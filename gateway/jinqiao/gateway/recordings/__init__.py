"""Recordings: what a fleet said, kept in MCAP or Parquet, and read back. Needs the extra `recordings`."""
