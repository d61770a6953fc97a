"""A small HTTP server on a real socket, in place of the API."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec


class Api:
    """Answers what a test tells it to, and keeps what it was asked."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.asked: list[tuple[str, dict[str, list[str]], dict[str, str]]] = []
        self.location: str | None = None
        self.status, self.answer = 200, {}  # type: tuple[int, Any]
        self.hang_up_once = False
        self.file: bytes | None = None  # what /v1/metrics/export sends, and then no more of it
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                api.asked.append((parts.path, parse_qs(parts.query), dict(self.headers)))
                if api.file is not None and parts.path.endswith("/export"):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/vnd.apache.arrow.stream")
                    self.send_header("Content-Length", str(len(api.file) + 1))
                    self.end_headers()
                    self.wfile.write(api.file)
                    self.close_connection = True
                    return
                problem = api.status >= 400
                body = json.dumps(api.answer).encode() if problem else msgspec.msgpack.encode(api.answer)
                self.send_response(api.status)
                self.send_header("Content-Type", "application/problem+json" if problem else "application/msgpack")
                self.send_header("Content-Length", str(len(body)))
                if api.location is not None:
                    self.send_header("Location", api.location)
                self.end_headers()
                self.wfile.write(body)
                if api.hang_up_once:
                    api.hang_up_once = False
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://{host}:{self.server.server_address[1]}"
