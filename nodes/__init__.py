"""The nodes for speech, text and faces: one folder per family, one file per node."""

import os

# onnxruntime sends telemetry unless this is set before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
