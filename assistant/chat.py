"""The chat: a Gradio page over one assistant, answering on this machine only."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.answer import Answer
from assistant.assistant import Assistant
from assistant.chat_page import (
    answer_html,
    as_text,
    evidence_html,
    found_html,
    header_html,
    status_html,
)
from assistant.corpus import Corpus, read_corpus
from assistant.errors import AssistantError, system_reason
from assistant.examples import example_questions
from assistant.index import index_directory
from assistant.language_model import find_model_file
from assistant.loader import Loader
from assistant.lock import DirectoryLock
from assistant.settings import Settings, keep_private, shown_name

if TYPE_CHECKING:
    import gradio

FIRST_PORT = 7860
PORTS_TRIED = 40
STATIC = Path(__file__).parent / "static"
LOOK_AGAIN_SECONDS = 0.2

Messages = list[dict[str, Any]]


def serve(settings: Settings, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Open the page and answer until interrupted.

    What can be checked without loading anything (corpus, model name, index in use, port) is
    checked first; the page opens at once and the models load behind it.

    Raises:
        AssistantError: a check failed, or the assistant could not be opened.
    """
    keep_private()
    host = host.strip("[]")
    corpus = read_corpus(settings.corpus)
    find_model_file(settings.model, settings.home)
    with DirectoryLock(index_directory(corpus, settings.home)):
        pass
    port = _free_port(host, port)
    for problem in corpus.problems:
        print(f"assistant: {problem}", file=sys.stderr)

    loader = Loader(lambda progress: Assistant.open(settings=settings, progress=progress))
    page = build_page(corpus, settings, loader)
    address = f"[{host}]" if ":" in host else host
    launch(page, settings, address, port)
    loader.start()
    print(f"The chat is open at http://{address}:{port} — Ctrl-C closes it.", flush=True)
    if host not in ("127.0.0.1", "localhost", "::1"):
        print("It answers the whole network: whoever reaches this port can read the corpus.")
    try:
        loader.wait()
        threading.Event().wait()
    finally:
        page.close(verbose=False)
        loader.close()


def launch(page: gradio.Blocks, settings: Settings, host: str, port: int) -> None:
    """Serve the page and return; nothing is shared, reported, or served from the disk."""
    import gradio

    page.queue(api_open=False, max_size=32)
    page.launch(
        server_name=host,
        server_port=port,
        inbrowser=host == "127.0.0.1" and _has_display(),
        share=False,
        quiet=True,
        show_error=True,
        prevent_thread_lock=True,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        blocked_paths=[str(Path.cwd()), str(settings.home)],
        ssr_mode=False,
        mcp_server=False,
        theme=gradio.themes.Soft(
            primary_hue="teal", font=["system-ui", "sans-serif"], font_mono=["monospace"]
        ),
        css=(STATIC / "chat.css").read_text(encoding="utf-8"),
        head=f"<script>{(STATIC / 'chat.js').read_text(encoding='utf-8')}</script>",
    )


def build_page(corpus: Corpus, settings: Settings, loader: Loader) -> gradio.Blocks:
    """The page: conversation on the left, evidence on the right."""
    import gradio

    examples = example_questions(corpus.statements)
    with gradio.Blocks(title="Ask the statements", fill_height=True) as page:
        answers = gradio.State([])
        with gradio.Row(elem_id="top"):
            gradio.HTML(
                header_html(corpus.name, len(corpus.statements), shown_name(settings.model))
            )
            status = gradio.HTML(status_html("loading", "Starting"), elem_id="status")
        with gradio.Row(equal_height=False, elem_id="columns"):
            with gradio.Column(scale=3, min_width=360):
                conversation = gradio.Chatbot(
                    label="Conversation",
                    elem_id="conversation",
                    show_label=False,
                    height="66vh",
                    allow_tags=False,
                    latex_delimiters=[],
                    buttons=["copy_all"],
                    placeholder="Ask about the corpus. Each sentence of the answer is cited.",
                    examples=[{"text": question} for question in examples],
                )
                with gradio.Row():
                    question = gradio.Textbox(
                        label="Question",
                        show_label=False,
                        placeholder="Ask a question",
                        elem_id="question",
                        max_length=2000,
                        autofocus=True,
                        scale=6,
                    )
                    send = gradio.Button("Ask", variant="primary", elem_id="ask", min_width=80)
                    stop = gradio.Button("Stop", elem_id="stop", min_width=80, interactive=False)
            with gradio.Column(scale=2, min_width=320):
                evidence = gradio.HTML(evidence_html([]), elem_id="evidence")

        def watch() -> Iterator[str]:
            while not loader.is_finished:
                yield status_html("loading", f"{loader.message} …")
                time.sleep(LOOK_AGAIN_SECONDS)
            try:
                loader.wait()
                yield status_html("ready", "Ready")
            except AssistantError as error:
                yield status_html("failed", str(error))

        def take(asked: str, messages: Messages, answering: bool) -> tuple[Any, ...]:
            if answering or not asked.strip():  # what was typed stays in the box
                return gradio.skip(), gradio.skip(), gradio.skip(), answering
            message = {"role": "user", "content": as_text(asked)}
            return "", [*messages, message], asked.strip(), True

        def take_example(
            messages: Messages, answering: bool, chosen: gradio.SelectData
        ) -> tuple[Any, ...]:
            return take(chosen.value["text"], messages, answering)

        # Gradio reads annotations at run time, where this module does not import it.
        take_example.__annotations__["chosen"] = gradio.SelectData

        def respond(
            asked: str, messages: Messages, answered: list[Answer]
        ) -> Iterator[tuple[Any, ...]]:
            idle = gradio.Button(interactive=False)
            busy = gradio.Button(interactive=True)
            if not asked:
                yield tuple(gradio.skip() for _ in range(6))
                return

            def shown(html: str, panel: Any, button: gradio.Button, answering: bool) -> Any:
                message = {"role": "assistant", "content": html}
                return [*messages, message], answered, panel, button, answering, ""

            try:
                waiting = "Searching …" if loader.is_finished else "Waiting for the models …"
                yield shown(as_text(waiting), gradio.skip(), busy, True)
                assistant = loader.wait()
                history = [(answer.question, answer.text) for answer in answered]
                hits = assistant.search(asked, history=history)
                panel = found_html(asked, hits, answered)
                yield shown(as_text("Reading …"), panel, busy, True)
                text = ""
                for event in assistant.stream(asked, history):
                    if isinstance(event, Answer):
                        answered = [*answered, event]
                        html = answer_html(event, len(answered))
                        yield shown(html, evidence_html(answered), idle, False)
                    else:
                        text += event
                        yield shown(as_text(text), panel, busy, True)
            except AssistantError as error:
                yield shown(as_text(str(error)), evidence_html(answered), idle, False)

        def stopped(messages: Messages, answered: list[Answer], answering: bool) -> tuple[Any, ...]:
            note = {"role": "assistant", "content": as_text("Stopped.")}
            return (
                [*messages, note] if answering else messages,
                evidence_html(answered),
                gradio.Button(interactive=False),
                False,
                "",
            )

        def forget() -> tuple[Any, ...]:
            return [], evidence_html([]), gradio.Button(interactive=False), False, ""

        asked = gradio.State("")
        answering = gradio.State(value=False)
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        page.load(watch, outputs=status, concurrency_limit=None, **private)
        responding = []
        for trigger, taking, inputs in (
            (question.submit, take, [question, conversation, answering]),
            (send.click, take, [question, conversation, answering]),
            (conversation.example_select, take_example, [conversation, answering]),
        ):
            taken = trigger(
                taking, inputs, [question, conversation, asked, answering], queue=False, **private
            )
            responded = taken.then(
                respond,
                [asked, conversation, answers],
                [conversation, answers, evidence, stop, answering, asked],
                concurrency_id="language-model",
                concurrency_limit=1,
                **private,
            )
            responding.append(responded)
            # An error that nobody foresaw.
            responded.failure(lambda: False, outputs=answering, queue=False, **private)
        stop.click(
            stopped,
            [conversation, answers, answering],
            [conversation, evidence, stop, answering, asked],
            cancels=responding,
            queue=False,
            **private,
        )
        conversation.clear(
            forget,
            outputs=[answers, evidence, stop, answering, asked],
            cancels=responding,
            queue=False,
            **private,
        )
    return page


def _free_port(host: str, wanted: int | None) -> int:
    candidates = [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    for port in candidates:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return port
            except OverflowError as error:
                raise AssistantError(f"{port} is not a port.") from error
            except OSError as error:
                if isinstance(error, socket.gaierror) or not _is_taken(error):
                    raise AssistantError(
                        f"Cannot listen on {host}:{port}: {system_reason(error)}."
                    ) from error
    taken = f"Port {wanted}" if wanted else f"Every port from {FIRST_PORT} on"
    raise AssistantError(f"{taken} is in use. Give another one with --port.")


def _is_taken(error: OSError) -> bool:
    import errno

    return error.errno == errno.EADDRINUSE


def _has_display() -> bool:
    """Whether a browser can open; on a bare console `webbrowser` would start a text browser."""
    import os

    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
