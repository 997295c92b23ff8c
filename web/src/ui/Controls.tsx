import { type ReactNode, useEffect, useRef } from "react";

import type { AudioManager } from "../core/audioManager";
import type { VoiceHandle } from "../hooks/useVoiceConversation";
import { HangUpIcon, MicrophoneIcon, PhoneIcon } from "./icons";

interface Props {
  call: VoiceHandle;
  /** There is a conversation to call. */
  ready: boolean;
  onCall: () => void;
}

/** Call and hang up, mute, and the microphone. */
export function Controls({ call, ready, onCall }: Props): ReactNode {
  const { audio, busy, voice } = call;
  const { muted, recording, devices, device } = audio.state;
  return (
    <div className="controls" role="group" aria-label="Call controls">
      <button
        type="button"
        className="round mute"
        aria-pressed={muted}
        disabled={!recording}
        onClick={() => audio.setMuted(!muted)}
      >
        <MicrophoneIcon off={muted} />
        <span className="hidden">Mute microphone</span>
      </button>
      <div className="microphone">
        <label className="hidden" htmlFor="microphone">
          Microphone
        </label>
        <select id="microphone" value={device} onChange={({ target }) => void voice.chooseMicrophone(target.value)}>
          <option value="">Default microphone</option>
          {devices.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
        <LevelMeter audio={voice.audio} recording={recording} />
      </div>
      {busy ? (
        <button type="button" className="action hangup" onClick={() => voice.end()}>
          <HangUpIcon />
          Hang up
        </button>
      ) : (
        <button type="button" className="action start" disabled={!ready} onClick={onCall}>
          <PhoneIcon />
          Call
        </button>
      )}
    </div>
  );
}

/** How often the number for screen readers changes. */
const SPOKEN_MS = 500;

/** Moves by itself, without drawing anything of the page anew. */
function LevelMeter({ audio, recording }: { audio: AudioManager; recording: boolean }): ReactNode {
  const meter = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let request = 0;
    let spokenMs = 0;
    let shown = 0;
    const draw = (nowMs: number): void => {
      shown = Math.max(audio.level(), shown * 0.9);
      meter.current?.style.setProperty("--level", shown.toFixed(3));
      if (nowMs - spokenMs > SPOKEN_MS) {
        spokenMs = nowMs;
        meter.current?.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
      }
      request = requestAnimationFrame(draw);
    };
    if (recording) request = requestAnimationFrame(draw);
    else meter.current?.style.setProperty("--level", "0");
    return () => cancelAnimationFrame(request);
  }, [audio, recording]);
  return (
    <div
      ref={meter}
      className="level"
      role="meter"
      aria-label="Microphone level"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
