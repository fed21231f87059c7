"""What every Linli service stands on: events, store, messaging, HTTP, identity, privacy."""
