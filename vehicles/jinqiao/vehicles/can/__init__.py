"""The vehicle's CAN: a message table of its own, frames packed by column, a bus that arbitrates, and diagnostics.

The messages are synthetic: a generic electric car, with nothing taken from any maker's network.
"""
