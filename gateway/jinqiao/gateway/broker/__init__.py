"""The embedded MQTT broker: a sans-I/O core (packets, topics, router, sessions, delivery) in a thin asyncio shell."""
