"""What failures count as, with a rule of one's own."""

import errno

from pipeline import Rule, Transient, classify
from pipeline.errors import ContextOverflow


class GoneError(Exception):
    """What a client of ours raises."""

    status_code = 410


RULES = [Rule("permanent", "tenant gone", exception=GoneError, status=410)]


def main() -> None:
    for error in (
        GoneError("acme moved out"),
        Transient("the shop does not answer"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        TimeoutError("timed out"),
        OSError(errno.ENOSPC, "No space left on device"),
        ContextOverflow("7 tokens too many"),
        LookupError("what is this?"),
    ):
        found = classify(error, RULES)
        print(f"{type(error).__name__}: {found.kind}{f', {found.why}' if found.why else ''}")


if __name__ == "__main__":
    main()
