"""What the platform makes of a device's messages: one handler a topic, `table.HANDLERS`."""
