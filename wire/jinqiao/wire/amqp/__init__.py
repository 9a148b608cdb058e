"""AMQP 1.0 as OASIS published it in 2012: values, frames, performatives, SASL and bare messages. No I/O, no state."""
