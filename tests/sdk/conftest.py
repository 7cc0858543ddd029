"""Fixtures of the SDK's tests: those of the client's."""

from tests.client.conftest import admin, new_person, project, server, world

__all__ = ["admin", "new_person", "project", "server", "world"]
