"""A number that was measured, and the goal that it is held against."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `at_least`: whether the goal is a lower bound, else it is an upper one."""

    name: str
    value: float
    goal: float
    at_least: bool
    detail: str
    unit: str = "times as fast"

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def value_in_words(self) -> str:
        """`0.62 times as fast`."""
        return f"{self.value:.{2 if self.value < 10 else 0}f} {self.unit}"

    @property
    def goal_in_words(self) -> str:
        """`≥ 0.6 times as fast`."""
        return f"{'≥' if self.at_least else '≤'} {self.goal:g} {self.unit}"

    def to_json(self) -> dict[str, Any]:
        """The figure as JSON values."""
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "goal": self.goal,
            "at_least": self.at_least,
            "met": self.met,
            "detail": self.detail,
        }
