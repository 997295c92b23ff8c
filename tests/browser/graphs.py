"""The graphs of the browser tests."""

from __future__ import annotations

from tests.browser.host import ROOT

_EARS = """
  caller: webrtc.source
  vad: vad.webrtc
  turn: {use: turn.endpoint, floor: 200ms, ceiling: 300ms, interrupt_after: 200ms, partials: 0s}
"""

PREPARED = """
vitagraph: 1
description: Answers every utterance with a sound that is known beforehand.
nodes:
  {ears}
  chat: {{use: "tests.browser.nodes:Prepared", sound: {sound}, seconds: {seconds}}}
  face: {{use: "tests.browser.nodes:Jaw"}}
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> chat -> playback.audio
  - chat -> face -> playback.avatar
"""

ASSISTANT = f"""
vitagraph: 1
description: The assistant that ships, but its answers are short enough for a test.
extends: {ROOT / "graphs" / "assistant.yaml"}
params:
  greeting: ""
nodes:
  chat:
    max_tokens: 24
"""

TALK = """
vitagraph: 1
description: Answers by rules, with a small voice and a face.
nodes:
  caller: webrtc.source
  vad: vad.webrtc
  turn: {use: turn.endpoint, floor: 300ms}
  asr: {use: asr.whisper, model: whisper-tiny.en}
  chat:
    use: dialogue.script
    rules:
      - when: story
        say: >-
          Once there was a lighthouse on a rock in the sea. A keeper lived in it with a cat and an old radio.
          Every night they listened to the ships, and every morning they wrote down what they had heard.
    otherwise: I have counted them all, and there is one missing.
  sentences: text.sentences
  tts: tts.hibari
  face: face.visemes
  playback: webrtc.sink
links:
  - caller -> vad -> turn -> asr -> chat -> sentences -> tts -> playback.audio
  - turn.typed -> chat
  - tts -> face -> playback.avatar
"""


def prepared(sound: str, seconds: float) -> str:
    """A graph that answers with a sound of tests.browser.nodes."""
    return PREPARED.format(ears=_EARS.strip(), sound=sound, seconds=seconds)
