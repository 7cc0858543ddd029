"""What the project means: rules and values, with the standard library only."""
