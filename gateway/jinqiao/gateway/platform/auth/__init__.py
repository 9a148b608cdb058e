"""Who somebody is, and what he may: logins, dynamic registration, topics, rates."""
