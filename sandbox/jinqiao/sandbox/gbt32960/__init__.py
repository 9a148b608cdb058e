"""GB/T 32960 over TCP, both ends: the platform's cloud gateway (`counter`, `listener`), and vehicles that report to any
platform (`link`, `outlet`).

It stands in this room because it needs both the frames (vehicles) and the platform (gateway).
"""
