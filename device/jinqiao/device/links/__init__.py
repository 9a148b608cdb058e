"""The lean MQTT client: thousands of connections in one process, each a small protocol object and no task."""
