"""The past of devices: property values, events and service calls, kept in Parquet segments and read by DuckDB."""
