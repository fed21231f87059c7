"""A service that a test adds, and takes away: one operation, one event, one listener, in one folder."""
