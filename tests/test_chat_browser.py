"""The chat page in a real browser: real page, real models, a corpus full of markup."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.chat_server import SlowModelServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 90_000
HOSTILE = (
    "The <b>bold</b> harbour of Ostrava <script>window.pwned=1</script> opened in 1931 "
    "${window.pwned=2} {{constructor}} <img src=x onerror='window.pwned=3'> [link](javascript:0) "
    "with $$x^2$$ and `code`."
)
STATEMENTS = [
    HOSTILE,
    "The ferry to Lund sails twice a day because the channel freezes. Its captain is Ida Falk.",
    "Peat fires heat most cottages on the northern coast of the island of Arran.",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.models,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *quiet]
        )
        yield opened
        opened.close()


@contextmanager
def chat(folder: Path, *options: str) -> Iterator[str]:
    """The `assistant chat` command over the statements; gives the page's address."""
    corpus = folder / "statements.txt"
    corpus.write_text("\n".join(STATEMENTS), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "assistant", "chat", "--corpus", str(corpus)]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        env=os.environ | {"ASSISTANT_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "The chat is open" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        process.stdout.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chat(tmp_path_factory.mktemp("chat")) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    opened = browser.new_page()
    strangers: list[str] = []

    def note(url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname != "127.0.0.1":
            strangers.append(url)

    opened.on("request", lambda request: note(request.url))
    opened.goto(address)
    yield opened
    opened.close()
    assert strangers == []


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.locator("#ask").click()


def test_an_answer_is_cited_and_its_citation_opens(page: Page) -> None:
    ask(page, "Why does the ferry to Lund sail twice a day?")
    expect(page.locator(".byline")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".said").last).to_contain_text("the channel freezes")
    marker = page.locator("a.cite").first
    marker.hover()
    expect(page.locator("#quote-card")).to_contain_text("the channel freezes")
    marker.click()
    quote = page.locator("#citation-1-1")
    expect(quote).to_be_focused()
    assert quote.inner_text() in STATEMENTS[1]


def test_a_question_asked_while_the_models_load_is_answered(
    browser: Browser, tmp_path: Path
) -> None:
    with chat(tmp_path) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.locator(".status.loading")).to_be_visible()
        ask(page, "Who is the captain of the ferry to Lund?")
        expect(page.locator(".said").last).to_contain_text("Ida Falk", timeout=PATIENCE)
        page.close()


def test_the_page_says_so_when_the_corpus_does_not_answer(page: Page) -> None:
    ask(page, "How do I bake sourdough bread?")
    expect(page.locator(".abstained")).to_contain_text("does not say", timeout=PATIENCE)
    expect(page.locator(".evidence")).to_contain_text("Nearest statements")
    expect(page.locator("a.cite")).to_have_count(0)


def test_an_example_question_can_be_clicked(page: Page) -> None:
    page.get_by_role("button", name=re.compile("What is said about Ida Falk")).click()
    expect(page.locator(".byline, .abstained")).to_be_visible(timeout=PATIENCE)


def test_markup_in_a_statement_or_a_question_is_only_text(page: Page) -> None:
    ask(page, "When did the <img src=x onerror='window.pwned=4'> harbour of Ostrava open?")
    expect(page.locator(".byline")).to_be_visible(timeout=PATIENCE)
    page.locator("a.cite").first.hover()
    page.locator("a.cite").first.click()
    card = page.locator(".card.cited").first
    expect(card).to_contain_text("<script>window.pwned=1</script>")
    expect(card).to_contain_text("${window.pwned=2} {{constructor}}")
    expect(page.locator(".said").first).to_contain_text("<img src=x")
    assert page.evaluate("window.pwned") is None
    assert page.locator("#evidence img, #evidence script, .said img, .said b").count() == 0


def test_stop_ends_the_answer_and_frees_the_model(browser: Browser, tmp_path: Path) -> None:
    # One sentence: after a few that no quote carries the answer would end by itself.
    rambling = "The moon moves " + ", ".join(f"the tide of day {day}" for day in range(100))
    with SlowModelServer(rambling) as server, chat(tmp_path, "--model", server.url) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=PATIENCE)
        server.hung_up.clear()
        question = "Why does the ferry to Lund sail twice a day?"
        ask(page, question)
        expect(page.get_by_text("Reading …")).to_be_visible(timeout=PATIENCE)
        assert server.is_asked(question, within=PATIENCE / 1000)
        expect(page.locator("#stop")).to_be_enabled()
        page.locator("#stop").click()
        expect(page.get_by_text("Stopped.")).to_be_visible(timeout=5_000)
        expect(page.locator("#stop")).to_be_disabled()
        started = time.monotonic()
        assert server.hung_up.wait(timeout=10), "the model went on answering nobody"
        assert time.monotonic() - started < 10
        page.close()


def test_a_question_sent_while_another_is_answered_stays_in_the_box(
    browser: Browser, tmp_path: Path
) -> None:
    slow = "The ferry to Lund sails twice a day because the channel freezes. " * 3
    with SlowModelServer(slow) as server, chat(tmp_path, "--model", server.url) as url:
        page = browser.new_page()
        page.goto(url)
        expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=PATIENCE)
        box = page.locator("#question textarea")
        ask(page, "Why does the ferry to Lund sail twice a day?")
        expect(page.get_by_text("Reading …")).to_be_visible(timeout=PATIENCE)
        for send in (lambda: box.press("Enter"), page.locator("#ask").click):
            box.fill("Who is the captain of the ferry to Lund?")
            send()
            page.wait_for_timeout(500)
            expect(box).to_have_value("Who is the captain of the ferry to Lund?")
        expect(page.locator(".byline")).to_have_count(1, timeout=PATIENCE)
        box.press("Enter")
        expect(page.locator(".byline")).to_have_count(2, timeout=PATIENCE)
        expect(box).to_have_value("")
        expect(page.locator(".said")).to_have_count(4)
        page.close()


def test_a_question_that_waits_for_another_page_is_answered_however_often_it_is_sent(
    browser: Browser, tmp_path: Path
) -> None:
    slow = "The ferry to Lund sails twice a day because the channel freezes. " * 3
    with SlowModelServer(slow) as server, chat(tmp_path, "--model", server.url) as url:
        first, second = browser.new_page(), browser.new_page()
        for page in (first, second):
            page.goto(url)
            expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=PATIENCE)
        ask(first, "Why does the ferry to Lund sail twice a day?")
        expect(first.get_by_text("Reading …")).to_be_visible(timeout=PATIENCE)
        ask(second, "Who is the captain of the ferry to Lund?")
        expect(second.locator(".said")).to_have_count(1, timeout=PATIENCE)
        second.locator("#ask").click()
        box = second.locator("#question textarea")
        box.fill("When did the harbour of Ostrava open?")
        second.locator("#ask").click()
        expect(second.locator(".byline")).to_have_count(1, timeout=PATIENCE)
        expect(second.locator(".said").last).to_contain_text("Ida Falk")
        expect(second.locator("#stop")).to_be_disabled()
        second.wait_for_timeout(500)
        expect(second.locator(".said")).to_have_count(2)
        expect(box).to_have_value("When did the harbour of Ostrava open?")
        second.locator("#ask").click()
        expect(second.locator(".byline")).to_have_count(2, timeout=PATIENCE)
        first.close()
        second.close()


def test_a_second_chat_over_the_same_corpus_names_the_first(address: str, tmp_path: Path) -> None:
    with chat(tmp_path) as _:
        second = subprocess.run(
            [sys.executable, "-m", "assistant", "chat"],
            env=os.environ
            | {
                "ASSISTANT_HOME": str(tmp_path / "home"),
                "ASSISTANT_CORPUS": str(tmp_path / "statements.txt"),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert second.returncode == 1
    assert len(second.stderr.strip().splitlines()) == 1
    assert "in use by process" in second.stderr


def test_a_port_in_use_is_one_clear_line(address: str, tmp_path: Path) -> None:
    port = str(urlsplit(address).port)
    taken = subprocess.run(
        [sys.executable, "-m", "assistant", "chat", "--port", port],
        env=os.environ | {"ASSISTANT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert taken.returncode == 1
    assert (
        taken.stderr.strip() == f"assistant: Port {port} is in use. Give another one with --port."
    )
