"""The nodes that speech, text and faces need: a folder a family, a file a node."""

import os

# onnxruntime reports its use to its maker unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
