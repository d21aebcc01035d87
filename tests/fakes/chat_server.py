"""A chat-completions server on loopback that misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """One answer: a status, headers and a body; ``cut`` sends less than was announced, ``hang`` sends nothing."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False


def chat(content: str | None, **extra: Any) -> Say:
    """A well-formed answer with this content."""
    message = {"role": "assistant", "content": content, **extra.pop("message", {})}
    body = {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 5}},
        **extra,
    }
    return Say(json.dumps(body))


def error(status: int, message: str, **extra: Any) -> Say:
    """An error answer as OpenAI writes it."""
    headers = extra.pop("headers", {})
    return Say(json.dumps({"error": {"message": message, **extra}}), status, headers)


def stream(*pieces: str, end: bool = True) -> Say:
    """A streamed answer; without ``end`` it breaks off."""
    events = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    if end:
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        events.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(pieces)}})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + ("data: [DONE]\n\n" if end else "")
    return Say(body, headers={"Content-Type": "text/event-stream"}, cut=not end)


Script = list[Say] | Callable[[dict[str, Any]], Say]


class ChatServer:
    """Answers each request with the next line of the script (the last one stays), or what a function says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._stopped = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        number = len(self.requests)
        self.requests.append(request)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        say = (
            self.script(request) if callable(self.script) else self.script[min(number, len(self.script) - 1)]
        )
        if say.hang:
            self._stopped.wait(30)
            handler.close_connection = True
            return
        body = say.body if isinstance(say.body, bytes) else say.body.encode()
        handler.send_response(say.status)
        for name, value in {"Content-Type": "application/json", **say.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) + (100 if say.cut else 0)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
            handler.wfile.flush()
        except OSError:
            handler.close_connection = True
        if say.cut:
            handler.close_connection = True
