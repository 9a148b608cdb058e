"""The platform's cloud gateway for GB/T 32960 over TCP: frames in, uplinks of devices out."""
