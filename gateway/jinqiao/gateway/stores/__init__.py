"""Where telemetry is kept beside the broker: Parquet segments on the disk, a time series database over HTTP."""
