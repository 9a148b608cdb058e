"""What both ends of a wire share: codecs, vocabularies, rendering. Sans-I/O, without state, without policy.

A module belongs here when a device and a platform would each need it, or a third program could use it as a library.
It may know what a protocol says, never what somebody does about it.
"""
