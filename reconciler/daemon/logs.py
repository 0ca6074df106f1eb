"""How the daemon speaks: structured lines on stderr, as JSON for machines or in colour for people."""

from __future__ import annotations

import logging
import sys
from typing import cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from reconciler.model.daemon_config import LogConfig


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
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(config.level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return cast("FilteringBoundLogger", structlog.get_logger())
