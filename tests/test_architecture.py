"""The house stands as it was drawn: rooms, names, sizes, and what an import costs."""

import argparse
import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = sorted((ROOT / "dr_core").rglob("*.py"))
PROGRAM = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *LIBRARY]
LONGEST_FILE = 250
NOBODYS_ROOMS = {"utils", "util", "helpers", "helper", "common", "misc"}
TENSORFLOW = {"tensorflow", "keras", "tf_keras_vis"}
# The modules that may load TensorFlow when they are imported; nobody on the way from upload to report imports them.
HEAVY = {"dr_core.model.architecture", "dr_core.training"}
UPLOAD_TO_REPORT = [
    "dr_core",
    "dr_core.cli",
    "dr_core.screening.batch",
    "dr_core.screening.pipeline",
    "dr_core.model.explain",
    "dr_core.reports.csv",
    "dr_core.reports.json",
    "dr_core.reports.pdf",
]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_packages(path: Path) -> set[str]:
    """Top-level packages that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def is_heavy(name: str) -> bool:
    return any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)


def run_python(code: str) -> str:
    """Output of `code` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def rank_export(name: str) -> tuple[int, str]:
    """ruff's order for `__all__`: CONSTANTS, Classes, functions, each sorted by name."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name.lstrip("_")[:1].isupper() else 2
    return kind, name


def test_import_on_the_way_from_upload_to_report_loads_no_tensorflow_and_no_streamlit():
    # One interpreter for all, which forgets the library's own modules between them: each is imported as the first.
    run_python(
        "import importlib, sys\n"
        f"for module in {UPLOAD_TO_REPORT}:\n"
        "    importlib.import_module(module)\n"
        f"    loaded = sorted({TENSORFLOW | {'streamlit'}} & set(sys.modules))\n"
        "    if loaded:\n"
        "        sys.exit(f'{module} loads {loaded}')\n"
        "    for name in [name for name in sys.modules if name.split('.')[0] == 'dr_core']:\n"
        "        del sys.modules[name]\n"
    )


def test_grading_a_photograph_with_its_heatmap_loads_no_tensorflow():
    loaded = run_python(
        "import sys\n"
        "from pathlib import Path\n"
        "from dr_core.model.classifier import Classifier\n"
        "from dr_core.reports.pdf import render_pdf\n"
        "from dr_core.screening.pipeline import screen_photograph\n"
        "data = Path('assets/sample_healthy.jpg').read_bytes()\n"
        "screening = screen_photograph(data, 'sample.jpg', classifier=Classifier.load(), grade_ungradable=True)\n"
        "screening.heatmap(0)\n"
        "render_pdf([screening])\n"
        f"print(*sorted({TENSORFLOW} & set(sys.modules)))"
    )
    assert loaded == ""


def test_pages_reach_tensorflow_through_the_library_alone():
    for path in PROGRAM:
        if path not in LIBRARY:
            assert not imported_packages(path) & TENSORFLOW, name_of(path)


@pytest.mark.parametrize("path", PROGRAM, ids=name_of)
def test_file_is_short_and_has_a_name_of_its_own(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert path.stem not in NOBODYS_ROOMS
    assert path.parent.name not in NOBODYS_ROOMS


@pytest.mark.parametrize("path", [path for path in LIBRARY if not is_heavy(module_name(path))], ids=name_of)
def test_exports_are_sorted_unique_and_exist(path):
    if path.stem == "__main__":
        return
    module = importlib.import_module(module_name(path))
    exported = list(getattr(module, "__all__", []))
    assert exported == sorted(set(exported), key=rank_export)
    assert [name for name in exported if not hasattr(module, name)] == []


def test_app_file_stays_small():
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) < 60


def test_every_command_is_listed_and_every_argument_has_help():
    cli = importlib.import_module("dr_core.cli")
    modules = {path.stem: importlib.import_module(module_name(path)) for path in LIBRARY if path.parent.name == "cli"}
    commands = {name: module for name, module in modules.items() if hasattr(module, "NAME")}
    assert sorted(commands) == sorted(cli.COMMANDS)
    for name, module in commands.items():
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        assert module.SUMMARY.endswith("."), name
        silent = [action.dest for action in parser._actions if not action.help]
        assert not silent, f"{name}: {silent} without help"


def test_help_of_the_command_line_names_every_command(capsys):
    cli = importlib.import_module("dr_core.cli")
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    first_words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert set(cli.COMMANDS) <= set(first_words)
