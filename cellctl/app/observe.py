"""Logging, once: lines for a person on a terminal, JSON for everything else."""

import logging
import sys

import structlog


def configure(level: str = "info") -> None:
    """Send log events to standard error; libraries speak only when something is wrong."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer(sort_keys=True)
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
