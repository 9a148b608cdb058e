"""The HTTP port: metrics, MQTT over WebSocket, cloud calls, questions of other brokers. Imported where it is served."""
