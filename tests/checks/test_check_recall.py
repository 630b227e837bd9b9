"""Clean packs are clean, and planted faults are found with the right code, file and line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from planting import PLANTERS, Fault, plant
from worlds import make_world

from engine.checks import CATALOGUE, check_pack
from engine.files.pack import read_pack
from tests.rounds import rounds

PLANTS = rounds(5)
ON_DISK = ("C001", "C002", "C003")


@pytest.mark.parametrize("layout", ["folders", "files"])
@pytest.mark.parametrize("size", [2, 4, 6, 9])
def test_clean_packs_are_clean(layout: str, size: int) -> None:
    """Nothing is reported on packs without faults."""
    for seed in range(rounds(3)):
        world = make_world(seed, size, layout)
        assert check_pack(world.pack(), world.exists()) == []


def test_every_code_is_planted() -> None:
    """Each code of the catalogue has planters."""
    assert {*PLANTERS, *ON_DISK} == {*CATALOGUE}


@pytest.mark.parametrize("code", sorted(set(CATALOGUE) - set(ON_DISK)))
def test_planted_faults_are_found(code: str, record_property: pytest.RecordProperty) -> None:
    """Of the faults of each code, at least 95 % are found at their line."""
    missed: list[Fault] = []
    planted = seed = 0
    while planted < PLANTS:
        seed += 1
        assert seed < 20 * PLANTS, f"the planters of {code} hardly ever fit"
        rng = random.Random(f"{code}-{seed}")
        layout = rng.choice(["folders", "folders", "files"])
        world = make_world(rng.randrange(1_000_000), 4, layout)
        fault = plant(world, code, rng)
        if fault:
            planted += 1
            found = check_pack(world.pack(), world.exists())
            if not any((p.code, p.file, p.line) == (code, fault.file, fault.line) for p in found):
                missed.append(fault)
    record_property("recall", f"{code}: {planted - len(missed)} of {planted}")
    print(f"{code}: {planted - len(missed)} of {planted} found")
    assert len(missed) * 20 <= planted, missed


@pytest.mark.parametrize("code", ON_DISK)
def test_bad_files_are_found(code: str, tmp_path: Path) -> None:
    """A file that cannot be read, is not UTF-8 or leads out of the repository is one problem each."""
    outside = tmp_path / "outside.md"
    outside.write_text("# Secret\n")
    for seed in range(PLANTS):
        rng = random.Random(f"{code}-{seed}")
        world = make_world(seed, 4)
        root = tmp_path / f"repository-{seed}"
        for name, lines in world.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("\n".join(lines) + "\n")
        path = rng.choice([p for p in world.files if "story-" in p])
        file, line = root / path, 1
        if code == "C002":
            line = rng.randrange(1, len(world.files[path]))
            bad = [t.encode() for t in world.files[path]]
            bad[line - 1] += rng.choice([b"\xff", b"caf\xe9", b"\xc3("])
            file.write_bytes(b"\n".join(bad))
        else:
            file.unlink()
            file.mkdir() if code == "C001" else file.symlink_to(outside)
        pack, problems = read_pack(root, root / world.home)
        assert [(p.code, p.file, p.line) for p in problems] == [(code, path, line)]
        lost = code != "C002" and path.endswith("story.md")
        assert len(pack.stories) == len(world.tales) - lost
