"""The car's end of the wire: its T-Box (`agent`), its connections (`links`), its reports by GB/T 32960 (`gbt32960`).

Never imports the platform's end (`jinqiao.gateway`): what is here also speaks to the real platform, and a process that
simulates cars loads no server.
"""
