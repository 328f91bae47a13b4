"""How a tool says no."""


class Refused(Exception):
    """Raised by a tool to say that it did nothing, and why. The model is told."""
