"""`python -m syncheck`."""

from syncheck.cli import command

if __name__ == "__main__":
    command()
