"""Times as forwarded messages write them: of the platform's region, and UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

__all__ = ["region_time", "utc_time"]

#: The platform's local times are those of its region.
_REGION = timezone(timedelta(hours=8))


def region_time(ms: int) -> str:
    """`2018-08-31 15:32:28.205`, UTC+8, of UTC milliseconds."""
    return f"{datetime.fromtimestamp(ms // 1000, _REGION):%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}"


def utc_time(ms: int) -> str:
    """`2018-08-31T07:32:28.205Z` of UTC milliseconds."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
