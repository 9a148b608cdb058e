"""What is remembered of devices, one part a subject. Parts hold state and rules of their own, and no messages."""
