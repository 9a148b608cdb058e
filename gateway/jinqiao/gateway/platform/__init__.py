"""The platform's device side without a socket: who is who, whose topic is whose, and what the platform answers.

Mirrors Alibaba Cloud IoT Platform with its Alink protocol, in the state of its documentation of mid-2026. `Platform`
(platform.py) is the door; everything behind it takes values and returns values.
"""
