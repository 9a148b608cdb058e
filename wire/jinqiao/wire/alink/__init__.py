"""Alink, the platform's JSON over MQTT: topics, requests and replies, codes, signatures, thing models, limits."""
