"""MQTT 3.1, 3.1.1 and 5: packets to bytes and back, topic names and filters, reason codes. No session, no socket."""
