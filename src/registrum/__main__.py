"""`python -m registrum`: the command line."""

from registrum.cli import main

main()
