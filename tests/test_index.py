"""The statement index: in step with the corpus, owned by one process, mended after anything."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from assistant.corpus import Corpus, corpus_of, read_corpus
from assistant.errors import IndexingError
from assistant.index import BATCH, StatementIndex, SyncReport, index_directory
from assistant.statement import Statement
from tests.conftest import OpenIndex
from tests.fakes import WordEmbedder

ROOT = Path(__file__).parent.parent
TEXTS = ["Bees fly by day.", "Honey keeps for years.", "Wax melts early."]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    file = tmp_path / "notes.txt"
    file.write_text("\n".join(TEXTS))
    return file


def synced(index: StatementIndex) -> SyncReport:
    index.close()
    return index.report


def finds(index: StatementIndex, text: str) -> bool:
    """Whether a text finds itself, by its vector and by its words."""
    (nearest,) = index.dense(index.embed(text), 1)
    return index.statements[nearest].text == text and nearest in index.lexical(text, 1)


def run_script(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that has the tests' embedder at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class TestSync:
    def test_a_first_opening_embeds_every_statement_once(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        embedder = WordEmbedder()
        index = open_index(read_corpus(notes), embedder)
        assert index.report == SyncReport(added=3, changed=0, removed=0, unchanged=0, embedded=3)
        assert embedder.embedded == TEXTS
        assert all(finds(index, text) for text in TEXTS)

    def test_nothing_is_embedded_again_when_nothing_changed(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        synced(open_index(read_corpus(notes)))
        embedder = WordEmbedder()
        index = open_index(read_corpus(notes), embedder)
        assert index.report == SyncReport(added=0, changed=0, removed=0, unchanged=3, embedded=0)
        assert embedder.embedded == []
        assert all(finds(index, text) for text in TEXTS)

    def test_what_was_added_changed_and_removed_is_all_that_is_touched(
        self, open_index: OpenIndex, tmp_path: Path
    ) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"id":"a","text":"One."}\n{"id":"b","text":"Two."}\n{"text":"Three."}')
        synced(open_index(read_corpus(file)))
        file.write_text('{"id":"a","text":"One."}\n{"id":"b","text":"Deux."}\n{"text":"Quatre."}')
        embedder = WordEmbedder()
        index = open_index(read_corpus(file), embedder)
        assert index.report == SyncReport(added=1, changed=1, removed=1, unchanged=1, embedded=2)
        assert embedder.embedded == ["Deux.", "Quatre."]
        assert finds(index, "Deux.")
        assert index.lexical("Two Three", 5) == {}
        assert len(index.dense(index.embed("Three."), 9)) == 3

    def test_a_statement_that_moves_or_gets_another_id_lends_its_vector(
        self, open_index: OpenIndex, tmp_path: Path
    ) -> None:
        folder = tmp_path / "corpus"
        folder.mkdir()
        (folder / "a.txt").write_text("\n".join(TEXTS))
        synced(open_index(read_corpus(folder)))
        (folder / "a.txt").rename(folder / "b.txt")
        (folder / "b.txt").write_text("\n\n" + "\n".join(reversed(TEXTS)))
        embedder = WordEmbedder()
        index = open_index(read_corpus(folder), embedder)
        assert index.report == SyncReport(added=3, changed=0, removed=3, unchanged=0, embedded=0)
        assert embedder.embedded == []
        assert all(finds(index, text) for text in TEXTS)

    def test_texts_that_trade_their_ids_trade_their_vectors(
        self, open_index: OpenIndex, tmp_path: Path
    ) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"id":"a","text":"Bees fly."}\n{"id":"b","text":"Wax melts."}')
        synced(open_index(read_corpus(file)))
        file.write_text('{"id":"b","text":"Bees fly."}\n{"id":"a","text":"Wax melts."}')
        index = open_index(read_corpus(file))
        assert finds(index, "Bees fly.")
        assert finds(index, "Wax melts.")

    def test_a_new_title_is_embedded_and_other_metadata_is_not(
        self, open_index: OpenIndex, tmp_path: Path
    ) -> None:
        file = tmp_path / "rows.jsonl"
        file.write_text('{"id":"a","text":"They fly.","year":1}')
        synced(open_index(read_corpus(file)))
        file.write_text('{"id":"a","text":"They fly.","year":2}')
        assert synced(open_index(read_corpus(file))) == SyncReport(0, 1, 0, 0, 0)
        file.write_text('{"id":"a","text":"They fly.","year":2,"title":"Bees"}')
        assert synced(open_index(read_corpus(file))) == SyncReport(0, 1, 0, 0, 1)

    def test_two_corpora_have_two_indexes(self, open_index: OpenIndex, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "notes.txt").write_text(f"From {name}.")
            index = open_index(read_corpus(tmp_path / name / "notes.txt"))
            assert index.report.added == 1
            assert len(index.dense(index.embed("From."), 9)) == 1

    def test_rebuilding_embeds_everything_again(self, open_index: OpenIndex, notes: Path) -> None:
        synced(open_index(read_corpus(notes)))
        index = open_index(read_corpus(notes), rebuild=True)
        assert index.report == SyncReport(added=3, changed=0, removed=0, unchanged=0, embedded=3)
        assert all(finds(index, text) for text in TEXTS)

    def test_progress_is_told_from_nothing_to_everything(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        told: list[tuple[str, int, int]] = []
        open_index(read_corpus(notes), progress=lambda *step: told.append(step))
        assert told[0][1:] == (0, 3)
        assert told[-1][1:] == (3, 3)

    def test_odd_text_is_stored_and_found(self, open_index: OpenIndex) -> None:
        odd = ["nul \0 inside it", "emoji 🐝 only", "…", "العسل يبقى", "line\u2028separator"]
        index = open_index(odd)
        for text in odd:
            (nearest,) = index.dense(index.embed(text), 1)
            assert index.statements[nearest].text == text


class TestEmbedder:
    def test_another_embedder_is_refused_by_name_and_accepted_with_a_rebuild(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        synced(open_index(read_corpus(notes), WordEmbedder("small", 32)))
        with pytest.raises(IndexingError, match=r"'small', not 'large'.* index --rebuild") as told:
            open_index(read_corpus(notes), WordEmbedder("large", 64))
        assert len(str(told.value).splitlines()) == 1
        index = open_index(read_corpus(notes), WordEmbedder("large", 64), rebuild=True)
        assert finds(index, TEXTS[0])

    def test_refusing_an_embedder_leaves_the_index_as_it_was(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        synced(open_index(read_corpus(notes), WordEmbedder("small")))
        with pytest.raises(IndexingError):
            open_index(read_corpus(notes), WordEmbedder("large"))
        assert open_index(read_corpus(notes), WordEmbedder("small")).report.unchanged == 3

    def test_an_embedder_that_fails_leaves_a_directory_that_can_be_rebuilt_at_once(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        class Failing(WordEmbedder):
            def embed_statements(self, texts: object) -> np.ndarray:
                raise MemoryError

        synced(open_index(read_corpus(notes)))
        with pytest.raises(MemoryError):
            open_index(read_corpus(notes), Failing(), rebuild=True)
        report = open_index(read_corpus(notes), rebuild=True).report
        assert report == SyncReport(added=3, changed=0, removed=0, unchanged=0, embedded=3)


OPEN_AND_WAIT = """
import sys
from pathlib import Path
from assistant.corpus import read_corpus
from assistant.index import StatementIndex
from tests.fakes import WordEmbedder
index = StatementIndex(read_corpus(sys.argv[1]), WordEmbedder(), Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.read()
index.close()
"""

DIES_IN_THE_SECOND_BATCH = """
import os, signal, sys
from pathlib import Path
from assistant.corpus import read_corpus
from assistant.index import StatementIndex
from tests.fakes import WordEmbedder

class Killed(WordEmbedder):
    def embed_statements(self, texts):
        if self.embedded:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_statements(texts)

StatementIndex(read_corpus(sys.argv[1]), Killed(), Path(sys.argv[2]))
"""


class TestOneOwner:
    def test_a_second_opening_in_the_same_process_names_this_process(
        self, open_index: OpenIndex, notes: Path
    ) -> None:
        first = open_index(read_corpus(notes))
        with pytest.raises(IndexingError, match=rf"in use by process {os.getpid()} ") as told:
            open_index(read_corpus(notes))
        assert len(str(told.value).splitlines()) == 1
        assert finds(first, TEXTS[0])

    def test_a_second_process_is_told_who_holds_the_index_and_the_next_one_gets_it(
        self, open_index: OpenIndex, notes: Path, home: Path
    ) -> None:
        with run_script(OPEN_AND_WAIT, notes, home) as holder:
            assert holder.stdout.readline() == "open\n"
            with pytest.raises(IndexingError, match=rf"in use by process {holder.pid} "):
                open_index(read_corpus(notes))
            _, errors = holder.communicate("done")
        assert (holder.returncode, errors) == (0, "")
        assert open_index(read_corpus(notes)).report.unchanged == 3

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
    def test_a_writer_killed_half_way_leaves_its_finished_batches_and_an_index_that_opens(
        self, open_index: OpenIndex, tmp_path: Path, home: Path
    ) -> None:
        many = tmp_path / "many.txt"
        many.write_text("\n".join(f"Statement about subject{n}." for n in range(BATCH + 20)))
        with run_script(DIES_IN_THE_SECOND_BATCH, many, home) as writer:
            _, errors = writer.communicate()
        assert (writer.returncode, errors) == (-signal.SIGKILL, "")
        index = open_index(read_corpus(many))
        assert index.report == SyncReport(
            added=20, changed=0, removed=0, unchanged=BATCH, embedded=20
        )
        assert finds(index, "Statement about subject0.")
        assert finds(index, f"Statement about subject{BATCH + 19}.")


FIND_ITSELF = """
import sys
from pathlib import Path
from assistant.corpus import read_corpus
from assistant.errors import IndexingError
from assistant.index import StatementIndex
from tests.fakes import WordEmbedder
try:
    index = StatementIndex(read_corpus(sys.argv[1]), WordEmbedder(dimension=16), Path(sys.argv[2]))
    (nearest,) = index.dense(index.embed("about subject7"), 1)
    print(index.statements[nearest].text == "about subject7")
except IndexingError as error:
    print(error)
"""


def damage(file: Path) -> None:
    file.write_bytes(b"not what it was " * 64)


class TestDamage:
    @pytest.fixture
    def directory(self, open_index: OpenIndex, notes: Path, home: Path) -> Path:
        synced(open_index(read_corpus(notes)))
        return index_directory(read_corpus(notes), home)

    def test_a_damaged_store_is_one_clear_line_and_a_rebuild_mends_it(
        self, open_index: OpenIndex, notes: Path, home: Path, directory: Path
    ) -> None:
        damage(directory / "chroma" / "chroma.sqlite3")
        with pytest.raises(IndexingError, match="assistant index --rebuild") as told:
            open_index(read_corpus(notes))
        assert len(str(told.value).splitlines()) == 1
        # In another process, as the command line would be.
        script = OPEN_AND_WAIT.replace("Path(sys.argv[2])", "Path(sys.argv[2]), rebuild=True")
        with run_script(script, notes, home) as rebuilding:
            assert rebuilding.communicate("") == ("open\n", "")

    def test_a_damaged_store_can_be_rebuilt_by_the_process_that_found_the_damage(
        self, open_index: OpenIndex, notes: Path, directory: Path
    ) -> None:
        damage(directory / "chroma" / "chroma.sqlite3")
        with pytest.raises(IndexingError):
            open_index(read_corpus(notes))
        assert finds(open_index(read_corpus(notes), rebuild=True), TEXTS[0])

    @pytest.mark.parametrize(
        ("pattern", "how"),
        [
            ("*.term", damage),
            ("meta.json", damage),
            (".managed.json", damage),
            ("*.store", Path.unlink),
            ("meta.json", Path.unlink),  # half removed, as by a process killed while rebuilding
        ],
    )
    def test_a_damaged_lexical_index_is_derived_again(
        self,
        open_index: OpenIndex,
        notes: Path,
        directory: Path,
        pattern: str,
        how: Callable[[Path], None],
    ) -> None:
        (file,) = (directory / "lexical").glob(pattern)
        how(file)
        assert all(finds(open_index(read_corpus(notes)), text) for text in TEXTS[:1])

    def test_a_lexical_index_of_other_statements_is_derived_again(
        self, open_index: OpenIndex, notes: Path, directory: Path
    ) -> None:
        (directory / "lexical" / "fingerprint").write_text("of something else")
        assert finds(open_index(read_corpus(notes)), TEXTS[0])

    def test_a_store_that_is_gone_is_made_again(
        self, open_index: OpenIndex, notes: Path, directory: Path
    ) -> None:
        (directory / "chroma" / "chroma.sqlite3").unlink()
        index = open_index(read_corpus(notes))
        assert index.report.embedded == 3
        assert finds(index, TEXTS[0])

    def test_cut_off_vectors_are_an_error_or_made_again_but_never_a_wrong_result(
        self, open_index: OpenIndex, tmp_path: Path, home: Path
    ) -> None:
        many = tmp_path / "many.txt"  # from 1,000 on, Chroma keeps its graph in files
        many.write_text("\n".join(f"about subject{number}" for number in range(1100)))
        synced(open_index(read_corpus(many), WordEmbedder(dimension=16)))
        (vectors,) = index_directory(read_corpus(many), home).rglob("data_level0.bin")
        vectors.write_bytes(b"")
        with run_script(FIND_ITSELF, many, home) as reader:
            output, errors = reader.communicate()
        assert (reader.returncode, errors) == (0, "")
        assert output == "True\n" or "--rebuild" in output


OPEN_WITH_SMALL_FILES = """
import resource, sys
from pathlib import Path
from assistant.corpus import read_corpus
from assistant.errors import IndexingError
from assistant.index import StatementIndex
from tests.fakes import WordEmbedder
for limit in (0, 1_000, 100_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        StatementIndex(read_corpus(sys.argv[1]), WordEmbedder(), Path(sys.argv[2])).close()
        line = "opened"
    except IndexingError as error:
        line = str(error)
    except Exception as error:
        line = repr(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    print(line)
"""


class TestDisk:
    @pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
    def test_a_disk_that_takes_no_more_is_one_clear_line_and_loses_nothing(
        self, open_index: OpenIndex, notes: Path, home: Path
    ) -> None:
        with run_script(OPEN_WITH_SMALL_FILES, notes, home) as full:
            output, errors = full.communicate()
        assert errors == ""
        lines = output.splitlines()
        assert len(lines) == 3, output
        for line in lines:
            assert line.startswith(("Cannot write", "The index in")), line
        assert all(finds(open_index(read_corpus(notes)), text) for text in TEXTS[:1])

    def test_a_home_that_is_a_file_is_one_clear_line(self, notes: Path, home: Path) -> None:
        home.write_text("")
        with pytest.raises(IndexingError, match="Set ASSISTANT_HOME to a folder"):
            StatementIndex(read_corpus(notes), WordEmbedder(), home)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_home_that_may_not_be_written_is_one_clear_line(
        self, open_index: OpenIndex, notes: Path, home: Path
    ) -> None:
        home.mkdir()
        home.chmod(0o500)
        with pytest.raises(IndexingError, match="Cannot write to"):
            open_index(read_corpus(notes))

    def test_the_directory_has_a_name_that_a_person_recognises(self, home: Path) -> None:
        statement = Statement("a", "One.")
        names = {
            index_directory(Corpus(Path(path), (statement,)), home).name
            for path in ("/x/My notes.txt", "/y/My notes.txt", "/x/日本語", "/")
        }
        assert len(names) == 4
        assert sum(name.startswith("My-notes-txt-") for name in names) == 2
        assert all(len(name) <= 50 for name in names)


class TestMemory:
    def test_an_index_in_memory_writes_nothing(self, index_of: OpenIndex, tmp_path: Path) -> None:
        assert finds(index_of(*TEXTS), TEXTS[1])
        assert list(tmp_path.iterdir()) == []

    def test_indexes_in_memory_do_not_see_each_other(self, index_of: OpenIndex) -> None:
        bees, wax = index_of("Bees fly."), index_of("Wax melts.")
        assert finds(bees, "Bees fly.")
        assert finds(wax, "Wax melts.")
        assert len(bees.dense(bees.embed("Wax melts."), 5)) == 1

    def test_closing_one_leaves_the_others_open(self, index_of: OpenIndex) -> None:
        kept = index_of("Bees fly.")
        with closing(StatementIndex(corpus_of(["Wax melts."]), WordEmbedder())):
            pass
        assert finds(kept, "Bees fly.")

    def test_closing_twice_does_no_harm(self) -> None:
        index = StatementIndex(corpus_of(["Wax melts."]), WordEmbedder())
        index.close()
        index.close()


@contextmanager
def chroma_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real Chroma server on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("chroma"), "run", "--path", folder]
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process
        process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as (address, _):
        yield address


@pytest.fixture
def _collects_what_chroma_leaves_open() -> Iterator[None]:
    yield
    gc.collect()


# Chroma's HTTP client has no way to close its connections; they go when it is collected.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.usefixtures("_collects_what_chroma_leaves_open")
class TestServer:
    def test_the_vectors_are_kept_by_the_server_and_nothing_is_embedded_twice(
        self, open_index: OpenIndex, notes: Path, home: Path, server: str
    ) -> None:
        assert finds(open_index(read_corpus(notes), chroma_url=server), TEXTS[0])
        directory = index_directory(read_corpus(notes), home)
        assert not (directory / "chroma").exists()

    def test_a_server_that_has_the_statements_gives_their_vectors_back(
        self, open_index: OpenIndex, notes: Path, server: str
    ) -> None:
        synced(open_index(read_corpus(notes), chroma_url=server))
        assert open_index(read_corpus(notes), chroma_url=server).report.embedded == 0
        with pytest.raises(IndexingError, match="in use by process"):
            open_index(read_corpus(notes), chroma_url=server)

    def test_two_homes_on_one_server_leave_each_others_statements_alone(
        self, notes: Path, tmp_path: Path, server: str
    ) -> None:
        one, other = tmp_path / "one", tmp_path / "other"
        with closing(StatementIndex(read_corpus(notes), WordEmbedder(), one, server)):
            pass
        notes.write_text("Something else.\n")
        with closing(StatementIndex(read_corpus(notes), WordEmbedder(), other, server)):
            pass
        notes.write_text("\n".join(TEXTS))
        with closing(StatementIndex(read_corpus(notes), WordEmbedder(), one, server)) as index:
            assert index.report.embedded == 0

    def test_a_rebuild_on_a_server_embeds_everything_again(
        self, open_index: OpenIndex, notes: Path, server: str
    ) -> None:
        synced(open_index(read_corpus(notes), chroma_url=server))
        assert open_index(read_corpus(notes), chroma_url=server, rebuild=True).report.embedded == 3

    @pytest.mark.parametrize(
        ("address", "says"),
        [
            ("http://127.0.0.1:9", "No Chroma server answers at http://127.0.0.1:9"),
            ("ftp://somewhere", "is not the address of a Chroma server"),
            ("localhost:8000", "is not the address of a Chroma server"),
            ("http://localhost:99999", "is not the address of a Chroma server"),
            ("http://[::1", "is not the address of a Chroma server"),
        ],
    )
    def test_an_address_where_no_server_answers_is_one_clear_line(
        self, open_index: OpenIndex, notes: Path, address: str, says: str
    ) -> None:
        with pytest.raises(IndexingError, match=says):
            open_index(read_corpus(notes), chroma_url=address)

    def test_a_server_that_goes_away_is_one_clear_line(
        self, open_index: OpenIndex, notes: Path, tmp_path: Path
    ) -> None:
        with chroma_server(tmp_path) as (address, process):
            index = open_index(read_corpus(notes), chroma_url=address)
            process.kill()
            process.wait()
            with pytest.raises(IndexingError):
                index.dense(index.embed("Bees"), 1)
