"""The GraphQL documents that this package sends, by noun; a test validates each against the server's schema."""
