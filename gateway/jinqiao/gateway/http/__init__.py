"""The HTTP port: metrics, MQTT over WebSocket, and questions of other brokers. Imported only where it is served."""
