"""What a car is: its signals, its catalogue entry, its VIN, and the physics that moves, charges, warms and ages it.

The room knows nothing of scenarios, roads or clouds. A `Fleet` holds many cars as columns, one row per car, and steps
them together; the caller decides what each car does, this room computes how it goes.
"""
