"""`python -m sheetml`, and what the command `sheetml` starts."""

import sys


def run() -> None:
    """The command line; Ctrl-C while it is being imported ends it as quietly as later."""
    try:
        from sheetml.cli import main

        main()
    except KeyboardInterrupt:
        print("sheetml: interrupted.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    run()
