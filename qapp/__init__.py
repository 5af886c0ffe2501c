"""qapp."""
