"""Documents of the clients that this server refuses on purpose, each with the reason.

By release of the client and name of the operation. A test fails when an entry here is stale, that is
when the document validates after all or is no longer sent.
"""

LEFT_OUT: dict[str, dict[str, str]] = {
    "0.31.0": {},
    "0.28.2": {},
    "0.25.1": {},
    "0.22.3": {
        "CreateAnonymousApiKey": "Accounts without a person are not offered; the client itself "
        "dropped them in 0.23. It asks only when told to by `anonymous=`.",
    },
}

LOOSER_THAN_MODELS: dict[str, str] = {
    "Entity.organization": "A personal entity has none; every registry's entity has one.",
    "Mutation.deleteTrigger": "A refused mutation is null beside its error, like all others.",
}
"""Fields that a model of the client wants non-null in one place and the SDL leaves nullable."""
