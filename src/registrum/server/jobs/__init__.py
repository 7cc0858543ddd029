"""Work that nobody waits for: a queue in the same database, garbage collection, expiry."""
