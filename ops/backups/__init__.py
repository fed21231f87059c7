"""Backups of a running installation, and what is made of them again. See docs/operations.md."""
