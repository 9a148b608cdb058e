"""On-board diagnostics over CAN, without any input or output of its own: ISO-TP, OBD-II and UDS."""
