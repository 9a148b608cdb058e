"""A vehicle's connection to a GB/T 32960 platform, and a fleet of them."""
