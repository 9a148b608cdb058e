"""What is forwarded to back ends: who is to receive it, and the queues in which it waits for their consumers."""
