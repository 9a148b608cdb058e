"""The network between vehicles and their platform: what is said comes later, in another order, or not at all."""
