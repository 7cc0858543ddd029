"""The GraphQL edge: `schema/<noun>.graphql` declares, `<noun>.py` binds exactly that file."""
