"""GB/T 32960.3, editions 2016 and 2025: values become bytes and bytes values.

Forms of single fields (`forms`), items of real-time data (`items`), what the commands carry (`commands`), frames
(`frame`), a stream of them (`reader`), the frames a vehicle sends beside its data (`vehicle`).
"""
