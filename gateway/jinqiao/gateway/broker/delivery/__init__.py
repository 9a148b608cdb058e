"""From a routed message to a subscriber's socket: bounded queues, the QoS 1 window, one write per turn of the loop."""
