"""What `pip install` brings: machines, schema and story template lie inside the wheel and are found there."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOUND = """
from engine.files.machine_file import machine_names, machine_schema, read_machine, shipped_folder
from engine.new import template_folder
import engine
print(engine.__file__)
print(shipped_folder())
print(template_folder())
print(*machine_names())
for name in machine_names():
    read_machine(shipped_folder() / f"{name}.yaml")
print(*sorted(path.name for path in template_folder().iterdir()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without any network from what is checked out."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(folder),
        str(ROOT),
    ]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, timeout=120)
    if "No module named 'hatchling'" in done.stderr or "Cannot import 'hatchling" in done.stderr:
        pytest.skip("hatchling is not installed here; it is what builds the wheel")
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


def test_machines_and_templates_are_inside(wheel: Path) -> None:
    """Every machine, the schema and every template travel under engine/shipped/."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, pattern in (("machines", "*.yaml"), ("machines", "*.json"), ("stories-template", "*.md")):
        wanted = [f"engine/shipped/{folder}/{path.name}" for path in (ROOT / folder).glob(pattern)]
        assert wanted
        assert set(wanted) <= names
    assert {"engine/cli.py", "engine/files/durations.toml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "machines/", "examples/"))]


def test_an_installed_copy_finds_them(wheel: Path, tmp_path: Path) -> None:
    """Unpacked somewhere else, the engine reads its own machines and templates from there."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}){FOUND}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    where, shipped, template, machines, files = done.stdout.splitlines()
    assert where == str(tmp_path / "engine/__init__.py")
    assert shipped == str(tmp_path / "engine/shipped/machines")
    assert template == str(tmp_path / "engine/shipped/stories-template")
    assert machines.split() == sorted(path.stem for path in (ROOT / "machines").glob("*.yaml"))
    assert files.split() == sorted(path.name for path in (ROOT / "stories-template").iterdir())


def test_the_console_script_is_there(wheel: Path) -> None:
    """The wheel brings the command `story`."""
    inside = zipfile.ZipFile(wheel)
    [name] = [name for name in inside.namelist() if name.endswith("entry_points.txt")]
    assert "story = engine.__main__:main" in inside.read(name).decode()
