"""`tidings` and `python -m tidings`: hands on to `tidings.cli.main`."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 failed, 2 wrong usage."""
    from tidings.cli.main import app

    app(prog_name="tidings")


if __name__ == "__main__":
    main()
