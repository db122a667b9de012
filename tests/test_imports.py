"""The shape of the package: imports point one way, and heavy ones come late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "assistant"

# Along the flow: a module imports only from modules before it.
ORDER = (
    "errors statement settings prompts progress lock receipt answer words conversation corpus "
    "examples embedder lexical chroma index retrieval statement_retriever catalogue download "
    "runtime language_model gguf_file tokenizer llama reader selection judge_network judge "
    "generation details verification draft chain assistant doctor loader chat_page chat terminal "
    "cli __main__"
).split()

# Third-party types stop at the modules that own them.
OWNERS = {
    "chromadb": {"chroma", "index"},
    "filelock": {"download", "lock"},
    "gradio": {"chat"},
    "huggingface_hub": {"download"},
    "langchain": {"language_model"},
    "langchain_openai": {"language_model"},
    "platformdirs": {"settings"},
    "rapidfuzz": {"lexical"},
    "sentence_transformers": {"embedder"},
    "tantivy": {"lexical", "words"},
    "tokenizers": {"tokenizer"},
    "torch": {"gguf_file", "judge", "judge_network", "llama", "reader"},
    "tqdm": {"progress"},
    "xllamacpp": {"runtime"},
}

HEAVY = (
    "chromadb filelock gradio httpx huggingface_hub langchain langchain_core langchain_openai "
    "numpy platformdirs pydantic rapidfuzz sentence_transformers tantivy tokenizers torch tqdm "
    "transformers xllamacpp"
).split()

MODULES = sorted(file.stem for file in PACKAGE.glob("*.py") if file.stem != "__init__")


def imports(module: str) -> set[str]:
    """Every module that a module imports, at its top or inside, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found.add(node.module or "")
            if node.module == "assistant":
                found |= {f"assistant.{name.name}" for name in node.names}
    return found


def test_every_module_has_its_place_in_the_order() -> None:
    assert set(MODULES) <= set(ORDER), "give a new module its place in ORDER"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way_along_the_flow(module: str) -> None:
    own = {name.removeprefix("assistant.") for name in imports(module) if "assistant." in name}
    for imported in own & set(ORDER):
        assert ORDER.index(imported) < ORDER.index(module), f"{module} imports {imported}"


@pytest.mark.parametrize("module", MODULES)
def test_third_party_types_stop_at_the_module_that_owns_them(module: str) -> None:
    for name in {each.partition(".")[0] for each in imports(module)} & set(OWNERS):
        assert module in OWNERS[name], f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_fits_in_the_head(module: str) -> None:
    assert len((PACKAGE / f"{module}.py").read_text().splitlines()) <= 350


@pytest.mark.parametrize(
    "script",
    [
        "import assistant; assistant.Answer; assistant.AssistantError",
        "from assistant.cli import build_parser; build_parser().format_help()",
    ],
    ids=["import assistant", "assistant --help"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(script: str) -> None:
    check = f"{script}\nimport sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", check],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not set(HEAVY) & set(loaded)
