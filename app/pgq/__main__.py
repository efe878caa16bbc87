"""`python -m pgq`."""

from pgq.cli.main import main

if __name__ == "__main__":
    main()
