"""What the development database is taught: see docs/decisions/0012. Nothing here runs with MongoDB."""
