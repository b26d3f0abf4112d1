"""The built-in district: an invented hutong quarter on an avenue in Beijing, the same for the same seed."""

from twin.places.synthetic.quarter import SIZES, generate

__all__ = ["SIZES", "generate"]
