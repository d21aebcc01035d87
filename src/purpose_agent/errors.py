"""One small tree of errors, sorted by the boundary they cross.

Every error carries the offending value and a remedy in its message. Inside a run none of them escapes: the
engine records them in the result. They are raised only where a caller can act: bad arguments, a missing
dependency, a store that cannot be opened.
"""

from __future__ import annotations

from purpose_agent.freeze import encodable


class PurposeAgentError(Exception):
    """Root of everything this package raises on purpose.

    Attributes:
        exit_code: what the command line returns for it (2 bad usage, 3 a broken dependency or environment).
    """

    exit_code = 3


class UsageError(PurposeAgentError, ValueError):
    """An argument is wrong; nothing was started."""

    exit_code = 2


class MissingDependencyError(PurposeAgentError, ImportError):
    """An optional dependency is not installed.

    Args:
        package: the import name that failed.
        extra: the extra of this package that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package!r} is not installed; install the extra: pip install 'purpose-agent[{extra}]' "
            f"(from a checkout: pip install '.[{extra}]')"
        )
        self.package = package
        self.extra = extra


class ModelError(PurposeAgentError):
    """The model boundary: a backend could not answer.

    Attributes:
        transient: True when the same call may succeed later (an outage, a timeout, a rate limit).
            A transient failure never becomes a lesson.
    """

    transient = False


class ModelUnavailableError(ModelError):
    """The model did not answer: connection, timeout, rate limit or server error, after retries."""

    transient = True


class ModelRequestError(ModelError):
    """The model's server refused the request: a bad key, an unknown model, a request it cannot serve."""


class ModelOutputError(ModelError):
    """The model answered, but not in the form that was asked for, even after a repair request.

    Args:
        message: what is wrong with the reply.
        raw: the reply as it came, for the record.
    """

    def __init__(self, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.raw = raw


class EnvironmentFailure(PurposeAgentError):
    """The environment boundary: the world itself is gone or gave something unusable; the run ends.

    An ordinary exception from ``execute`` is not this: it is an observation, and the run goes on.
    """


class StoreError(PurposeAgentError):
    """The store boundary: opening, reading or writing failed; nothing was changed."""


class StoreVersionError(StoreError):
    """The store was written by a newer version of this package."""


class StoreCorruptError(StoreError):
    """The file is not a store, or is damaged."""


class StoreReadOnlyError(StoreError):
    """The store's folder or file cannot be written."""


def describe_error(error: BaseException) -> str:
    """One line for a person: the type's name and the message, without a traceback, as text that can be stored."""
    text = encodable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
