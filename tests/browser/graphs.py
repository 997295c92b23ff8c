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

CHINESE = f"""
vitagraph: 1
description: The assistant in Chinese, but its answers are known beforehand.
extends: {ROOT / "graphs" / "assistant-zh.yaml"}
params:
  greeting: ""
nodes:
  chat:
    use: dialogue.script
    language: zh
    rules:
      - when: .*世界.*
        say: 你好，很高兴认识你。今天天气很好，我们一起去公园散步吧。
    otherwise: 请再说一遍好吗？
    fallback: null
  tts:
    deadline: {{first: 20s, stall: 10s, total: 1m}} # beside a browser that draws a face
    cache: {{size: 64MB, prefetch: [你好，很高兴认识你。, 今天天气很好，我们一起去公园散步吧。]}}
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
