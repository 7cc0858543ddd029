"""`python -m registrum`: the command line."""

from registrum.cli import main

if __name__ == "__main__":
    main()
