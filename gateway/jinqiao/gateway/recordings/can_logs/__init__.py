"""CAN logs of other tools: candump of can-utils, Vector ASC and BLF, each in files that know nothing of the others.

A frame is a `CanFrame` between them, with everything any of them can say. Wrong lines and objects cost themselves only
and are named; what a format cannot carry is counted.
"""
