import { useEffect } from "react";

import type { AudioManager, AudioState } from "../core/audioManager";
import { useStore } from "./useStore";

export interface AudioHandle {
  state: AudioState;
  startMicrophone(): Promise<MediaStream>;
  stopMicrophone(): void;
  play(stream: MediaStream): Promise<void>;
  resume(): Promise<void>;
  stopPlaying(): void;
  setMuted(muted: boolean): void;
  /** To be asked once a frame. */
  level(): number;
}

/** Microphone and loudspeaker; frees tracks, audio element and AudioContext when the component goes. */
export function useAudioManager(audio: AudioManager): AudioHandle {
  const state = useStore(audio.state);
  useEffect(() => {
    if (globalThis.isSecureContext) void audio.listDevices();
    return () => {
      audio.stopMicrophone();
      audio.stopPlaying();
    };
  }, [audio]);
  return {
    state,
    startMicrophone: () => audio.startMicrophone(),
    stopMicrophone: () => audio.stopMicrophone(),
    play: (stream) => audio.play(stream),
    resume: () => audio.resume(),
    stopPlaying: () => audio.stopPlaying(),
    setMuted: (muted) => audio.setMuted(muted),
    level: () => audio.level(),
  };
}
