"""A Python package's jar in a Java process of its own, called through py4j; nothing else here knows py4j.

The packages' own Python classes are not used: they open a port without a password and a second one for callbacks, and
want ``java`` on ``PATH``.
"""

from __future__ import annotations

import importlib
import os
import weakref
from pathlib import Path
from typing import Any, ClassVar

from purpose_agent.environments.java import FAST_START, JavaProcess
from purpose_agent.errors import EnvironmentFailure, MissingDependencyError

CALL_SECONDS = 120
"""How long one call may take before the game counts as gone."""


class GameRefusedError(Exception):
    """The library refused a request and lives on; the message is its own."""


class JavaServer:
    """One Java process that plays one game at a time; subclasses say which and give its calls types.

    Attributes:
        title: what people call it.
        package: the Python package that brings the jar.
        extra: the extra of this package that installs it.
        options: for the virtual machine.

    Raises:
        MissingDependencyError: the package or Java is not installed.
        EnvironmentFailure: Java does not start.
    """

    title: ClassVar[str]
    package: ClassVar[str]
    extra: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = FAST_START

    def __init__(self) -> None:
        try:
            jar = Path(importlib.import_module(f"{self.package}.constants").JAR_PATH)
            py4j: Any = importlib.import_module("py4j.java_gateway")
            self._errors: Any = importlib.import_module("py4j.protocol")
        except ImportError as error:
            raise MissingDependencyError(self.package, self.extra) from error
        jars = [Path(py4j.find_jar_path()), jar]  # the first counts where the second brings py4j too
        self.process = JavaProcess(jars, jar.parent, self.options, self.extra)
        gateway = _connect(py4j, self.process)
        self.close = weakref.finalize(self, _close, gateway, self.process)
        """End Java; also called when this object is collected and when Python exits."""
        self.jvm: Any = gateway.jvm

    @property
    def usable(self) -> bool:
        """Whether calls can succeed: not closed, alive, and started by this process, not by its parent."""
        return self.close.alive and self.process.alive and self.process.owner == os.getpid()

    def call(self, function: Any, *arguments: object) -> Any:
        """The answer of a Java method.

        Raises:
            GameRefusedError: the method threw.
            EnvironmentFailure: Java is gone; it is closed now.
        """
        try:
            return function(*arguments)
        except self._errors.Py4JJavaError as error:
            lines = str(error).splitlines()
            raise GameRefusedError(lines[1].lstrip(": ") if len(lines) > 1 else str(error)) from error
        except (self._errors.Py4JError, OSError) as error:
            self.close()
            raise EnvironmentFailure(
                f"the Java process of {self.title} is gone ({error}); reset starts a new one. "
                f"Its last words: {self.process.last_words or 'none'}"
            ) from error


def _connect(py4j: Any, process: JavaProcess) -> Any:
    """A py4j gateway on the process; no connection is made before the first call."""

    class OnceClient(py4j.GatewayClient):
        """Sends a command once. The original sends a lost one again, and prints a traceback."""

        def send_command(self, command: str, retry: bool = True, binary: bool = False) -> str:
            connection = self._get_connection()
            try:
                answer = connection.send_command(command)
            except BaseException:  # an interrupted connection still holds the answer nobody read
                connection.close(reset=True)
                raise
            self._give_back_connection(connection)
            return answer

    parameters = py4j.GatewayParameters(
        address="127.0.0.1",
        port=process.port,
        auth_token=process.token,
        read_timeout=CALL_SECONDS,
        enable_memory_management=False,
    )
    gateway = py4j.JavaGateway(gateway_parameters=parameters)
    gateway.set_gateway_client(OnceClient(gateway_parameters=parameters))
    return gateway


def _close(gateway: Any, process: JavaProcess) -> None:
    if os.getpid() != process.owner:
        return
    try:
        gateway.close()
    finally:
        process.stop()
