"""The SLI source of a simulation: values that get better where something was done about it, or do not."""

from __future__ import annotations

from reconciler.model.errors import BlindError, TransientError
from reconciler.model.measures import Measure, MeasuresFact, WantMeasures
from reconciler.model.targets import NoFact
from tests.simulation.cluster import World
from tests.simulation.weather import Weather


class Source:
    """An `Evidence`."""

    def __init__(self, world: World, weather: Weather, who: str) -> None:
        self._world = world
        self._weather = weather
        self._who = who
        self._chance = world.schedule.random

    def measure(self, want: WantMeasures) -> MeasuresFact | NoFact:
        try:
            found = self._weather.io("sli", lambda: self._values(want), lost=_away, refused=_busy)
        except TransientError as error:
            return MeasuresFact(tuple(Measure(each.sli, None, error.message, "prometheus") for each in want.queries))
        self._world.looks.setdefault((self._who, str(want)), []).append(self._world.schedule.now)
        return found

    def _values(self, want: WantMeasures) -> MeasuresFact:
        def value() -> float | None:
            if not self._weather.calm and self._chance.random() < 0.1:
                return None
            if self._weather.calm:
                return self._world.health(want.service)
            return self._chance.choice((100.0, 100.0, 900.0))

        return MeasuresFact(
            tuple(
                Measure(each.sli, found, "" if found is not None else "no data", "prometheus")
                for each in want.queries
                for found in (value(),)
            )
        )

    def watch(self, service: str) -> None:
        """Values are there without anybody looking."""

    def close(self) -> None:
        """No connection stays open."""


def _away() -> Exception:
    return BlindError("the SLI source could not be reached")


def _busy() -> Exception:
    return TransientError("503: the SLI source is overloaded")
