"""Pages for people: sign-in, API keys, and a plain page behind each address that clients print."""
