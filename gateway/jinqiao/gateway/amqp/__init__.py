"""AMQP 1.0 for a customer's back end: server-side subscription, one consumer a connection."""
