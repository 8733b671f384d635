"""Logs an unexpected error without what it says: messages of exceptions quote file names, and those name patients."""

import logging
import traceback

__all__ = ["log_failure"]


def log_failure(logger: logging.Logger, where: str, error: BaseException) -> None:
    """Log types and lines of `error` and of the errors behind it, and none of their messages.

    Args:
        logger: logger of the module that caught it.
        where: what was being done, in words of our own, without names.
        error: what was caught.
    """
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        lines.append(f"{type(current).__module__}.{type(current).__qualname__}")
        lines.extend(
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)
        )
        current = current.__cause__ or current.__context__
    logger.error("%s\n%s", where, "\n".join(lines))
