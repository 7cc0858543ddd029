"""`python -m registrum` is the command line."""

from registrum.cli import main

main()
