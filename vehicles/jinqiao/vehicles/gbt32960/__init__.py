"""GB/T 32960.3 from columns: `layout` writes the frames of many vehicles at once, `columns` fills it from a fleet,
`cycle` drives one car and says what it would report. The codec itself is `jinqiao.wire.gbt32960`.
"""
