"""How the daemon speaks: structured lines on stderr, as JSON for machines or in colour for people."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from reconciler.daemon.secrets import KNOWN
from reconciler.model.daemon_config import LogConfig
from reconciler.repo.trailers import escape


def _without_secrets(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Take out what nobody may see; whoever tells of a server's words should have done so, and may have missed one."""
    return {key: _told(value) for key, value in line.items()}


def _told(value: object) -> object:
    """Return a value as it may be told; of what is no data, its form, if there is a secret in it."""
    if isinstance(value, str | Mapping | list | tuple):
        return KNOWN.cleaned(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return KNOWN.hide(repr(value)) if KNOWN.suspects(repr(value)) else value


def _escaped(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Escape what could move a terminal's cursor or turn text around: titles and names come from files."""
    return {
        key: "\n".join(escape(part) for part in value.split("\n"))
        if key == "exception"
        else escape(value)
        if isinstance(value, str)
        else value
        for key, value in line.items()
    }


def configure(config: LogConfig) -> FilteringBoundLogger:
    """Return the daemon's logger. Lines carry stage, service, remediation and commit where there are any."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if config.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _without_secrets,
            _escaped,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(config.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return cast("FilteringBoundLogger", structlog.get_logger())
