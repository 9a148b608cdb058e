"""Where it is put together: the command line, the wiring of a run, the live table, and the benchmarks."""
