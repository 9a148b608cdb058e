"""GB/T 27930-2015: what charger and battery management say to each other on CAN during a DC charge.

Sans-I/O: messages as a table of fields (`messages`), transport of long ones (`transport`), who says what when as two
tables (`phases`), the bus on which both are played out (`session`), with values of the car's own charge (`charge`).
"""
