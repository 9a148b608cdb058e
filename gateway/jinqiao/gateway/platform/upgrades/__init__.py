"""Firmware over the air for many devices: packages and modules, jobs, and how a job reaches its devices."""
