"""GB/T 32960.3: what a vehicle reports to an authority's or a maker's platform, editions 2016 and 2025. Sans-I/O.

Values become bytes and bytes values: forms of single fields (`forms`), items of real-time data (`items`), what the
commands carry (`commands`), frames (`frame`), a stream of them (`reader`). `layout` writes the frames of many vehicles
at once, `columns` fills it from a fleet, `cycle` drives one car and tells what it would report.
"""
