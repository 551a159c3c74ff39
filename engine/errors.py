"""The two ways a job can end badly, told apart so that every front end can say the right thing."""

__all__ = ["EngineError", "InputError"]


class InputError(ValueError):
    """Something the user gave cannot be used. The message is one sentence: what is wrong and what to do."""


class EngineError(RuntimeError):
    """A run failed although its input was fine (divergence, memory, a device). The message is one sentence."""
