"""`python -m bench [drain] [submit] [latency] [snapshot]`: run the measurements; exit code 1 when a goal is missed."""

import logging
import sys

from bench import drain, latency, snapshot, submit
from bench.measure import own_server

MEASUREMENTS = {
    "drain": drain.figures,
    "submit": submit.figures,
    "latency": latency.figures,
    "snapshot": snapshot.figures,
}
ROUNDS = 3


def main() -> int:
    """Run what was asked for, or everything."""
    logging.basicConfig(level="WARNING")
    missed = False
    with own_server() as server:
        for name in sys.argv[1:] or MEASUREMENTS:
            for figure in MEASUREMENTS[name](server, ROUNDS):
                print(figure, flush=True)
                missed |= not figure.met
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
