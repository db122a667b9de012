"""A slow OpenAI-compatible server on loopback, which notices when its client goes away."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

WORD_SECONDS = 0.15


class SlowModelServer:
    """Streams one reply word by word to whoever asks."""

    def __init__(self, reply: str) -> None:
        outer = self
        self.prompts: list[list[dict[str, str]]] = []
        self.hung_up = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(json.dumps({"data": [{"id": "slow-model"}]}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.prompts.append(body["messages"])
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    for word in reply.split(" "):
                        self._event({"content": word + " "})
                        time.sleep(WORD_SECONDS)
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    outer.hung_up.set()

            def _event(self, delta: dict[str, str]) -> None:
                chunk = {
                    "id": "1",
                    "object": "chat.completion.chunk",
                    "created": 0,
                    "model": "slow-model",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
                }
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()

            def _send(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def is_asked(self, question: str, within: float) -> bool:
        """Whether it is asked that, now or within so many seconds."""
        ends = time.monotonic() + within
        while time.monotonic() < ends:
            if any(question in prompt[-1]["content"] for prompt in list(self.prompts)):
                return True
            time.sleep(0.05)
        return False

    def __enter__(self) -> SlowModelServer:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
