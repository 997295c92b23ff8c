import { type ReactNode, useEffect, useRef } from "react";

import type { AudioManager } from "../core/audioManager";
import { useLanguage } from "../hooks/useLanguage";
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
  const { words } = useLanguage();
  const { audio, busy, voice } = call;
  const { muted, recording, devices, device } = audio.state;
  return (
    <div className="controls" role="group" aria-label={words.callControls}>
      <button
        type="button"
        className="round mute"
        aria-pressed={muted}
        disabled={!recording}
        onClick={() => audio.setMuted(!muted)}
      >
        <MicrophoneIcon off={muted} />
        <span className="hidden">{words.mute}</span>
      </button>
      <div className="microphone">
        <label className="hidden" htmlFor="microphone">
          {words.microphone}
        </label>
        <select id="microphone" value={device} onChange={({ target }) => void voice.chooseMicrophone(target.value)}>
          <option value="">{words.defaultMicrophone}</option>
          {devices.map(({ id, label }, index) => (
            <option key={id} value={id}>
              {label || words.numberedMicrophone(index + 1)}
            </option>
          ))}
        </select>
        <LevelMeter audio={voice.audio} recording={recording} />
      </div>
      {busy ? (
        <button type="button" className="action hangup" onClick={() => voice.end()}>
          <HangUpIcon />
          {words.hangUp}
        </button>
      ) : (
        <button type="button" className="action start" disabled={!ready} onClick={onCall}>
          <PhoneIcon />
          {words.call}
        </button>
      )}
    </div>
  );
}

/** How often the number for screen readers changes. */
const SPOKEN_MS = 500;

/** Moves by itself, without drawing anything of the page anew. */
function LevelMeter({ audio, recording }: { audio: AudioManager; recording: boolean }): ReactNode {
  const { words } = useLanguage();
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
      aria-label={words.level}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    />
  );
}
