#!/usr/bin/env python3
"""Stands in for a CLI: does what the plan beside it says, one list of steps a run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

name = Path(sys.argv[0]).name
plan = json.loads((Path(sys.argv[0]).parent / "plan.json").read_text())
if sys.argv[1] == "sandbox":
    print(plan.get("sandbox", ""), file=sys.stderr)
    sys.exit(bool(plan.get("sandbox")))
home = Path(os.environ["HOME"]) / f".{name}"
asked = home / "asked.jsonl"
number = len(asked.read_text().splitlines()) if asked.exists() else 0
with asked.open("a") as file:
    said = {"argv": sys.argv[1:], "prompt": sys.stdin.read(), "env": dict(os.environ), "cwd": str(Path.cwd())}
    file.write(json.dumps(said) + "\n")
for step in plan["runs"][min(number, len(plan["runs"]) - 1)]:
    match next(iter(step.items())):
        case ("say", event):
            print(json.dumps(event), flush=True)
        case ("print", text):
            print(text, flush=True)
        case ("err", text):
            print(text, file=sys.stderr, flush=True)
        case ("sleep", seconds):
            time.sleep(seconds)
        case ("deaf", _):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case ("leave", _):  # a child in a session of its own, which is seen as long as it lives
            loop = f"while :; do date +%s%N > {home}/alive; sleep 0.05; done"
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.Popen(["sh", "-c", loop], start_new_session=True, **quiet)
            time.sleep(0.3)
        case ("command", line):  # as Claude Code runs one
            done = subprocess.run([os.environ["CLAUDE_CODE_SHELL_PREFIX"], line], capture_output=True, text=True)
            (home / "ran").write_text(done.stdout + done.stderr)
        case ("exit", code):
            sys.exit(code)
