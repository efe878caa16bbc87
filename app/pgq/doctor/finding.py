"""What a check has found."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says; `fix` is what to do when it is not ok."""

    ok: bool
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and the name of the check that it comes from."""

    check: str
    ok: bool
    detail: str
    fix: str | None

    def to_json(self) -> dict[str, object]:
        """The finding as JSON values."""
        return asdict(self)


def good(detail: str) -> Verdict:
    """Nothing to do."""
    return Verdict(True, detail)


def bad(detail: str, fix: str) -> Verdict:
    """Something to do."""
    return Verdict(False, detail, fix)


def length(seconds: float) -> str:
    """A time span for people: `45 s`, `12 min`, `3.5 h`, `2.1 days`."""
    for unit, name in ((86_400, "days"), (3_600, "h")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
