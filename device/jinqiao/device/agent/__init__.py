"""The device side of a simulated vehicle: what its T-Box makes of a downlink, and what it says by itself.

Sans-I/O: topics and payloads in, messages out; requests to the car go to its `VehicleControl`.
"""
