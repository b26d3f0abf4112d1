"""What is there and what is happening: the district and everything that is known of it."""

from os import PathLike

from twin.errors import BadInput, HutongError, Unavailable
from twin.places import District


def open(path: str | PathLike[str]) -> District:  # noqa: A001 - reads as twin.open(path)
    """Open a district's GeoPackage.

    >>> district = open("beijing.gpkg")  # doctest: +SKIP
    """
    return District.open(path)


__all__ = ["BadInput", "District", "HutongError", "Unavailable", "open"]
