"""The fleet of a run as it reports by GB/T 32960: columns become frames, and go out over `jinqiao.device.gbt32960`."""
