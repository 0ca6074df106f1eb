"""`reconciler loadgen`: requests for a service, as many as it has users."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from reconciler.cli.exits import COULD_NOT, INTERRUPTED, OK
from reconciler.cli.messages import complain, say
from reconciler.cli.output import Format, output_option, write

if TYPE_CHECKING:
    from reconciler.demo.asking import Address
    from reconciler.demo.load import Load, Tally

_EVERY: Final = 5.0
"""Seconds between two words about how it goes."""
_LONGEST: Final = 3600.0


class _Duration(click.ParamType[float]):
    """A length of time above zero, at most an hour, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read `60s` or `1m30s`."""
        from reconciler.model.duration import go_seconds

        seconds = value if isinstance(value, float) else go_seconds(str(value))
        if seconds is None or not 0 < seconds <= _LONGEST:
            self.fail(f"{value!r} is no duration such as `60s` or `5m`, above 0 and at most an hour.", param, ctx)
        return seconds


@click.command("loadgen")
@click.argument("url")
@click.option(
    "--mode", type=click.Choice(["cpu", "promotion"]),
    help="What to ask carts for: what costs time, or what goes through the flag EnablePromotion.",
)  # fmt: skip
@click.option(
    "--rate", type=click.FloatRange(0, 1000, min_open=True), default=28.0, show_default=True,
    help="Requests a second, on average.",
)  # fmt: skip
@click.option("--for", "seconds", type=_Duration(), default="60s", show_default=True, help="How long; at most an hour.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same arrivals.")
@click.option(
    "--in-flight", type=click.IntRange(1, 1000), default=60, show_default=True,
    help="Requests at one time at most; what would be more is not sent.",
)  # fmt: skip
@click.option("--timeout", type=_Duration(), default="10s", show_default=True, help="Patience with one request.")
@output_option
def command(
    url: str,
    mode: Literal["cpu", "promotion"] | None,
    rate: float,
    seconds: float,
    seed: int,
    in_flight: int,
    timeout: float,
    form: Format,
) -> int:
    """Put load on a service: GET requests that arrive at random, from a seed, however slow the answers are.

    URL is any http or https address: ask only services that are yours. One with a path is asked as it is, unless
    there is a --mode, which adds its own; one without a path is asked in mode cpu. It stops by itself: when the time
    is over, or after 100,000 requests. Exit code 0; 2 where no request was answered; 130 after Ctrl-C, which still
    writes what there is.
    """
    from reconciler.demo.asking import Address, AddressError
    from reconciler.demo.load import Load

    try:
        target = _target(url, mode)
        address = Address.of(target)
    except AddressError as error:
        # The address is not repeated: it may hold what is nobody's business.
        raise click.BadParameter(f"{error}.", param_hint="URL") from error
    load = Load(rate, seconds, seed, in_flight)
    say(f"{rate:g} requests a second to {target} for {seconds:g} s, seed {seed}, at most {in_flight} at one time")
    tally, took, stopped = asyncio.run(_run(load, address, timeout))
    told = {"url": target, "rate": rate, "seed": seed, "seconds": round(took, 1), **tally.told()}
    write(form, told, lambda: _text(told))
    if stopped:
        complain("stopped")
        return INTERRUPTED
    if tally.requests and not tally.times:
        complain(f"error: no request was answered ({', '.join(tally.codes)})\n    hint: check the address")
        return COULD_NOT
    return OK


def _target(url: str, mode: Literal["cpu", "promotion"] | None) -> str:
    from urllib.parse import urlsplit, urlunsplit

    from reconciler.demo.asking import AddressError
    from reconciler.demo.carts import PATHS

    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressError(str(error)) from error
    bare = parts.path in ("", "/") and not parts.query
    if mode is None and not bare:
        return url
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + PATHS[mode or "cpu"]))


async def _run(load: Load, address: Address, patience: float) -> tuple[Tally, float, bool]:
    """Return what came of it, the seconds that it took and whether somebody stopped it."""
    from reconciler.demo.asking import ask
    from reconciler.demo.load import Tally, offer

    tally = Tally()
    begun = time.monotonic()
    offering = asyncio.create_task(offer(load, lambda: ask(address, patience), tally))
    telling = asyncio.create_task(progress(tally, asyncio.sleep, say))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, offering.cancel)
    await asyncio.wait([offering])
    telling.cancel()
    if not offering.cancelled():
        offering.result()
    return tally, time.monotonic() - begun, offering.cancelled()


async def progress(tally: Tally, sleep: Callable[[float], Awaitable[None]], tell: Callable[[str], None]) -> None:
    """Tell every few seconds how it went since the last word, until cancelled."""
    from reconciler.demo.load import failed, percentile

    passed, before, answered = 0.0, tally.codes.copy(), 0
    while True:
        await sleep(_EVERY)
        passed += _EVERY
        new = tally.codes - before
        p90 = percentile(tally.times[answered:], 90)
        before, answered = tally.codes.copy(), len(tally.times)
        time_ = "no answer" if p90 is None else f"p90 {p90 * 1000:.0f} ms"
        tell(f"{passed:5.0f} s  {new.total()} requests, {time_}, {failed(new)} failed, {tally.in_flight} under way")


def _text(told: dict[str, Any]) -> str:
    times = told["milliseconds"]
    spoken = [f"{name} {value:,.0f} ms" for name, value in times.items() if value is not None]
    ratio = told["failureRatio"]
    rows = [
        ("requests", f"{told['requests']:,} in {told['seconds']:g} s"),
        ("not sent", f"{told['notSent']:,}, too many were under way" if told["notSent"] else "0"),
        ("answers", ", ".join(f"{code}: {count:,}" for code, count in told["codes"].items()) or "none"),
        ("failed", f"{told['failures']:,}" + ("" if ratio is None else f" ({ratio:.1%})")),
        ("time", "   ".join(spoken) or "none"),
    ]
    return "\n".join(f"{name:<10}{value}" for name, value in rows)
