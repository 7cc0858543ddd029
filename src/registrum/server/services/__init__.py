"""Use cases: one function a verb, the open transaction first."""
