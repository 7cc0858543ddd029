"""Who is asking: a request becomes an Actor."""
