"""`python -m sheetml`."""

from sheetml.cli import main

if __name__ == "__main__":
    main()
